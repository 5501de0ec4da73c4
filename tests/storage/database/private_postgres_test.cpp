// The life of a private cluster: made, started, adopted, killed, started again.
#include "storage/database/private_postgres.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "storage/database/transaction.h"
#include "tests/support/private_database.h"

namespace latent::storage::database {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class PrivatePostgresTest : public ::testing::Test {
 protected:
  // initdb takes seconds, so the suite shares one cluster; no test leaves it running.
  static void SetUpTestSuite() { shared_ = std::make_unique<test::TemporaryDirectory>(); }
  static void TearDownTestSuite() { shared_.reset(); }
  static std::unique_ptr<PrivatePostgres> start() {
    return start(test::private_postgres_config(*shared_));
  }
  /// The shared cluster, moved to `place` until the end of the test.
  class Moved {
   public:
    explicit Moved(fs::path place) : place_(std::move(place)) {
      if (!start()->stop()) throw std::runtime_error("the shared cluster does not stop");
      fs::create_directory(place_.parent_path());
      fs::permissions(place_.parent_path(), fs::perms(0711));
      fs::rename(*shared_ / "pg", place_);
    }
    ~Moved() { fs::rename(place_, *shared_ / "pg"); }
    Moved(const Moved&) = delete;
    Moved& operator=(const Moved&) = delete;

   private:
    fs::path place_;
  };
  static std::unique_ptr<PrivatePostgres> start(const PrivatePostgresConfig& config) {
    auto server = PrivatePostgres::start(config);
    if (!server) throw std::runtime_error(server.error().text);
    return std::move(*server);
  }
  static Result<std::string> ask(const PrivatePostgres& server, std::string_view sql,
                                 const Params& params = {}) {
    PoolConfig config;
    config.conninfo = server.conninfo();
    LATENT_TRY(const auto pool, Pool::open(config));
    LATENT_TRY(auto transaction, Transaction::begin(*pool, deadline_in(5s)));
    LATENT_TRY(const auto rows, transaction.execute(sql, params));
    std::string answer(rows.empty() ? "" : rows.text(0, 0));
    LATENT_TRY_VOID(transaction.commit());
    return answer;
  }
  static inline std::unique_ptr<test::TemporaryDirectory> shared_;
  test::TemporaryDirectory folder_;
};

TEST_F(PrivatePostgresTest, WhatWasCommittedIsThereAfterStopAndStart) {
  {
    const auto server = start();
    EXPECT_FALSE(server->adopted());
    ASSERT_TRUE(ask(*server, "CREATE TABLE IF NOT EXISTS t AS SELECT 42 AS n"));
    ASSERT_TRUE(server->stop());
    EXPECT_FALSE(server->running());
    EXPECT_FALSE(ask(*server, "SELECT n FROM t"));
  }

  EXPECT_EQ(ask(*start(), "SELECT n FROM t").value_or("lost"), "42");
}

TEST_F(PrivatePostgresTest, ItListensOnNoNetworkAndKeepsEveryPromiseOfDurability) {
  auto config = test::private_postgres_config(*shared_);
  config.durable = true;
  const auto server = start(config);

  EXPECT_EQ(ask(*server, "SHOW listen_addresses").value_or("?"), "");
  for (const std::string_view setting : {"fsync", "full_page_writes", "synchronous_commit"})
    EXPECT_EQ(ask(*server, "SELECT current_setting($1)", Params().text(setting)).value_or("?"),
              "on")
        << setting;
  EXPECT_EQ(ask(*server, "SHOW server_encoding").value_or("?"), "UTF8");
  EXPECT_EQ(ask(*server, "SHOW data_checksums").value_or("?"), "on");
  struct stat status {};
  ASSERT_EQ(::stat((*shared_ / "pg-socket").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
}

TEST_F(PrivatePostgresTest, AServerThatOutlivedItsLatentIsAdopted) {
  const auto outlived = start();
  ASSERT_TRUE(ask(*outlived, "CREATE TABLE IF NOT EXISTS t AS SELECT 42 AS n"));

  const auto server = start();

  EXPECT_TRUE(server->adopted());
  EXPECT_EQ(server->pid(), outlived->pid());
  EXPECT_EQ(ask(*server, "SELECT n FROM t").value_or("lost"), "42");
  ASSERT_TRUE(server->stop());
  EXPECT_FALSE(outlived->running());
}

TEST_F(PrivatePostgresTest, KilledAndStartedAtOnceItRecovers) {
  const auto killed = start();
  ASSERT_TRUE(ask(*killed, "CREATE TABLE IF NOT EXISTS t AS SELECT 42 AS n"));
  ASSERT_EQ(::kill(killed->pid(), SIGKILL), 0);

  const auto server = start();

  EXPECT_NE(server->pid(), killed->pid());
  EXPECT_EQ(ask(*server, "SELECT n FROM t").value_or("lost"), "42");
}

// In a container the numbers start anew: the old server's process id may be anybody's.
TEST_F(PrivatePostgresTest, AStalePidFileThatNamesAnotherProcessDoesNotStopTheStart) {
  ASSERT_TRUE(start()->stop());
  {
    std::ofstream file(folder_ / "pg/postmaster.pid");
    file << ::getpid() << '\n'
         << (folder_ / "pg").string() << "\n1700000000\n5432\n"
         << (folder_ / "pg-socket").string() << "\n\n  5432001 1\nready\n";
  }
  std::ofstream(*shared_ / "pg-socket/.s.PGSQL.5432.lock")
      << ::getpid() << '\n'
      << (*shared_ / "pg").string() << "\n1700000000\n5432\n\n";

  const auto server = start();

  EXPECT_FALSE(server->adopted());
  EXPECT_EQ(ask(*server, "SELECT 1").value_or("?"), "1");
}

TEST_F(PrivatePostgresTest, AFolderWhosePathIsTooLongForASocketGetsAShortPrivateOne) {
  auto config = test::private_postgres_config(folder_);
  config.folder = folder_ / std::string(100, 'd') / "pg";
  const Moved moved(config.folder);

  const auto server = start(config);

  EXPECT_EQ(ask(*server, "SELECT 1").value_or("?"), "1");
  const std::string socket = ask(*server, "SHOW unix_socket_directories").value_or("?");
  EXPECT_LT(socket.size(), 60u);
  const fs::path socket_folder =
      socket.front() == '"' ? socket.substr(1, socket.size() - 2) : socket;
  struct stat status {};
  ASSERT_EQ(::stat(socket_folder.c_str(), &status), 0) << socket_folder;
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
  const auto adopted = start(config);
  EXPECT_TRUE(adopted->adopted());
  ASSERT_TRUE(server->stop());
  EXPECT_FALSE(fs::exists(socket_folder));
}

TEST_F(PrivatePostgresTest, FoldersWithSpacesAndQuotesWork) {
  auto config = test::private_postgres_config(folder_);
  config.folder = folder_ / "it's a \\ \"folder\"" / "pg";
  const Moved moved(config.folder);

  EXPECT_EQ(ask(*start(config), "SELECT 1").value_or("?"), "1");
}

TEST_F(PrivatePostgresTest, AnInterruptedInitdbIsStartedOver) {
  fs::create_directories(folder_ / "pg.new/base");
  std::ofstream(folder_ / "pg.new/PG_VERSION") << "15\n";

  EXPECT_EQ(ask(*start(test::private_postgres_config(folder_)), "SELECT 1").value_or("?"), "1");
  EXPECT_FALSE(fs::exists(folder_ / "pg.new"));
}

TEST_F(PrivatePostgresTest, ItsLogHoldsNoValueOfAStatement) {
  const auto server = start();
  const std::string planted = "PLANTED^PATIENT";
  ASSERT_TRUE(ask(*server, "CREATE TABLE u (s text UNIQUE)"));
  ASSERT_TRUE(ask(*server, "INSERT INTO u VALUES ($1)", Params().text(std::string_view(planted))));
  for (const std::string_view sql : {"SELECT $1::text::bigint", "INSERT INTO u VALUES ($1)",
                                     "SELECT 'x' FROM no_such_table WHERE s = $1"})
    EXPECT_FALSE(ask(*server, sql, Params().text(std::string_view(planted)))) << sql;
  EXPECT_FALSE(ask(*server, "SELECT 'PLANTED^PATIENT'::bigint"));
  EXPECT_FALSE(ask(*server, "DO $$ BEGIN RAISE WARNING 'PLANTED^PATIENT'; PERFORM 1/0; END $$"));
  ASSERT_TRUE(server->stop());

  std::size_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(*shared_ / "pg/log")) {
    std::ifstream in(entry.path());
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    bytes += all.size();
    EXPECT_EQ(all.find("PLANTED"), std::string::npos) << all;
  }
  EXPECT_GT(bytes, 0u);
}

TEST_F(PrivatePostgresTest, RootWithoutAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs to run as root";
  auto config = test::private_postgres_config(folder_);
  config.run_as.reset();

  const auto server = PrivatePostgres::start(config);

  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::refused);
}

TEST_F(PrivatePostgresTest, AClusterOfAnAbsentVersionIsNamed) {
  fs::create_directory(folder_ / "pg");
  std::ofstream(folder_ / "pg/PG_VERSION") << "9\n";

  const auto server = PrivatePostgres::start(test::private_postgres_config(folder_));

  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::unavailable);
  EXPECT_NE(server.error().text.find("PostgreSQL 9"), std::string::npos) << server.error().text;
}

}  // namespace
}  // namespace latent::storage::database
