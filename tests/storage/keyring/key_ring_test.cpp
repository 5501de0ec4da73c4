// Keys in a real PostgreSQL and beside it in the ring file.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "security/base/fail_point.h"
#include "security/keys/ring_entry.h"
#include "storage/database/transaction.h"
#include "storage/keyring/key_ring.h"
#include "storage/keyring/ring_file.h"
#include "tests/support/manual_clock.h"
#include "tests/support/private_database.h"
#include "tests/support/temporary_directory.h"

namespace latent::storage::keyring {
namespace {

using security::crypto::equal_in_constant_time;
using security::crypto::random_id;
using security::keys::RootKey;
using security::keys::Roots;
using security::keys::StudyKeyPtr;

Roots one_root() {
  std::vector<RootKey> keys;
  keys.push_back(RootKey::random());
  return Roots(std::move(keys));
}

StudyUid study(int n) { return StudyUid::parse("2.25." + std::to_string(1000 + n)).value(); }

bool same(const StudyKeyPtr& a, const StudyKeyPtr& b) {
  return a->id() == b->id() && equal_in_constant_time(a->secret().reveal(), b->secret().reveal());
}

class KeyRingTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<KeyRing>> try_open(std::string node = "0000000a") {
    Config config;
    config.directory = folder_ / "ring";
    config.node = std::move(node);
    config.store_id = store_id_;
    return KeyRing::open(config, roots_, *pool_, clock_);
  }
  std::unique_ptr<KeyRing> open(std::string node = "0000000a") {
    return try_open(std::move(node)).value();
  }
  std::unique_ptr<RingFile> ring_file(const std::string& node = "0000000a") {
    return RingFile::open(folder_ / ("ring/" + node + ".ring"), store_id_, {}).value();
  }
  std::int64_t count(const char* sql) {
    auto transaction =
        database::Transaction::begin(*pool_, deadline_in(std::chrono::seconds(5))).value();
    return transaction.execute(sql).value().integer(0, 0);
  }
  void execute(const char* sql) {
    auto transaction =
        database::Transaction::begin(*pool_, deadline_in(std::chrono::seconds(5))).value();
    ASSERT_TRUE(transaction.execute(sql));
    ASSERT_TRUE(transaction.commit());
  }

  test::TemporaryDirectory folder_;
  test::PrivateDatabase database_;
  std::unique_ptr<database::Pool> pool_ = database_.open_pool(8);
  test::ManualClock clock_;
  StoreId store_id_ = random_id<StoreId>();
  Roots roots_ = one_root();
};

TEST_F(KeyRingTest, AStudyKeepsItsKeyOverARestart) {
  auto ring = open();
  EXPECT_EQ(ring->find(study(1)).error().code, ErrorCode::not_found);
  const StudyKeyPtr key = ring->get_or_create(study(1)).value();
  ASSERT_TRUE(ring->sync());
  EXPECT_EQ(ring->get_or_create(study(1)).value(), key);  // cached: the same object
  EXPECT_FALSE(same(ring->get_or_create(study(2)).value(), key));

  ring = open();
  EXPECT_TRUE(same(ring->find(study(1)).value(), key));
  EXPECT_TRUE(same(ring->by_id(key->id()).value(), key));
  EXPECT_TRUE(same(ring->get_or_create(study(1)).value(), key));
  EXPECT_EQ(ring->by_id(random_id<KeyId>()).error().code, ErrorCode::not_found);
  EXPECT_EQ(count("SELECT count(*) FROM study_key WHERE purpose = 1"), 2);
}

TEST_F(KeyRingTest, StoreKeyAndAuditSeedAreMadeOnceForAllNodes) {
  auto first = open("0000000a");
  auto second = open("0000000b");
  EXPECT_TRUE(same(first->store_key(), second->store_key()));
  EXPECT_TRUE(same(first->audit_seed(), second->audit_seed()));
  EXPECT_FALSE(same(first->store_key(), first->audit_seed()));
  EXPECT_TRUE(ring_file("0000000b")->contains(first->store_key()->id()));
  EXPECT_EQ(count("SELECT count(*) FROM study_key"), 2);
}

TEST_F(KeyRingTest, RowAndRingHoldTheSameBytesAndNoStudyInClear) {
  auto ring = open();
  const StudyKeyPtr key = ring->get_or_create(study(7)).value();
  ASSERT_TRUE(ring->sync());
  auto transaction =
      database::Transaction::begin(*pool_, deadline_in(std::chrono::seconds(5))).value();
  const auto rows =
      transaction.execute("SELECT entry FROM study_key WHERE study_uid = '2.25.1007'").value();
  EXPECT_EQ(rows.bytes(0, 0), ring_file()->entry(key->id()).value());
  std::ifstream file(folder_ / "ring/0000000a.ring", std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(content.find("2.25.1007"), std::string::npos);
}

TEST_F(KeyRingTest, AKeyMadeElsewhereIsInOurRingBeforeItIsUsedHere) {
  auto here = open("0000000a");
  auto there = open("0000000b");
  const StudyKeyPtr key = there->get_or_create(study(1)).value();
  EXPECT_TRUE(same(here->find(study(1)).value(), key));
  EXPECT_FALSE(ring_file("0000000a")->contains(key->id()));  // reading needs no entry
  EXPECT_TRUE(same(here->get_or_create(study(1)).value(), key));
  ASSERT_TRUE(here->sync());
  EXPECT_TRUE(ring_file("0000000a")->contains(key->id()));
}

TEST_F(KeyRingTest, ParallelFirstArrivalsOfAStudyGetOneKey) {
  auto a = open("0000000a");
  auto b = open("0000000b");
  for (int n = 0; n < 10; ++n) {
    std::vector<StudyKeyPtr> keys(4);
    std::vector<std::thread> senders;
    for (std::size_t i = 0; i < keys.size(); ++i)
      senders.emplace_back(
          [&, i] { keys[i] = (i % 2 == 0 ? a : b)->get_or_create(study(n)).value(); });
    for (auto& sender : senders) sender.join();
    for (const auto& key : keys) EXPECT_TRUE(same(key, keys[0])) << n;
  }
  EXPECT_EQ(count("SELECT count(*) FROM study_key WHERE purpose = 1"), 10);
  EXPECT_TRUE(a->sync());
  EXPECT_TRUE(b->sync());
}

TEST_F(KeyRingTest, ADestroyedKeyIsGoneAndTheStudyMayArriveAnew) {
  auto ring = open();
  const StudyKeyPtr old = ring->get_or_create(study(1)).value();
  execute(
      "UPDATE study_key SET entry = NULL, study_uid = NULL, destroyed = now() WHERE purpose = 1");
  ring = open();
  EXPECT_EQ(ring->by_id(old->id()).error().where, "nokey");
  EXPECT_FALSE(same(ring->get_or_create(study(1)).value(), old));
}

TEST_F(KeyRingTest, ARowThatNamesAnotherStudyIsNotBelieved) {
  auto ring = open();
  ASSERT_TRUE(ring->get_or_create(study(1)));
  execute("UPDATE study_key SET study_uid = '2.25.1002' WHERE purpose = 1");
  ring = open();
  EXPECT_EQ(ring->find(study(2)).error().where, "auth");
}

TEST_F(KeyRingTest, AWrongRootOrArchiveIsNoticedAtStart) {
  open().reset();
  roots_ = one_root();
  EXPECT_EQ(try_open().error().where, "root");
  store_id_ = random_id<StoreId>();
  EXPECT_EQ(try_open().error().where, "store");
}

TEST_F(KeyRingTest, WithoutADatabaseCachedKeysServeAndNewOnesAreRefused) {
  auto ring = open();
  const StudyKeyPtr key = ring->get_or_create(study(1)).value();
  execute("ALTER TABLE study_key RENAME TO study_key_away");
  EXPECT_EQ(ring->get_or_create(study(1)).value(), key);
  EXPECT_EQ(ring->by_id(key->id()).value(), key);
  EXPECT_FALSE(ring->get_or_create(study(2)));
  execute("ALTER TABLE study_key_away RENAME TO study_key");
  EXPECT_TRUE(ring->get_or_create(study(2)));
}

TEST_F(KeyRingTest, ASmallCacheStillFindsEveryKey) {
  Config config;
  config.directory = folder_ / "ring";
  config.node = "0000000a";
  config.store_id = store_id_;
  config.cached_keys_max = 2;
  auto ring = KeyRing::open(config, roots_, *pool_, clock_).value();
  std::vector<StudyKeyPtr> keys;
  for (int n = 0; n < 6; ++n) keys.push_back(ring->get_or_create(study(n)).value());
  for (int n = 0; n < 6; ++n) {
    const auto i = static_cast<std::size_t>(n);
    EXPECT_TRUE(same(ring->find(study(n)).value(), keys[i]));
    EXPECT_TRUE(same(ring->by_id(keys[i]->id()).value(), keys[i]));
  }
}

class RingFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<RingFile> open() { return RingFile::open(path(), store_id_, {}).value(); }
  std::filesystem::path path() const { return folder_ / "ring/0000000a.ring"; }
  Bytes some_entry(std::uint8_t n) const { return Bytes(100, std::byte{n}); }

  test::TemporaryDirectory folder_;
  StoreId store_id_ = random_id<StoreId>();
};

TEST_F(RingFileTest, EntriesComeBackBeforeAndAfterSyncAndRestart) {
  const KeyId id = random_id<KeyId>();
  auto ring = open();
  ASSERT_TRUE(ring->append(id, some_entry(1)));
  EXPECT_EQ(ring->entry(id).value(), some_entry(1));
  ASSERT_TRUE(ring->append(id, some_entry(2)));  // already there: nothing is added
  ASSERT_TRUE(ring->sync());
  EXPECT_EQ(ring->entry(id).value(), some_entry(1));
  ring = open();
  EXPECT_EQ(ring->keys(), 1u);
  EXPECT_EQ(ring->entry(id).value(), some_entry(1));
  EXPECT_EQ(store_id_of_ring(path()).value(), store_id_);
  EXPECT_EQ(store_id_of_ring(folder_ / "none").value(), std::nullopt);
}

TEST_F(RingFileTest, EveryTornTailIsCutAndEarlierEntriesSurvive) {
  const KeyId first = random_id<KeyId>();
  const KeyId second = random_id<KeyId>();
  auto ring = open();
  ASSERT_TRUE(ring->append(first, some_entry(1)));
  ASSERT_TRUE(ring->sync());
  const auto whole = std::filesystem::file_size(path());
  ASSERT_TRUE(ring->append(second, some_entry(2)));
  ASSERT_TRUE(ring->sync());
  ring.reset();
  const auto kept = folder_ / "kept";
  std::filesystem::copy(path(), kept);
  for (auto n = whole + 1; n < std::filesystem::file_size(kept) - 4; n += 7) {
    std::filesystem::copy(kept, path(), std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path(), n);
    ring = open();
    EXPECT_TRUE(ring->contains(first)) << n;
    EXPECT_FALSE(ring->contains(second)) << n;
    EXPECT_EQ(std::filesystem::file_size(path()), whole) << n;
    ASSERT_TRUE(ring->append(second, some_entry(3)));
    ASSERT_TRUE(ring->sync());
    EXPECT_EQ(open()->entry(second).value(), some_entry(3));
  }
}

TEST_F(RingFileTest, KilledAtTheFailPointTheEntryIsDurable) {
  const KeyId id = random_id<KeyId>();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("LATENT_FAIL", "ring.done", 1);
    fail_point::configure_from_environment();
    auto ring = open();
    (void)ring->append(id, some_entry(1));
    (void)ring->sync();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(open()->contains(id));
}

}  // namespace
}  // namespace latent::storage::keyring
