// The power goes: what was written and not synced is forgotten, torn at 512 bytes, out of order.
// Only the archive's own files are concerned; PostgreSQL's durability is its own business.
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <random>

#include "security/base/clock.h"
#include "security/base/fail_point.h"
#include "tests/faults/fault_shim.h"
#include "tests/faults/power_cut.h"
#include "tests/faults/promises.h"

namespace latent::test {
namespace {

using namespace std::chrono_literals;

struct Row {
  int cuts = 0, acknowledged = 0, lost = 0;
  std::uint64_t sectors_lost = 0, sectors_kept = 0, names_lost = 0, lengths_lost = 0;
};

class PowerCutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!shim_works_here()) GTEST_SKIP() << "the fault shim and a sanitizer do not go together";
  }
  int any(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }

  std::vector<std::string> any_environment(FaultShim& shim) {
    // Some rounds also fail a sync: what it should have made durable is gone for good.
    auto environment = any(0, 3) == 0
                           ? shim.with_journal_and_fault({.kind = "sync", .nth = any(1, 20)})
                           : shim.with_journal();
    if (any(0, 1) == 0) return environment;
    const auto place = fail_point::kPlaces[static_cast<std::size_t>(
        any(0, static_cast<int>(fail_point::kPlaces.size()) - 1))];
    environment.push_back("LATENT_FAIL=" + std::string(place) + ":" +
                          std::to_string(place.starts_with("seg.") ? 1 : any(1, 25)));
    return environment;
  }

  /// One start under the shim, load, death and cut; what was promised meanwhile.
  Fates live_and_lose_power(ArchiveProcess& archive, FaultShim& shim) {
    archive.set_environment(any_environment(shim));
    Fates fates;
    if (const auto refusal = archive.try_start(); !refusal) {
      Load load{.root = "2.25.8" + std::to_string(++round_), .senders = 3};
      load.large = round_ % 3 == 0;
      Senders senders(archive.port(), load);
      senders.wait_for(static_cast<std::size_t>(any(0, 110)));
      // Now and then it stops in order: then too it may die before its last sync.
      if (any(0, 4) == 0) ::kill(archive.process_id(), SIGTERM);
      if (any(0, 1) == 0) archive.wait_for_end(deadline_in(std::chrono::milliseconds(any(0, 50))));
      if (archive.is_running()) archive.kill();
      senders.join();
      fates = senders.fates();
    }
    const PowerCut cut = cut_power(shim, random_);
    Row& row = rows_[cut.style];
    ++row.cuts;
    row.sectors_lost += cut.sectors_lost;
    row.sectors_kept += cut.sectors_kept;
    row.names_lost += cut.names_lost;
    row.lengths_lost += cut.lengths_lost;
    last_ = &row;
    return fates;
  }

  void check(ArchiveProcess& archive, const Fates& fates) {
    const Kept kept = expect_promises_kept(archive, fates);
    last_->acknowledged += kept.acknowledged;
    last_->lost += kept.lost;
  }

  void print_table() {
    ProofTable table("power-cuts", {"forgotten", "cuts", "sectors lost", "unsynced and kept",
                                    "names lost", "lengths lost", "acknowledged", "lost"});
    for (const auto& [style, row] : rows_)
      table.add({style, std::to_string(row.cuts), std::to_string(row.sectors_lost),
                 std::to_string(row.sectors_kept), std::to_string(row.names_lost),
                 std::to_string(row.lengths_lost), std::to_string(row.acknowledged),
                 std::to_string(row.lost)});
  }

  std::mt19937_64 random_{printed_seed()};
  int round_ = 0;
  std::map<std::string, Row> rows_;
  Row* last_ = nullptr;
};

TEST_F(PowerCutTest, WhatWasAcknowledgedSurvivesAndTheRestIsWholeOrGone) {
  ArchiveProcess archive;
  ASSERT_EQ(archive.stop(), 0);
  FaultShim shim(archive.data_dir(), archive.scratch("shim"));
  const int cuts = long_form() ? 500 : 30;
  Fates all;
  for (int cut = 1; cut <= cuts && !HasFailure(); ++cut) {
    SCOPED_TRACE("cut " + std::to_string(cut) + ", study root 2.25.8" + std::to_string(round_ + 1));
    const Fates fates = live_and_lose_power(archive, shim);
    archive.set_environment({});
    archive.start();
    check(archive, fates);
    all.insert(fates.begin(), fates.end());
    if (any(0, 9) == 0) expect_repetition_works(archive, fates);
    if (cut % 50 == 0) expect_verified(archive);
    if (any(0, 1) == 0)
      archive.kill();
    else
      EXPECT_EQ(archive.stop(), 0);
  }
  if (archive.is_running()) archive.kill();
  archive.set_environment({});
  archive.start();
  expect_verified(archive);
  EXPECT_EQ(archive.log().find("segment is damaged"), std::string::npos) << archive.log();
  EXPECT_EQ(archive.log().find("key ring damaged"), std::string::npos) << archive.log();
  EXPECT_EQ(archive.stop(), 0);

  std::uint64_t forgotten = 0;
  for (const auto& [style, row] : rows_) forgotten += row.sectors_lost + row.names_lost;
  EXPECT_GT(forgotten, 0u) << "nothing was ever forgotten: the shim does not see the writes";
  print_table();
}

TEST_F(PowerCutTest, AnArchiveThatNeverGotReadyStartsAfterwards) {
  const int cuts = long_form() ? 60 : 3;
  for (int cut = 0; cut < cuts && !HasFailure(); ++cut) {
    ArchiveProcess archive({}, ArchiveProcess::NotStarted{});
    FaultShim shim(archive.data_dir(), archive.scratch("shim"));
    auto environment = shim.with_journal();
    const char* const place = std::array{"ring.rewrite", "ring.done", "pg.insert"}[cut % 3];
    environment.push_back("LATENT_FAIL=" + std::string(place));
    archive.set_environment(environment);
    const auto refusal = archive.try_start();
    ASSERT_TRUE(refusal) << place << " was not reached";
    EXPECT_EQ(refusal->signal, SIGKILL) << refusal->log;
    cut_power(shim, random_);

    archive.set_environment({});
    archive.start();
    Senders senders(archive.port(), {.root = "2.25.9", .senders = 2, .large = false});
    senders.join();
    expect_promises_kept(archive, senders.fates());
    EXPECT_EQ(archive.stop(), 0);
  }
}

}  // namespace
}  // namespace latent::test
