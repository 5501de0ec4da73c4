#include "storage/database/migrate.h"

#include <gtest/gtest.h>

#include <thread>

#include "storage/database/transaction.h"
#include "tests/support/private_database.h"

namespace latent::storage::database {
namespace {

using namespace std::chrono_literals;

class Migrate : public ::testing::Test {
 protected:
  std::string scalar(std::string_view sql) {
    auto transaction = Transaction::begin(*pool_, deadline_in(5s));
    const auto rows = transaction->execute(sql);
    return rows ? std::string(rows->text(0, 0)) : rows.error().text;
  }
  test::PrivateDatabase database_{test::PrivateDatabase::Content::empty};
  std::unique_ptr<Pool> pool_ = database_.open_pool(8);
};

constexpr Migration kTwo[] = {
    {1, "first", "CREATE TABLE a (n bigint); INSERT INTO a VALUES (1);"},
    {2, "second", "ALTER TABLE a ADD COLUMN s text; UPDATE a SET s = 'x; -- not a comment';"}};

TEST_F(Migrate, AllStepsOnceAndASecondStartDoesNothing) {
  const auto first = migrate(*pool_, kTwo);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_EQ(*first, 2);

  EXPECT_EQ(migrate(*pool_, kTwo).value_or(-1), 2);

  EXPECT_EQ(scalar("SELECT count(*) || s FROM a GROUP BY s"), "1x; -- not a comment");
  EXPECT_EQ(scalar("SELECT version FROM schema_version"), "2");
}

TEST_F(Migrate, OnlyMissingStepsRun) {
  ASSERT_TRUE(migrate(*pool_, std::span(kTwo).first(1)));
  ASSERT_TRUE(migrate(*pool_, kTwo));

  EXPECT_EQ(scalar("SELECT count(*) FROM a"), "1");
}

TEST_F(Migrate, ANewerSchemaIsRefusedByItsNumber) {
  ASSERT_TRUE(migrate(*pool_, kTwo));

  const auto older = migrate(*pool_, std::span(kTwo).first(1));

  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, ErrorCode::refused);
  EXPECT_NE(older.error().text.find("version 2"), std::string::npos) << older.error().text;
  EXPECT_NE(older.error().text.find("up to 1"), std::string::npos) << older.error().text;
}

TEST_F(Migrate, AFailingStepLeavesTheSchemaAsItWas) {
  constexpr Migration kBad[] = {kTwo[0], {2, "bad", "CREATE TABLE b (n bigint); SELECT 1/0;"}};

  EXPECT_FALSE(migrate(*pool_, kBad));

  EXPECT_EQ(scalar("SELECT version FROM schema_version"), "1");
  EXPECT_EQ(scalar("SELECT to_regclass('b') IS NULL"), "t");
  EXPECT_TRUE(migrate(*pool_, kTwo));
}

TEST_F(Migrate, ManyNodesStartingAtOnceMigrateOnce) {
  std::vector<std::jthread> nodes;
  std::atomic<int> done = 0;
  for (int i = 0; i < 6; ++i)
    nodes.emplace_back([&] { done += migrate(*pool_, kTwo).value_or(-100); });
  nodes.clear();

  EXPECT_EQ(done, 12);
  EXPECT_EQ(scalar("SELECT count(*) FROM a"), "1");
}

TEST_F(Migrate, NumbersWithAGapAreRefused) {
  constexpr Migration kGap[] = {kTwo[0], {3, "third", "SELECT 1"}};

  EXPECT_FALSE(migrate(*pool_, kGap));
}

TEST_F(Migrate, TheEmbeddedOnesBuildTheArchive) {
  const auto version = migrate(*pool_);

  ASSERT_TRUE(version) << version.error().text;
  EXPECT_EQ(*version, static_cast<int>(embedded_migrations().size()));
  EXPECT_EQ(embedded_migrations()[0].name, "foundation");
  for (const char* table : {"archive", "study_key", "audit_event", "audit_leaf", "audit_checkpoint",
                            "audit_state", "audit_event_default"})
    EXPECT_EQ(scalar("SELECT to_regclass('" + std::string(table) + "') IS NOT NULL"), "t") << table;
}

}  // namespace
}  // namespace latent::storage::database
