// The archive and its database are killed at every place where that makes a difference, and at
// random: what was acknowledged is there afterwards, bit for bit, and nothing half is visible.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <random>
#include <sstream>

#include "security/base/clock.h"
#include "security/base/fail_point.h"
#include "tests/faults/fault_shim.h"
#include "tests/faults/promises.h"

namespace latent::test {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

const std::string kRandom = "at random";
const std::string kStopping = "at random while stopping";
const std::string kPostmaster = "PostgreSQL: kill -9 of the postmaster";
const std::string kBackend = "PostgreSQL: kill -9 of a backend";
const std::string kImmediate = "PostgreSQL: immediate stop";
const std::string kAll = "archive and PostgreSQL, kill -9 of both";

/// How often a place is passed in one round, about: where the nth is drawn from.
int passes_of(std::string_view place) {
  if (place == "seg.roll" || place == "seg.seal" || place == "ring.rewrite") return 1;
  if (place == "ring.done" || place == "key.create") return 6;
  if (place == "recv.partial" || place == "seal.done") return 100;
  return 25;
}

struct Row {
  int kills = 0, acknowledged = 0, lost = 0;
  double slowest_s = 0;  ///< start after it, or until PostgreSQL was back
};

double seconds_since(SteadyClock::time_point began) {
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

std::string seconds_text(double seconds) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << seconds << " s";
  return text.str();
}

std::vector<int> children_of(int process) {
  const std::string id = std::to_string(process);
  std::ifstream list("/proc/" + id + "/task/" + id + "/children");
  std::vector<int> children;
  for (int child = 0; list >> child;) children.push_back(child);
  return children;
}

/// The postmaster's children that serve a connection of the archive.
std::vector<int> backends_of(int postmaster) {
  std::vector<int> backends;
  for (const int child : children_of(postmaster)) {
    std::ifstream file("/proc/" + std::to_string(child) + "/cmdline");
    std::string title;
    std::getline(file, title, '\0');
    if (title.find("[local]") != std::string::npos) backends.push_back(child);
  }
  return backends;
}

class Crash : public ::testing::Test {
 protected:
  static constexpr int kSenders = 4, kObjects = 20, kStudies = 2;

  Load next_load() {
    Load load;
    load.root = "2.25.7" + std::to_string(++round_);
    load.senders = kSenders;
    load.studies_each = kStudies;
    load.objects_each = kObjects;
    load.large = round_ % 4 == 0;
    return load;
  }
  int any(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }

  /// Checks a round, and now and then that senders may repeat all of it.
  void settle(const std::string& what, const Fates& fates, double seconds) {
    const Kept kept = expect_promises_kept(archive_, fates);
    Row& row = rows_[what];
    ++row.kills;
    row.acknowledged += kept.acknowledged;
    row.lost += kept.lost;
    row.slowest_s = std::max(row.slowest_s, seconds);
    if (any(0, 9) == 0) expect_repetition_works(archive_, fates);
  }

  /// Seconds that it took.
  double start_again() {
    if (archive_.is_running()) archive_.kill();
    archive_.set_environment({});
    const auto began = SteadyClock::now();
    archive_.start();
    return seconds_since(began);
  }

  void die_at(const std::string& place);
  void die_at_random(const std::string& what);
  void kill_database(const std::string& what);

  std::mt19937_64 random_{printed_seed()};
  ArchiveProcess archive_;
  int round_ = 0;
  std::map<std::string, Row> rows_;
};

/// The process ends itself at the named place, under load, at the start or at the stop.
void Crash::die_at(const std::string& place) {
  if (archive_.is_running()) any(0, 1) == 0 ? archive_.kill() : static_cast<void>(archive_.stop());
  archive_.set_environment(
      {"LATENT_FAIL=" + place + ":" + std::to_string(any(1, passes_of(place)))});
  if (const auto refusal = archive_.try_start()) {
    EXPECT_EQ(refusal->signal, SIGKILL) << refusal->log;
    return settle(place, {}, start_again());
  }
  Senders senders(archive_.port(), next_load());
  if (place == "seg.seal") {
    senders.wait_for(static_cast<std::size_t>(any(1, 60)));
    ::kill(archive_.process_id(), SIGTERM);
  }
  senders.join();
  // Not passed as often as that: then it dies after the load.
  const bool is_dead =
      archive_.wait_for_end(place == "seg.seal" ? deadline_in(30s) : deadline_in(200ms));
  const double start_s = start_again();
  settle(is_dead ? place : kRandom, senders.fates(), start_s);
}

void Crash::die_at_random(const std::string& what) {
  if (!archive_.is_running()) start_again();
  Senders senders(archive_.port(), next_load());
  senders.wait_for(static_cast<std::size_t>(any(0, kSenders * kStudies * kObjects - 20)));
  if (what == kStopping) {
    ::kill(archive_.process_id(), SIGTERM);
    archive_.wait_for_end(deadline_in(std::chrono::milliseconds(any(0, 60))));
  }
  const int postmaster = archive_.database_process();
  if (archive_.is_running()) archive_.kill();
  if (what == kAll) {
    const auto children = children_of(postmaster);
    ::kill(postmaster, SIGKILL);
    for (const int child : children) ::kill(child, SIGKILL);
  }
  senders.join();
  const double start_s = start_again();
  settle(what, senders.fates(), start_s);
}

/// The archive lives on: it refuses for a while, with the status for that, and goes on by itself.
void Crash::kill_database(const std::string& what) {
  if (!archive_.is_running() || archive_.database_process() == 0) start_again();
  Load load = next_load();
  load.persistent = true;
  Senders senders(archive_.port(), load);
  senders.wait_for(static_cast<std::size_t>(any(0, kSenders * kStudies * kObjects - 20)));
  const int postmaster = archive_.database_process();
  const auto backends = backends_of(postmaster);
  const auto began = SteadyClock::now();
  if (what == kBackend && !backends.empty())
    ::kill(backends[static_cast<std::size_t>(any(0, static_cast<int>(backends.size()) - 1))],
           SIGKILL);
  else
    ::kill(postmaster, what == kImmediate ? SIGQUIT : SIGKILL);
  senders.join();
  const double back_s = std::chrono::duration<double>(senders.last_acknowledged() - began).count();
  for (const auto& [status, count] : senders.refusals())
    EXPECT_EQ(status, dicom::network::status::kStoreOutOfResources) << count << " times";
  for (const auto& [study, numbers] : senders.fates())
    for (const auto& [number, acknowledged] : numbers)
      EXPECT_TRUE(acknowledged) << study << " " << number << ": it did not recover by itself";
  settle(what, senders.fates(), back_s);
}

TEST_F(Crash, NothingAcknowledgedIsLostWhereverItDies) {
  const int times = long_form() ? 20 : 1;
  std::vector<std::string> plan;
  const auto add = [&](const std::string& what, int kills) {
    plan.insert(plan.end(), static_cast<std::size_t>(kills * times), what);
  };
  for (const std::string_view place : fail_point::kPlaces)
    if (place != "ring.rewrite") add(std::string(place), 4);
  add(kRandom, 14);
  add(kStopping, 6);
  add(kAll, 8);
  add(kPostmaster, 6);
  add(kBackend, 8);
  add(kImmediate, 6);
  std::ranges::shuffle(plan, random_);

  int done = 0;
  for (const std::string& what : plan) {
    SCOPED_TRACE("kill " + std::to_string(done + 1) + " of " + std::to_string(plan.size()) + ", " +
                 what + ", study root 2.25.7" + std::to_string(round_ + 1));
    if (what == kRandom || what == kStopping || what == kAll)
      die_at_random(what);
    else if (what.starts_with("PostgreSQL"))
      kill_database(what);
    else
      die_at(what);
    ++done;
    if (done % 50 == 0) expect_verified(archive_);
    if (HasFailure()) break;
  }
  expect_verified(archive_);
  EXPECT_EQ(archive_.stop(), 0);

  ProofTable table("crashes", {"killed", "times", "acknowledged meanwhile", "lost", "slowest"});
  Row sum;
  const auto add_row = [&](const std::string& what, const Row& row) {
    table.add({what, std::to_string(row.kills), std::to_string(row.acknowledged),
               std::to_string(row.lost), seconds_text(row.slowest_s)});
  };
  for (const auto& [what, row] : rows_) {
    add_row(what, row);
    sum.kills += row.kills;
    sum.acknowledged += row.acknowledged;
    sum.lost += row.lost;
    sum.slowest_s = std::max(sum.slowest_s, row.slowest_s);
  }
  add_row("**all**", sum);
  table.note(
      "Slowest: from the start after the kill to `ready`; where only PostgreSQL was killed, from "
      "the kill until all senders were done, the archive going on by itself.");
  EXPECT_EQ(sum.lost, 0);
  EXPECT_LT(sum.slowest_s, 30) << "5 s on a quiet machine";
  for (const std::string_view place : fail_point::kPlaces) {
    const bool is_reached = place == "ring.rewrite" || rows_.contains(std::string(place));
    EXPECT_TRUE(is_reached || HasFailure()) << place << " was never reached";
  }
}

TEST(CrashOfTheRing, OneThatDiesWhileItWritesTheRingAnewKeepsEveryKey) {
  if (!shim_works_here()) GTEST_SKIP() << "the fault shim and a sanitizer do not go together";
  ArchiveProcess archive;
  FaultShim shim(archive.data_dir(), archive.scratch("shim"));
  Senders before(archive.port(), {.root = "2.25.61", .senders = 2, .large = false});
  before.join();
  ASSERT_EQ(archive.stop(), 0);

  // The first sync of the ring under load fails, the next one writes it anew and dies.
  auto environment = shim.with_fault({.kind = "sync", .nth = 1, .path = ".ring"});
  environment.push_back("LATENT_FAIL=ring.rewrite");
  archive.set_environment(environment);
  archive.start();
  Senders senders(archive.port(),
                  {.root = "2.25.62", .senders = 2, .large = false, .persistent = false});
  senders.join();
  if (archive.is_running()) {
    Senders again(archive.port(), {.root = "2.25.63", .senders = 2, .large = false});
    again.join();
  }
  ASSERT_TRUE(archive.wait_for_end(deadline_in(10s)))
      << "the place was not reached; " << shim.hits().size() << " syncs failed: " << archive.log();
  EXPECT_EQ(shim.hits().size(), 1u);

  archive.set_environment({});
  archive.start();
  expect_promises_kept(archive, before.fates());
  expect_promises_kept(archive, senders.fates());
  expect_repetition_works(archive, senders.fates());
  expect_verified(archive);
  EXPECT_EQ(archive.stop(), 0);
}

}  // namespace
}  // namespace latent::test
