// The disk fails or is full at the nth call of every kind: the sender hears A700 or nothing is
// wrong, nothing acknowledged is lost, and when the error has passed it goes on without restart. A
// start that cannot succeed says what and where.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <memory>
#include <random>

#include "dicom/network/status.h"
#include "tests/faults/fault_shim.h"
#include "tests/faults/promises.h"
#include "tests/support/process_memory.h"

namespace latent::test {
namespace {

struct Row {
  int faults = 0, starts_refused = 0, instances_refused = 0, acknowledged = 0, lost = 0;
};

/// All on one archive: making a database costs seconds. It is stopped when a test begins.
class IoErrorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    archive_ = std::make_unique<ArchiveProcess>();
    shim_ = std::make_unique<FaultShim>(archive().data_dir(), archive().scratch("shim"));
  }
  static void TearDownTestSuite() { archive_.reset(); }
  static ArchiveProcess& archive() { return *archive_; }
  static FaultShim& shim() { return *shim_; }

  void SetUp() override {
    if (!shim_works_here()) GTEST_SKIP() << "the fault shim and a sanitizer do not go together";
    if (!archive().is_running()) return;
    ASSERT_EQ(archive().stop(), 0);
  }

  Load next_load() {
    Load load{.root = "2.25.5" + std::to_string(++round_), .senders = 2, .objects_each = 9};
    load.persistent = true;  // what is refused is sent again, as a modality does
    return load;
  }

  /// One life with the fault: start, load, check, stop. False when the fault was not reached.
  bool live_with(const Fault& fault) {
    Row& row = rows_[fault.kind + " fails with " + fault.what];
    archive().set_environment(shim().with_fault(fault));
    if (const auto refusal = archive().try_start()) {
      EXPECT_EQ(refusal->exit_code, 2) << refusal->log;
      expect_names_the_place(refusal->log);
      ++row.starts_refused;
      archive().set_environment({});
      archive().start();
    }
    Senders senders(archive().port(), next_load());
    senders.join();
    for (const auto& [status, count] : senders.refusals()) {
      EXPECT_EQ(status, dicom::network::status::kStoreOutOfResources) << std::hex << status;
      row.instances_refused += count;
    }
    for (const auto& [study, numbers] : senders.fates())
      for (const auto& [number, acknowledged] : numbers)
        EXPECT_TRUE(acknowledged) << study << " " << number << ": it did not recover by itself";
    const Kept kept = expect_promises_kept(archive(), senders.fates());
    row.acknowledged += kept.acknowledged;
    row.lost += kept.lost;
    EXPECT_EQ(archive().stop(), 0) << archive().log();
    const bool is_reached = !shim().hits().empty();
    row.faults += is_reached ? 1 : 0;
    return is_reached;
  }

  void expect_names_the_place(const std::string& log) {
    const auto hits = shim().hits();
    ASSERT_FALSE(hits.empty()) << "a start was refused without a fault: " << log;
    const std::string path = hits.back().substr(hits.back().find(' ') + 1);
    EXPECT_NE(log.find(path), std::string::npos) << path << " is not named: " << log;
    const bool says_why = log.find("Input/output error") != std::string::npos ||
                          log.find("No space left on device") != std::string::npos;
    EXPECT_TRUE(says_why) << log;
  }

  std::mt19937_64 random_{printed_seed()};
  static inline std::unique_ptr<ArchiveProcess> archive_;
  static inline std::unique_ptr<FaultShim> shim_;
  int round_ = 0;
  std::map<std::string, Row> rows_;
};

TEST_F(IoErrorTest, TheNthCallOfEveryKindFailsAndNothingAcknowledgedIsLost) {
  struct Kind {
    const char* name;
    const char* what;
    int nth_max;  ///< about as often as one life makes such a call
  };
  constexpr std::array<Kind, 10> kKinds{{{"open", "EIO", 8},
                                         {"open", "ENOSPC", 8},
                                         {"write", "EIO", 20},
                                         {"write", "ENOSPC", 20},
                                         {"sync", "EIO", 20},
                                         {"sync", "ENOSPC", 20},
                                         {"fallocate", "ENOSPC", 1},
                                         {"fallocate", "EIO", 1},
                                         {"truncate", "EIO", 1},
                                         {"read", "EIO", 30}}};
  for (const Kind& kind : kKinds) {
    // Every n of it, or a few drawn ones.
    const int times = long_form() ? kind.nth_max : std::min(2, kind.nth_max);
    for (int i = 1; i <= times && !HasFailure(); ++i) {
      const int nth = times == kind.nth_max
                          ? i
                          : std::uniform_int_distribution(1 + (i - 1) * kind.nth_max / times,
                                                          i * kind.nth_max / times)(random_);
      SCOPED_TRACE(std::string(kind.name) + " " + std::to_string(nth) + " " + kind.what);
      live_with({.kind = kind.name, .nth = nth, .what = kind.what});
    }
  }
  archive().set_environment({});
  archive().start();
  expect_verified(archive());

  ProofTable table("io-errors", {"call", "faults", "starts refused", "instances refused",
                                 "acknowledged", "lost"});
  for (const auto& [what, row] : rows_)
    table.add({what, std::to_string(row.faults), std::to_string(row.starts_refused),
               std::to_string(row.instances_refused), std::to_string(row.acknowledged),
               std::to_string(row.lost)});
  table.note("What was refused was sent again until it was taken, without a restart.");
  for (const auto& [what, row] : rows_) EXPECT_GT(row.faults, 0) << what << " was never reached";
}

TEST_F(IoErrorTest, ASegmentWhoseSyncFailedIsNeverWrittenAgain) {
  // Every sync of segments fails for as long as the switch is on.
  archive().set_environment(shim().with_fault(
      {.kind = "sync", .what = "EIO", .count = 0, .path = ".seg"}, FaultShim::When::switched));
  archive().start();
  Senders before(archive().port(), {.root = "2.25.41", .senders = 2, .large = false});
  before.join();

  shim().switch_on();
  for (int attempt = 0; attempt < 3; ++attempt) {
    const StoreAnswer refused = DicomPeer(archive().port()).store(object_of("2.25.42", 1));
    EXPECT_EQ(refused.status, dicom::network::status::kStoreOutOfResources) << refused.comment;
  }
  expect_promises_kept(archive(), before.fates());  // reads go on
  shim().switch_off();
  EXPECT_TRUE(DicomPeer(archive().port()).store(object_of("2.25.42", 1)).is_stored());
  for (const std::string& hit : shim().hits()) {
    const std::string path = hit.substr(hit.find(' ') + 1);
    EXPECT_LE(std::ranges::count(shim().hits(), hit), 1) << path << " was synced again";
  }
  EXPECT_EQ(archive().stop(), 0);
  archive().set_environment({});
  archive().start();
  expect_promises_kept(archive(), before.fates());
  expect_promises_kept(archive(), {{"2.25.42", {{1, true}}}});
  expect_verified(archive());
}

TEST_F(IoErrorTest, AFirstStartThatFailsLeavesNothingThatStopsTheNext) {
  const int tries = long_form() ? 6 : 1;
  for (const char* kind : {"write", "sync", "rename"}) {
    for (int nth = 1; nth <= tries; ++nth) {
      SCOPED_TRACE(std::string(kind) + " " + std::to_string(nth));
      ArchiveProcess fresh({}, ArchiveProcess::NotStarted{});
      FaultShim shim(fresh.data_dir(), fresh.scratch("shim"));
      fresh.set_environment(shim.with_fault({.kind = kind, .nth = nth, .what = "ENOSPC"}));
      const auto refusal = fresh.try_start();
      if (shim.hits().empty()) break;
      if (refusal) {
        EXPECT_EQ(refusal->exit_code, 2) << refusal->log;
        EXPECT_NE(refusal->log.find("No space left on device"), std::string::npos) << refusal->log;
        fresh.set_environment({});
        fresh.start();
      }
      EXPECT_TRUE(DicomPeer(fresh.port()).store(object_of("2.25.43", 1)).is_stored());
    }
  }
}

TEST_F(IoErrorTest, ASlowDiskMakesSendersWaitAndNotTheMemoryGrow) {
  archive().set_environment(
      shim().with_fault({.kind = "sync", .what = "slow=300", .count = 0, .path = ".seg"}));
  archive().start();
  const std::uint64_t before = memory_of(archive().process_id());
  Load load{.root = "2.25.44", .senders = 16, .studies_each = 1, .objects_each = 24};
  Senders senders(archive().port(), load);
  senders.join();
  EXPECT_TRUE(senders.refusals().empty()) << "nobody is refused for a slow disk";
  const std::uint64_t peak = peak_memory_of(archive().process_id());
  std::cout << "16 senders, each sync 300 ms: memory " << before / 1000 << " kB before, at most "
            << peak / 1000 << " kB\n";
  // 256 MiB may be held (ingest_bytes) and twice that is in use while it is sealed.
  EXPECT_LT(peak - before, 700'000'000u);
  expect_promises_kept(archive(), senders.fates());
}

}  // namespace
}  // namespace latent::test
