// Power cut in the middle of work: what was acknowledged is there afterwards, bit for bit, and what
// was not is either whole or not there at all.
#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;

/// Objects of about `bytes` each, one study a sender.
DicomObject big_object(int sender, int number, std::size_t bytes) {
  const std::string study = "2.25.4" + std::to_string(sender);
  return make_object(
      study, study + ".1", study + ".1." + std::to_string(number),
      {{{0x0020, 0x0013}, std::to_string(number)},
       {{0x0009, 0x0010}, "LATENT TEST"},
       {{0x0009, 0x1001}, std::string(bytes, static_cast<char>('a' + number % 26))}});
}

/// Several senders at once, until the archive is gone; counts what it acknowledged.
class Burst {
 public:
  static constexpr int kSenders = 4;
  static constexpr int kObjectsEach = 400;

  explicit Burst(std::uint16_t port) {
    for (int sender = 0; sender < kSenders; ++sender)
      threads_.emplace_back([this, port, sender] { send(port, sender); });
  }
  ~Burst() { join(); }
  Burst(const Burst&) = delete;
  Burst& operator=(const Burst&) = delete;

  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60),
                                  [&] { return acknowledged_.size() >= count; }));
  }
  void join() {
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  /// After join().
  const std::map<std::string, DicomObject>& acknowledged() const { return acknowledged_; }
  const std::map<std::string, DicomObject>& offered() const { return offered_; }

 private:
  void send(std::uint16_t port, int sender) {
    std::vector<DicomObject> objects;
    for (int i = 0; i < kObjectsEach; ++i)
      objects.push_back(big_object(sender, i, i % 50 == 49 ? 3u << 20 : 20'000));
    {
      const std::lock_guard lock(mutex_);
      for (const DicomObject& object : objects) offered_[object.sop_instance] = object;
    }
    try {
      DicomPeer(port).store(objects, [this](const DicomObject& object, const StoreAnswer& answer) {
        if (!answer.is_stored()) return;
        const std::lock_guard lock(mutex_);
        acknowledged_[object.sop_instance] = object;
        changed_.notify_all();
      });
    } catch (const std::runtime_error&) {
      // The archive was killed: that is what this is about.
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, DicomObject> acknowledged_, offered_;
  std::vector<std::thread> threads_;
};

/// Every study of the burst, brought back.
Deliveries everything(const ArchiveProcess& archive, const DicomObject& example) {
  Deliveries all;
  for (int sender = 0; sender < Burst::kSenders; ++sender) {
    const auto got = DicomPeer(archive.port())
                         .get(Root::study,
                              {{tags::kQueryRetrieveLevel, "STUDY"},
                               {tags::kStudyInstanceUid, "2.25.4" + std::to_string(sender)}},
                              std::span(&example, 1));
    EXPECT_EQ(got.failed, 0);
    for (const auto& [uid, delivered] : got.delivered) all[uid] = delivered;
  }
  return all;
}

void expect_promises_kept(const ArchiveProcess& archive, const Burst& burst) {
  const Deliveries there = everything(archive, burst.offered().begin()->second);
  for (const auto& [uid, object] : burst.acknowledged()) {
    const auto found = there.find(uid);
    ASSERT_NE(found, there.end()) << uid << " was acknowledged and is lost";
  }
  for (const auto& [uid, delivered] : there) {
    const auto sent = burst.offered().find(uid);
    ASSERT_NE(sent, burst.offered().end()) << uid;
    EXPECT_TRUE(delivered.data_set == sent->second.data_set) << uid << " came back changed";
  }
  const RunResult verified = archive.run({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.report();
}

TEST(Crash, AllThatWasAcknowledgedBeforeAKillComesBack) {
  for (const std::size_t acknowledged : {1u, 60u, 300u}) {
    SCOPED_TRACE(acknowledged);
    ArchiveProcess archive;
    Burst burst(archive.port());
    burst.wait_for(acknowledged);
    archive.kill();
    burst.join();
    EXPECT_GE(burst.acknowledged().size(), acknowledged);
    EXPECT_LT(burst.acknowledged().size(), burst.offered().size()) << "the kill came too late";

    archive.start();
    expect_promises_kept(archive, burst);
    // Senders repeat what was not answered; nothing stands in their way.
    std::vector<DicomObject> rest;
    for (const auto& [uid, object] : burst.offered())
      if (!burst.acknowledged().contains(uid) && rest.size() < 40) rest.push_back(object);
    for (const StoreAnswer& answer : DicomPeer(archive.port()).store(rest))
      EXPECT_TRUE(answer.is_stored()) << answer.comment;
    EXPECT_EQ(archive.stop(), 0);
    if (!everything_is_wanted()) break;
  }
}

TEST(Crash, DeathAtEachNamedPlaceOfTheStoreProtocolLosesNothing) {
  if (!everything_is_wanted()) GTEST_SKIP() << "slow; LATENT_TEST_ALL=1 runs it";
  constexpr std::array kPlaces{"recv.partial",   "seal.done",      "append.partial", "append.done",
                               "sync.done",      "ring.done",      "key.create",     "pg.insert",
                               "pg.commit.sent", "pg.commit.done", "ack.before"};
  for (const char* place : kPlaces) {
    SCOPED_TRACE(place);
    // The archive's own keys are made by a first start that lives; then one for each study.
    const bool is_rare = std::string(place) == "ring.done" || std::string(place) == "key.create";
    ArchiveProcess archive;
    ASSERT_EQ(archive.stop(), 0);
    archive.set_environment({"LATENT_FAIL=" + std::string(place) + (is_rare ? ":2" : ":9")});
    archive.start();
    Burst burst(archive.port());
    burst.join();
    EXPECT_LT(burst.acknowledged().size(), burst.offered().size()) << "it was not reached";
    archive.kill();  // dead already; this notes it

    archive.set_environment({});
    archive.start();
    expect_promises_kept(archive, burst);
    EXPECT_EQ(archive.stop(), 0);
  }
}

}  // namespace
}  // namespace latent::test
