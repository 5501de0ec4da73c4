// Audit rows that stand alone: shared, durable before the word, no neighbour sunk.
#include "storage/auditlog/shared_commit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "storage/database/transaction.h"
#include "tests/support/manual_clock.h"
#include "tests/support/private_database.h"

namespace latent::storage::auditlog {
namespace {

using namespace std::chrono_literals;
using database::Transaction;
using security::audit::AuditEvent;
using Told = std::future<Result<void>>;

class SharedCommitTest : public ::testing::Test {
 protected:
  std::int64_t number(std::string_view sql) {
    auto transaction = Transaction::begin(*pool_, deadline_in(10s), Transaction::Mode::read_only);
    if (!transaction) throw std::runtime_error(transaction.error().text);
    return transaction->execute(sql).value().integer(0, 0);
  }
  static AuditEvent query_of(const std::string& actor) {
    AuditEvent event;
    event.code = security::audit::EventCode::query;
    event.what = "query";
    event.actor = actor;
    event.subject.emplace().patient_id = "P-" + actor;
    return event;
  }
  static Result<void> outcome(Told& told) {
    if (told.wait_for(30s) != std::future_status::ready)
      return fail(ErrorCode::internal, "nothing was told", "test");
    return told.get();
  }

  test::PrivateDatabase database_;
  std::unique_ptr<database::Pool> pool_ = database_.open_pool();
  test::ManualClock clock_;
  Recorder recorder_{clock_, "0badcafe"};
};

TEST_F(SharedCommitTest, ARowIsThereWhenSuccessIsTold) {
  SharedCommit shared(*pool_, recorder_);

  for (std::int64_t i = 1; i <= 20; ++i) {
    auto told = shared.add(query_of("A"));
    const auto done = outcome(told);
    ASSERT_TRUE(done) << done.error().text;
    ASSERT_EQ(number("SELECT count(*) FROM audit_event"), i);
  }
}

TEST_F(SharedCommitTest, RowsThatWaitTogetherShareATransactionAndNoneIsLost) {
  constexpr int kRows = 200;
  std::vector<Told> told;
  {
    // While the table is locked all that come gather behind the first.
    auto lock = Transaction::begin(*pool_, deadline_in(10s));
    ASSERT_TRUE(lock);
    ASSERT_TRUE(lock->execute("LOCK TABLE audit_event IN SHARE MODE"));
    SharedCommit shared(*pool_, recorder_);
    for (int i = 0; i < kRows; ++i) told.push_back(shared.add(query_of("A" + std::to_string(i))));
    EXPECT_NE(told.back().wait_for(0s), std::future_status::ready) << "told before it was written";
    ASSERT_TRUE(lock->commit());

    for (Told& one : told) EXPECT_TRUE(outcome(one));
  }
  EXPECT_EQ(number("SELECT count(DISTINCT actor) FROM audit_event"), kRows);
  EXPECT_LE(number("SELECT count(DISTINCT xid) FROM audit_event"), 3);
  EXPECT_EQ(number("SELECT count(DISTINCT core::jsonb->>'n') FROM audit_event"), kRows);
}

TEST_F(SharedCommitTest, ARowThatIsRefusedDoesNotSinkItsNeighbours) {
  {
    auto transaction = Transaction::begin(*pool_, deadline_in(10s));
    ASSERT_TRUE(transaction->execute(
        "ALTER TABLE audit_event ADD CONSTRAINT no_such_actor CHECK (actor <> 'refused')"));
    ASSERT_TRUE(transaction->commit());
  }
  auto lock = Transaction::begin(*pool_, deadline_in(10s));
  ASSERT_TRUE(lock->execute("LOCK TABLE audit_event IN SHARE MODE"));
  SharedCommit shared(*pool_, recorder_);
  auto first = shared.add(query_of("first"));
  auto before = shared.add(query_of("before"));
  auto refused = shared.add(query_of("refused"));
  auto behind = shared.add(query_of("behind"));
  ASSERT_TRUE(lock->commit());

  EXPECT_TRUE(outcome(first));
  EXPECT_TRUE(outcome(before));
  EXPECT_TRUE(outcome(behind));
  const auto failed = outcome(refused);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::conflict);
  EXPECT_EQ(number("SELECT count(*) FROM audit_event"), 3);
}

TEST_F(SharedCommitTest, WhatWasAddedIsWrittenBeforeTheEnd) {
  std::vector<Told> told;
  {
    SharedCommit shared(*pool_, recorder_);
    for (int i = 0; i < 50; ++i) told.push_back(shared.add(query_of("A")));
  }

  for (Told& one : told) EXPECT_TRUE(outcome(one));
  EXPECT_EQ(number("SELECT count(*) FROM audit_event"), 50);
}

TEST_F(SharedCommitTest, WithoutAServerTheWordIsUnavailable) {
  auto alone = database_.open_pool(1);
  auto busy = Transaction::begin(*alone, deadline_in(10s));
  ASSERT_TRUE(busy);
  SharedCommit shared(*alone, recorder_);

  auto told = shared.add(query_of("A"));

  const auto failed = outcome(told);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace latent::storage::auditlog
