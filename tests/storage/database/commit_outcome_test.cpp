// The connection breaks around COMMIT: success is said exactly when the rows are there, and never
// on a guess (formats.md §4, `pg.commit.sent`).
#include <gtest/gtest.h>

#include <csignal>

#include "security/base/fail_point.h"
#include "storage/database/private_postgres.h"
#include "storage/database/transaction.h"
#include "tests/storage/database/cutting_proxy.h"
#include "tests/support/private_database.h"

namespace latent::storage::database {
namespace {

using namespace std::chrono_literals;
using test::CuttingProxy;

class CommitOutcome : public ::testing::Test {
 protected:
  // One cluster for the suite; a test that ended its server finds it started again.
  static void SetUpTestSuite() { folder_ = std::make_unique<test::TemporaryDirectory>(); }
  static void TearDownTestSuite() {
    server_.reset();
    folder_.reset();
  }
  void SetUp() override {
    if (!server_ || !server_->running()) {
      server_.reset();
      auto server = PrivatePostgres::start(test::private_postgres_config(*folder_));
      ASSERT_TRUE(server) << server.error().text;
      server_ = std::move(*server);
    }
    direct_ = open(server_->conninfo());
    proxy_ = std::make_unique<CuttingProxy>(*folder_ / "pg-socket", own_folder_.path());
    // The last host counts.
    through_proxy_ = open(server_->conninfo() + " host='" + own_folder_.path().string() + "'");
    auto transaction = Transaction::begin(*direct_, deadline_in(5s));
    ASSERT_TRUE(transaction->execute("DROP TABLE IF EXISTS t"));
    ASSERT_TRUE(transaction->execute("CREATE TABLE t (n bigint)"));
    ASSERT_TRUE(transaction->commit());
  }
  static std::unique_ptr<Pool> open(const std::string& conninfo) {
    PoolConfig config;
    config.conninfo = conninfo;
    config.statement_timeout = 5s;
    auto pool = Pool::open(config);
    if (!pool) throw std::runtime_error(pool.error().text);
    return std::move(*pool);
  }
  Result<void> insert_and_commit() {
    LATENT_TRY(auto transaction, Transaction::begin(*through_proxy_, deadline_in(1s)));
    LATENT_TRY_VOID(transaction.execute("INSERT INTO t VALUES (1)"));
    return transaction.commit();
  }
  /// Through the proxy is enough: an answer to a new question shows that the line works again.
  std::int64_t rows() {
    for (const Deadline deadline = deadline_in(20s); std::chrono::steady_clock::now() < deadline;) {
      auto transaction = Transaction::begin(*through_proxy_, deadline_in(1s));
      if (!transaction) continue;
      const auto counted = transaction->execute("SELECT count(*) FROM t");
      if (counted) return counted->integer(0, 0);
    }
    return -1;
  }

  static inline std::unique_ptr<test::TemporaryDirectory> folder_;
  static inline std::unique_ptr<PrivatePostgres> server_;
  test::TemporaryDirectory own_folder_;
  std::unique_ptr<Pool> direct_;
  std::unique_ptr<CuttingProxy> proxy_;
  std::unique_ptr<Pool> through_proxy_;
};

TEST_F(CommitOutcome, UncutLineCommits) {
  const auto done = insert_and_commit();

  EXPECT_TRUE(done) << done.error().text;
  EXPECT_EQ(rows(), 1);
}

TEST_F(CommitOutcome, ACommitWhoseAnswerWasLostIsFoundOutAndIsSuccess) {
  proxy_->cut_next_commit(CuttingProxy::Cut::before_client);

  const auto done = insert_and_commit();

  EXPECT_TRUE(proxy_->has_cut());
  EXPECT_TRUE(done) << done.error().text;
  EXPECT_EQ(rows(), 1);
}

TEST_F(CommitOutcome, ACommitThatNeverArrivedIsAFailure) {
  proxy_->cut_next_commit(CuttingProxy::Cut::before_server);

  const auto done = insert_and_commit();

  EXPECT_TRUE(proxy_->has_cut());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_NE(done.error().text.find("was not committed"), std::string::npos) << done.error().text;
  EXPECT_EQ(rows(), 0);
}

TEST_F(CommitOutcome, ABackendThatStillWaitsForTheLostCommitIsEnded) {
  proxy_->cut_next_commit(CuttingProxy::Cut::before_server_mute);

  const auto done = insert_and_commit();

  EXPECT_TRUE(proxy_->has_cut());
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find("was not committed"), std::string::npos) << done.error().text;
  EXPECT_EQ(rows(), 0);
}

// A crash may hand the same xid out again, so the new server's "committed" proves nothing.
TEST_F(CommitOutcome, AfterACrashRecoveryCommittedIsNotTakenForOurs) {
  auto victim = Transaction::begin(*direct_, deadline_in(5s));
  const pid_t backend =
      static_cast<pid_t>(victim->execute("SELECT pg_backend_pid()")->integer(0, 0));
  proxy_->cut_next_commit(CuttingProxy::Cut::before_client, [&] { ::kill(backend, SIGKILL); });

  const auto done = insert_and_commit();

  EXPECT_TRUE(proxy_->has_cut());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_NE(done.error().text.find("could not be found out"), std::string::npos)
      << done.error().text;
  EXPECT_EQ(rows(), 1) << "the test wants the case where it had been committed";
}

TEST_F(CommitOutcome, WhenTheServerIsGoneForGoodItIsAFailureInTime) {
  proxy_->cut_next_commit(CuttingProxy::Cut::before_server,
                          [&] { ::kill(server_->pid(), SIGQUIT); });

  const auto started = std::chrono::steady_clock::now();
  const auto done = insert_and_commit();

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - started, 8s);
}

/// Dies at a fail point as in a power cut; the database tells what had become durable.
class CommitFailPoint : public ::testing::Test {
 protected:
  void die_at(const char* point) {
    EXPECT_EXIT(
        {
          ::setenv("LATENT_FAIL", point, 1);
          fail_point::configure_from_environment();
          const auto pool = database_.open_pool();
          auto transaction = Transaction::begin(*pool, deadline_in(5s));
          static_cast<void>(transaction->execute("SELECT 1"));  // wrote nothing: no pg.insert
          static_cast<void>(transaction->execute("CREATE TABLE t (n bigint)"));
          static_cast<void>(transaction->commit());
          ::_exit(0);
        },
        ::testing::KilledBySignal(SIGKILL), "");
  }
  bool table_exists() {
    const auto pool = database_.open_pool();
    auto transaction = Transaction::begin(*pool, deadline_in(5s));
    return transaction->execute("SELECT to_regclass('t') IS NOT NULL")->boolean(0, 0);
  }
  test::PrivateDatabase database_{test::PrivateDatabase::Content::empty};
};

TEST_F(CommitFailPoint, KilledAfterTheInsertNothingStays) {
  die_at("pg.insert");
  EXPECT_FALSE(table_exists());
}

TEST_F(CommitFailPoint, KilledAfterTheAnswerEverythingStays) {
  die_at("pg.commit.done");
  EXPECT_TRUE(table_exists());
}

TEST_F(CommitFailPoint, KilledWhenCommitWasSentTheServerFinishesIt) {
  die_at("pg.commit.sent");
  // The server reads the COMMIT from the socket though we are gone; it may take a moment.
  const Deadline deadline = deadline_in(10s);
  while (!table_exists() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(table_exists());
}

}  // namespace
}  // namespace latent::storage::database
