// PostgreSQL stopped, frozen, killed and back again while the archive serves: stores are refused
// with A700 and reads with a status of their own, in time; it goes on by itself.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>

#include "dicom/network/status.h"
#include "tests/faults/promises.h"
#include "tests/faults/until.h"
#include "tests/support/process_memory.h"

namespace latent::test {
namespace {

namespace status = dicom::network::status;
namespace tags = dicom::model::tags;
using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point began) {
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

/// Stops the postmaster and all that it started; they are returned.
std::vector<int> freeze(int postmaster) {
  // The postmaster first: it then starts no more, and the list of children is only reliable for
  // one that is stopped.
  ::kill(postmaster, SIGSTOP);
  const std::string id = std::to_string(postmaster);
  const std::string stat = "/proc/" + id + "/stat";
  until(
      [&] {
        std::ifstream file(stat);
        std::string process, name, state;
        return file >> process >> name >> state && state == "T";
      },
      std::chrono::seconds(10));
  std::ifstream list("/proc/" + id + "/task/" + id + "/children");
  std::vector<int> family{postmaster};
  for (int child = 0; list >> child;) family.push_back(child);
  for (const int process : family) ::kill(process, SIGSTOP);
  return family;
}

/// All on one archive: making a database costs seconds.
class DatabaseOutage : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { archive_ = std::make_unique<ArchiveProcess>(); }
  static void TearDownTestSuite() { archive_.reset(); }
  static ArchiveProcess& archive() { return *archive_; }

  void SetUp() override {
    static int tests = 0;
    study_ = "2.25.22." + std::to_string(++tests);
    if (!archive().is_running()) archive().start();
    Senders senders(archive().port(), {.root = study_ + ".9", .senders = 2, .large = false});
    senders.join();
    before_ = senders.fates();
  }

  DicomPeer peer() const { return DicomPeer(archive().port()); }
  StoreAnswer store(int number) const { return peer().store(object_of(study_, number)); }
  FindAnswer find() const {
    return peer().find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"},
                                     {tags::kStudyInstanceUid, before_.begin()->first}});
  }
  RetrieveAnswer get() const {
    const DicomObject example = object_of(before_.begin()->first, 1);
    return peer().get(
        Root::study,
        {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, before_.begin()->first}},
        std::span(&example, 1));
  }
  /// What everybody hears while the database is away; the longest answer took `limit_s` at most.
  void expect_refusals(const std::string& what, double limit_s) {
    auto began = SteadyClock::now();
    EXPECT_EQ(store(1).status, status::kStoreOutOfResources) << what;
    const double store_s = seconds_since(began);
    began = SteadyClock::now();
    EXPECT_EQ(store(2).status, status::kStoreOutOfResources) << what;
    const double again_s = seconds_since(began);
    began = SteadyClock::now();
    EXPECT_EQ(find().status, status::kFindOutOfResources) << what;
    const double find_s = seconds_since(began);
    began = SteadyClock::now();
    const RetrieveAnswer refused = get();
    EXPECT_EQ(refused.status, status::kRetrieveCannotCountMatches) << what;
    EXPECT_TRUE(refused.delivered.empty()) << what << ": bytes left without an audit row";
    const double get_s = seconds_since(began);
    std::cout << what << ": refused C-STORE after " << text(store_s) << ", the next after "
              << text(again_s) << ", C-FIND " << text(find_s) << ", C-GET " << text(get_s) << "\n";
    for (const double taken : {store_s, again_s, find_s, get_s}) EXPECT_LT(taken, limit_s) << what;
  }
  static std::string text(double seconds) {
    return std::to_string(static_cast<int>(seconds * 1000)) + " ms";
  }
  void expect_all_well() {
    EXPECT_TRUE(until([&] { return store(1).is_stored(); }, std::chrono::seconds(60)));
    expect_promises_kept(archive(), before_);
    expect_promises_kept(archive(), {{study_, {{1, true}}}});
  }

  static inline std::unique_ptr<ArchiveProcess> archive_;
  std::string study_;
  Fates before_;
};

TEST_F(DatabaseOutage, StoppedItRefusesAtOnceAndTheArchiveBringsItBack) {
  for (const int signal : {SIGKILL, SIGQUIT, SIGINT}) {
    const int postmaster = archive().database_process();
    // Kept from coming back at once: its folder has another name for a while.
    const auto pg = archive().data_dir() / "pg";
    const auto away = archive().data_dir() / "pg-away";
    std::filesystem::rename(pg, away);
    ::kill(postmaster, signal);
    ASSERT_TRUE(wait_for_exit(postmaster, SteadyClock::now() + std::chrono::seconds(20)));
    expect_refusals("ended by signal " + std::to_string(signal), 10);
    // Made anew by the archive, which must not happen: then the old one would be forgotten.
    ASSERT_FALSE(std::filesystem::exists(pg)) << archive().log();
    std::filesystem::rename(away, pg);
    expect_all_well();
    EXPECT_NE(archive().database_process(), postmaster);
  }
  expect_verified(archive());
  EXPECT_EQ(archive().stop(), 0);
}

TEST_F(DatabaseOutage, FrozenItIsRefusedWithinTheStatementTimeOut) {
  const auto family = freeze(archive().database_process());
  expect_refusals("frozen", 25);
  for (const int process : family) ::kill(process, SIGCONT);
  expect_all_well();
  EXPECT_EQ(archive().stop(), 0);
}

TEST_F(DatabaseOutage, AStopWhileItIsAwayIsStillAStop) {
  const auto family = freeze(archive().database_process());
  const auto began = SteadyClock::now();
  for (const int process : family) ::kill(process, SIGKILL);
  EXPECT_EQ(archive().stop(), 0);
  std::cout << "stopped without a database in " << text(seconds_since(began)) << "\n";
  archive().start();
  expect_all_well();
}

TEST_F(DatabaseOutage, WithALongPathTheRestartedDatabaseIsFoundAgain) {
  // Its socket is then in a folder of its own (sun_path holds 107 bytes).
  const auto folder = archive().scratch(std::string(90, 'd'));
  ArchiveProcess far({.data_dir = folder / "data"});
  ASSERT_TRUE(DicomPeer(far.port()).store(object_of("2.25.23", 1)).is_stored());
  const int killed = far.database_process();
  ::kill(killed, SIGKILL);
  // Its backends live on for a moment and may even store.
  const auto is_new = [&] {
    const int now = far.database_process();
    return now != 0 && now != killed;
  };
  EXPECT_TRUE(until(is_new, std::chrono::seconds(60))) << far.log();
  EXPECT_TRUE(
      until([&] { return DicomPeer(far.port()).store(object_of("2.25.23", 2)).is_stored(); },
            std::chrono::seconds(60)))
      << far.log();
  expect_promises_kept(far, {{"2.25.23", {{1, true}, {2, true}}}});
  EXPECT_EQ(far.stop(), 0);
}

TEST_F(DatabaseOutage, ManySendersMeanwhileCostNoMemoryAndNoDescriptors) {
  const auto family = freeze(archive().database_process());
  const std::uint64_t before = memory_of(archive().process_id());
  Senders senders(archive().port(),
                  {.root = "2.25.24", .senders = 8, .studies_each = 1, .objects_each = 2});
  senders.join();
  const std::uint64_t after = memory_of(archive().process_id());
  for (const int process : family) ::kill(process, SIGCONT);
  EXPECT_EQ(senders.acknowledged(), 0u);
  for (const auto& [code, count] : senders.refusals())
    EXPECT_EQ(code, status::kStoreOutOfResources);
  std::cout << "8 senders of a frozen database: memory " << before / 1000 << " kB, then "
            << after / 1000 << " kB; " << descriptors_of(archive().process_id())
            << " descriptors; longest answer " << senders.slowest().count() << " ms\n";
  EXPECT_LT(after, before + 400'000'000);
  expect_all_well();
  expect_repetition_works(archive(), senders.fates());
}

}  // namespace
}  // namespace latent::test
