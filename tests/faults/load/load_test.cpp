// Much at once and for long: counters right, memory flat, nobody waits for ever.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "dicom/network/status.h"
#include "security/base/clock.h"
#include "tests/faults/promises.h"
#include "tests/support/process_memory.h"
#include "tests/support/temporary_directory.h"

namespace latent::test {
namespace {

namespace status = dicom::network::status;
namespace tags = dicom::model::tags;
using SteadyClock = std::chrono::steady_clock;

Attributes study_keys(const std::string& study) {
  return {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, study}};
}

std::string kilobytes(std::uint64_t bytes) { return std::to_string(bytes / 1024) + " kB"; }

void expect_all_taken(const Senders& senders, int objects) {
  int acknowledged = 0;
  for (const auto& [study, numbers] : senders.fates())
    for (const auto& [number, is_acknowledged] : numbers) acknowledged += is_acknowledged ? 1 : 0;
  EXPECT_EQ(acknowledged, objects);
  EXPECT_TRUE(senders.refusals().empty());
}

TEST(LoadOfSenders, SixteenSendersOfOneStudyAndFourOfEachOfFourAreCountedRight) {
  ArchiveProcess archive;
  const int objects = long_form() ? 1600 : 320;
  {
    Senders senders(archive.port(), {.root = "2.25.101",
                                     .senders = 16,
                                     .studies_each = 1,
                                     .objects_each = objects,
                                     .large = false,
                                     .sharing = 16});
    senders.join();
    expect_all_taken(senders, objects - 1);  // number 7 is left out
    expect_promises_kept(archive, senders.fates());
  }
  Senders senders(archive.port(), {.root = "2.25.102",
                                   .senders = 16,
                                   .studies_each = 1,
                                   .objects_each = objects / 4,
                                   .large = false,
                                   .sharing = 4});
  senders.join();
  expect_all_taken(senders, 4 * (objects / 4 - 1));
  expect_promises_kept(archive, senders.fates());
  expect_verified(archive);
  EXPECT_EQ(archive.stop(), 0);
}

TEST(LoadOfSenders, TheSameObjectsFromEverybodyAreKeptOnce) {
  ArchiveProcess archive;
  std::vector<DicomObject> objects;
  Fates fates;
  for (int number = 0; number < 12; ++number) {
    objects.push_back(object_of("2.25.103", number));
    fates["2.25.103"][number] = true;
  }
  std::vector<std::thread> threads;
  std::atomic<int> stored = 0;
  for (int sender = 0; sender < 16; ++sender)
    threads.emplace_back([&] {
      for (const StoreAnswer& answer : DicomPeer(archive.port()).store(objects))
        stored += answer.is_stored() ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, 16 * 12);
  expect_promises_kept(archive, fates);
  expect_verified(archive);
}

/// Threads that go on until time is up.
class Crowd {
 public:
  explicit Crowd(std::chrono::seconds duration) : end_(SteadyClock::now() + duration) {}
  ~Crowd() { join(); }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  template <class Turn>
  void add(int threads, Turn turn) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this, turn, i] {
        for (int round = 0; SteadyClock::now() < end_; ++round) turn(i, round);
      });
  }
  void join() {
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

 private:
  const SteadyClock::time_point end_;
  std::vector<std::thread> threads_;
};

TEST(LoadOfEverything, StoringFindingAndRetrievingBesideEachOtherStayRightAndFlat) {
  ArchiveProcess archive;
  Senders warm_up(archive.port(), {.root = "2.25.104", .senders = 8, .objects_each = 24});
  warm_up.join();
  const std::uint64_t before = memory_of(archive.process_id());
  std::uint64_t half_way = before;
  std::atomic<int> stored = 0, found = 0, retrieved = 0, wrong = 0;
  std::mutex mutex;
  Fates sent;
  const auto duration = std::chrono::seconds(long_form() ? 600 : 12);
  const auto began = SteadyClock::now();
  {
    Crowd crowd(duration);
    crowd.add(4, [&](int sender, int round) {
      const std::string study = "2.25.105." + std::to_string(sender) + "." + std::to_string(round);
      std::vector<DicomObject> objects;
      for (int number = 0; number < 30; ++number) objects.push_back(object_of(study, number));
      int number = 0;
      for (const StoreAnswer& answer : DicomPeer(archive.port()).store(objects)) {
        answer.is_stored() ? ++stored : ++wrong;
        const std::lock_guard lock(mutex);
        sent[study][number++] = answer.is_stored();
      }
    });
    crowd.add(3, [&](int, int round) {
      const auto answer =
          DicomPeer(archive.port())
              .find(Root::study,
                    {{tags::kQueryRetrieveLevel, "STUDY"},
                     {tags::kPatientName, "MADE*"},
                     {tags::kStudyInstanceUid, "2.25.104." + std::to_string(round % 8) + ".1"},
                     {tags::kNumberOfStudyRelatedInstances, ""}});
      const bool is_right =
          answer.status == status::kSuccess && answer.matches.size() == 1 &&
          value_of(answer.matches[0], tags::kNumberOfStudyRelatedInstances) == "24";
      is_right ? ++found : ++wrong;
    });
    crowd.add(3, [&](int, int round) {
      const std::string study = "2.25.104." + std::to_string(round % 8) + ".0";
      const DicomObject example = object_of(study, 0);
      const auto got =
          DicomPeer(archive.port()).get(Root::study, study_keys(study), std::span(&example, 1));
      bool is_right = got.delivered.size() == 24;
      for (int number = 0; number < 24 && is_right; ++number) {
        const DicomObject object = object_of(study, number);
        is_right = got.delivered.contains(object.sop_instance) &&
                   got.delivered.at(object.sop_instance).data_set == object.data_set;
      }
      is_right ? ++retrieved : ++wrong;
    });
    crowd.add(1, [&](int, int) {
      DicomPeer(archive.port()).echo();
      if (SteadyClock::now() - began < duration / 2) half_way = memory_of(archive.process_id());
    });
  }
  const std::uint64_t after = memory_of(archive.process_id());
  ProofTable table("mixed-load", {"time", "instances stored", "queries", "studies retrieved",
                                  "wrong", "memory before", "half way", "after"});
  table.add({std::to_string(duration.count()) + " s", std::to_string(stored), std::to_string(found),
             std::to_string(retrieved), std::to_string(wrong), kilobytes(before),
             kilobytes(half_way), kilobytes(after)});
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(std::min({stored.load(), found.load(), retrieved.load()}), 0);
  EXPECT_LT(after, half_way + 100'000'000);
  expect_promises_kept(archive, sent);
  expect_verified(archive);
  EXPECT_EQ(archive.stop(), 0);
}

TEST(LoadOfEverything, TheSameInstancesSentAgainChangedAndRetrievedAtOnceAreAlwaysWhole) {
  ArchiveProcess archive;
  // Four instances, each in the versions that senders know; what comes back is one of them.
  const std::string study = "2.25.106";
  const auto version = [&](int number, int which) {
    const std::string instance = study + ".1." + std::to_string(number);
    return make_object(study, study + ".1", instance,
                       {{{0x0020, 0x0013}, std::to_string(number)},
                        {{0x0008, 0x103E}, "version " + std::to_string(which)}});
  };
  for (int number = 0; number < 4; ++number)
    ASSERT_TRUE(DicomPeer(archive.port()).store(version(number, 0)).is_stored());

  std::atomic<int> sent = 0, retrieved = 0;
  std::mutex mutex;
  std::set<int> refusals;
  std::vector<std::string> wrong;
  Crowd crowd(std::chrono::seconds(long_form() ? 600 : 6));
  crowd.add(5, [&](int sender, int round) {
    const auto answer = DicomPeer(archive.port()).store(version(round % 4, (sender + round) % 6));
    const std::lock_guard lock(mutex);
    answer.is_stored() ? static_cast<void>(++sent)
                       : static_cast<void>(refusals.insert(answer.status));
  });
  crowd.add(3, [&](int, int) {
    const DicomObject example = version(0, 0);
    const auto got =
        DicomPeer(archive.port()).get(Root::study, study_keys(study), std::span(&example, 1));
    const std::lock_guard lock(mutex);
    if (got.delivered.size() != 4)
      wrong.push_back(std::to_string(got.delivered.size()) + " instances");
    for (int number = 0; number < 4; ++number) {
      const auto found = got.delivered.find(version(number, 0).sop_instance);
      bool is_known = false;
      for (int which = 0; which < 6 && found != got.delivered.end(); ++which)
        is_known |= found->second.data_set == version(number, which).data_set;
      if (!is_known)
        wrong.push_back("instance " + std::to_string(number) + " is none that was sent");
    }
    ++retrieved;
  });
  crowd.join();
  std::cout << sent << " sent again, " << retrieved << " times retrieved\n";
  EXPECT_TRUE(wrong.empty()) << wrong.size() << " times, first: " << wrong.front();
  // Too many at once on one instance is told so; nothing else is a reason.
  for (const int code : refusals) EXPECT_EQ(code, status::kStoreOutOfResources);
  EXPECT_GT(sent, 0);
  EXPECT_GT(retrieved, 0);
  const FindAnswer counted = DicomPeer(archive.port())
                                 .find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"},
                                                     {tags::kStudyInstanceUid, study},
                                                     {tags::kNumberOfStudyRelatedSeries, ""},
                                                     {tags::kNumberOfStudyRelatedInstances, ""}});
  ASSERT_EQ(counted.matches.size(), 1u);
  EXPECT_EQ(value_of(counted.matches[0], tags::kNumberOfStudyRelatedInstances), "4");
  EXPECT_EQ(value_of(counted.matches[0], tags::kNumberOfStudyRelatedSeries), "1");
  expect_verified(archive);
}

TEST(LoadOfAssociations, ManyInARowLeaveNothingBehind) {
  ArchiveProcess archive;
  const auto one = [&](int number) {
    const std::string study = "2.25.107." + std::to_string(number % 50);
    ASSERT_TRUE(DicomPeer(archive.port()).store(object_of(study, number % 5)).is_stored());
  };
  for (int i = 0; i < 100; ++i) one(i);
  const std::uint64_t before = memory_of(archive.process_id());
  const int descriptors = descriptors_of(archive.process_id());
  const int threads = threads_of(archive.process_id());
  const int associations = long_form() ? 10'000 : 500;
  const auto began = SteadyClock::now();
  for (int i = 0; i < associations && !::testing::Test::HasFailure(); ++i) one(i);
  const std::uint64_t after = memory_of(archive.process_id());
  ProofTable table("associations", {"associations in a row", "ms each", "memory before", "after",
                                    "descriptors before", "after"});
  const double ms =
      std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count() / associations;
  table.add({std::to_string(associations), std::to_string(ms), kilobytes(before), kilobytes(after),
             std::to_string(descriptors), std::to_string(descriptors_of(archive.process_id()))});
  EXPECT_LT(after, before + 20'000'000);
  // A connection to the database may have come or gone.
  EXPECT_LE(descriptors_of(archive.process_id()), descriptors + 8);
  EXPECT_LE(threads_of(archive.process_id()), threads);
}

TEST(StopUnderLoad, WhatWasAcknowledgedIsKeptAndTheStopIsBounded) {
  ArchiveProcess archive;
  const int rounds = long_form() ? 50 : 4;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    Senders senders(archive.port(), {.root = "2.25.108" + std::to_string(round)});
    senders.wait_for(static_cast<std::size_t>(5 + 20 * (round % 6)));
    const auto began = SteadyClock::now();
    EXPECT_EQ(archive.stop(), 0) << archive.log();
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
    std::cout << "stop under load after " << senders.acknowledged() << " instances: " << seconds
              << " s\n";
    EXPECT_LT(seconds, 25);
    senders.join();
    archive.start();
    expect_promises_kept(archive, senders.fates());
    EXPECT_EQ(archive.log().find("unclean stop"), std::string::npos) << archive.log();
  }
  expect_verified(archive);
}

TEST(TwoAtOnce, OfServersThatStartTogetherOnOneFolderExactlyOneServes) {
  ArchiveProcess first;
  ASSERT_EQ(first.stop(), 0);
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<ArchiveProcess>> servers;
    for (int i = 0; i < 4; ++i)
      servers.push_back(std::make_unique<ArchiveProcess>(
          ArchiveProcess::Options{.data_dir = first.data_dir()}, ArchiveProcess::NotStarted{}));
    std::vector<std::thread> threads;
    std::atomic<int> ready = 0, refused = 0;
    for (auto& server : servers)
      threads.emplace_back([&] {
        const auto refusal = server->try_start();
        refusal ? ++refused : ++ready;
        if (!refusal) return;
        EXPECT_EQ(refusal->exit_code, 2) << refusal->log;
        EXPECT_NE(refusal->log.find("in use"), std::string::npos) << refusal->log;
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ready, 1);
    EXPECT_EQ(refused, 3);
    for (auto& server : servers) {
      if (!server->is_running()) continue;
      EXPECT_EQ(server->stop(), 0);
    }
  }
}

}  // namespace
}  // namespace latent::test
