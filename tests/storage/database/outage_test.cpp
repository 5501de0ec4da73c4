// A server that goes away, freezes and comes back.
#include <gtest/gtest.h>

#include <csignal>

#include "security/base/raii.h"
#include "storage/database/private_postgres.h"
#include "storage/database/transaction.h"
#include "tests/support/private_database.h"

namespace latent::storage::database {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class Outage : public ::testing::Test {
 protected:
  // One cluster for the suite; a test that ended its server finds it started again.
  static void SetUpTestSuite() { folder_ = std::make_unique<test::TemporaryDirectory>(); }
  static void TearDownTestSuite() {
    server_.reset();
    folder_.reset();
  }
  void SetUp() override {
    if (!server_ || !server_->running()) start_server();
    PoolConfig config;
    config.conninfo = server_->conninfo();
    config.statement_timeout = 400ms;
    auto pool = Pool::open(config);
    ASSERT_TRUE(pool) << pool.error().text;
    pool_ = std::move(*pool);
  }
  static void start_server() {
    server_.reset();
    auto server = PrivatePostgres::start(test::private_postgres_config(*folder_));
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
  }
  /// Ends at once, like a crash: no checkpoint, no farewell to transactions.
  static void crash_server() {
    ::kill(server_->pid(), SIGQUIT);
    ASSERT_TRUE(server_->stop());
  }
  Result<Transaction> begin() { return Transaction::begin(*pool_, deadline_in(5s)); }

  static inline std::unique_ptr<test::TemporaryDirectory> folder_;
  static inline std::unique_ptr<PrivatePostgres> server_;
  std::unique_ptr<Pool> pool_;
};

TEST_F(Outage, ATransactionThatLosesItsServerIsUnavailableAndTheNextFailFastUntilItIsBack) {
  auto transaction = begin();
  ASSERT_TRUE(transaction->execute("CREATE TABLE t (n bigint)"));
  crash_server();

  const auto lost = transaction->execute("INSERT INTO t VALUES (1)");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(transaction->commit());
  for (int i = 0; i < 3; ++i) {
    const auto started = steady_clock::now();
    const auto refused = begin();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_LT(steady_clock::now() - started, 1s);
  }
  start_server();
  auto again = begin();
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_TRUE(again->execute("CREATE TABLE t (n bigint)"))
      << "the lost transaction was rolled back";
  EXPECT_TRUE(again->commit());
}

TEST_F(Outage, IdleConnectionsThatDiedWithTheServerAreReplacedUnseen) {
  {
    std::vector<Transaction> several;
    for (int i = 0; i < 3; ++i) several.push_back(std::move(*begin()));
    for (Transaction& transaction : several) ASSERT_TRUE(transaction.execute("SELECT 1"));
  }
  crash_server();
  start_server();

  for (int i = 0; i < 3; ++i) {
    auto transaction = begin();
    ASSERT_TRUE(transaction) << transaction.error().text;
    EXPECT_TRUE(transaction->execute("SELECT 1"));
  }
}

TEST_F(Outage, AFrozenBackendIsUnavailableSoonAfterTheStatementTimeOut) {
  auto transaction = begin();
  const auto pid =
      static_cast<pid_t>(transaction->execute("SELECT pg_backend_pid()")->integer(0, 0));
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const ScopeExit thaw([&] { ::kill(pid, SIGCONT); });

  const auto started = steady_clock::now();
  const auto frozen = transaction->execute("SELECT 1");
  const auto waited = steady_clock::now() - started;

  ASSERT_FALSE(frozen);
  EXPECT_EQ(frozen.error().code, ErrorCode::unavailable);
  EXPECT_GE(waited, 400ms);
  EXPECT_LT(waited, 2s);
  auto next = begin();
  ASSERT_TRUE(next) << next.error().text;
  EXPECT_TRUE(next->execute("SELECT 1")) << "another connection goes on";
}

TEST_F(Outage, AFrozenServerIsUnavailableWithinTheConnectTimeOut) {
  auto held = begin();  // so that the next one must connect
  ASSERT_TRUE(held->execute("SELECT 1"));
  ASSERT_EQ(::kill(server_->pid(), SIGSTOP), 0);
  const ScopeExit thaw([&] { ::kill(server_->pid(), SIGCONT); });

  const auto started = steady_clock::now();
  const auto refused = begin();

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_LT(steady_clock::now() - started, 2s);
}

TEST_F(Outage, AFrozenCommitIsAFailureInTime) {
  auto transaction = begin();
  const auto pid =
      static_cast<pid_t>(transaction->execute("SELECT pg_backend_pid()")->integer(0, 0));
  ASSERT_TRUE(transaction->execute("CREATE TABLE frozen (n bigint)"));
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const ScopeExit thaw([&] { ::kill(pid, SIGCONT); });

  const auto started = steady_clock::now();
  const auto done = transaction->commit();

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_LT(steady_clock::now() - started, 4s);
}

}  // namespace
}  // namespace latent::storage::database
