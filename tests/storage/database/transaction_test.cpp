// Values in and out, pipelines, errors: against a real server.
#include "storage/database/transaction.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/private_database.h"

namespace latent::storage::database {
namespace {

using namespace std::chrono_literals;
using test::PrivateDatabase;

class TransactionTest : public ::testing::Test {
 protected:
  Transaction begin(Transaction::Mode mode = Transaction::Mode::read_write) {
    auto transaction = Transaction::begin(*pool_, deadline_in(5s), mode);
    if (!transaction) throw std::runtime_error(transaction.error().text);
    return std::move(*transaction);
  }
  /// Runs the statements in a committed transaction of their own.
  void committed(std::initializer_list<std::string_view> statements) {
    auto transaction = begin();
    for (const std::string_view sql : statements) ASSERT_TRUE(transaction.execute(sql)) << sql;
    ASSERT_TRUE(transaction.commit());
  }

  PrivateDatabase database_{PrivateDatabase::Content::empty};
  std::unique_ptr<Pool> pool_ = database_.open_pool();
};

TEST_F(TransactionTest, TextComesBackAsItWasWhateverItHolds) {
  const std::string nasty[] = {"",
                               "O'Neil; DROP TABLE x",
                               "a\"b\\c{,}NULL",
                               "  outer  ",
                               "Müller^Jörg",
                               "王^小明",
                               "\x01\x1f\x7f\r\n\t",
                               "NULL"};
  auto transaction = begin();

  for (const std::string& value : nasty) {
    const auto rows = transaction.execute("SELECT $1::text, octet_length($1::text)",
                                          Params().text(std::string_view(value)));
    ASSERT_TRUE(rows) << rows.error().text;
    EXPECT_EQ(rows->text(0, 0), value);
    EXPECT_EQ(rows->integer(0, 1), static_cast<std::int64_t>(value.size()));
  }
}

TEST_F(TransactionTest, NumbersBooleansAndNullsComeBack) {
  auto transaction = begin();

  const auto rows = transaction.execute(
      "SELECT $1::bigint, $2::bigint, $3::boolean, $4::boolean, $5::text, $6::bigint, $7::bytea",
      Params()
          .integer(std::numeric_limits<std::int64_t>::min())
          .integer(std::numeric_limits<std::int64_t>::max())
          .boolean(true)
          .boolean(false)
          .text(std::optional<std::string>())
          .integer(std::optional<std::int64_t>())
          .null());

  ASSERT_TRUE(rows) << rows.error().text;
  EXPECT_EQ(rows->integer(0, 0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(rows->integer(0, 1), std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(rows->boolean(0, 2));
  EXPECT_FALSE(rows->boolean(0, 3));
  EXPECT_TRUE(rows->is_null(0, 4));
  EXPECT_EQ(rows->optional_text(0, 4), std::nullopt);
  EXPECT_EQ(rows->text(0, 4), "");
  EXPECT_EQ(rows->optional_integer(0, 5), std::nullopt);
  EXPECT_EQ(rows->integer(0, 5), 0);
  EXPECT_TRUE(rows->bytes(0, 6).empty());
}

TEST_F(TransactionTest, OneMebibyteOfEveryByteComesBack) {
  Bytes all(1 << 20);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i * 7 + (i >> 8));
  auto transaction = begin();

  const auto rows =
      transaction.execute("SELECT $1::bytea, octet_length($1::bytea)", Params().bytes(all));

  ASSERT_TRUE(rows) << rows.error().text;
  EXPECT_EQ(rows->integer(0, 1), 1 << 20);
  EXPECT_EQ(rows->bytes(0, 0), all);
}

TEST_F(TransactionTest, ArraysKeepEveryElementAndEveryNull) {
  const std::vector<std::optional<std::string>> texts = {
      "plain", "", std::nullopt, "NULL", "a\"b", "c\\d", "{e,f}", " g ", "王^小明", "line\nbreak"};
  const std::vector<std::optional<std::int64_t>> numbers = {
      1, -2, std::nullopt, 1'000'000'000'000, 5, 6, 7, 8, 9, 10};
  std::vector<std::optional<Bytes>> bytes(10, Bytes{std::byte{0}, std::byte{0xFF}});
  bytes[3] = std::nullopt;
  bytes[4] = Bytes();
  auto transaction = begin();

  const auto rows = transaction.execute(
      "SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]) WITH ORDINALITY ORDER BY 4",
      Params().text_array(texts).integer_array(numbers).bytes_array(bytes));

  ASSERT_TRUE(rows) << rows.error().text;
  ASSERT_EQ(rows->size(), 10);
  for (int i = 0; i < 10; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(rows->optional_text(i, 0), texts[at]) << i;
    EXPECT_EQ(rows->optional_integer(i, 1), numbers[at]) << i;
    EXPECT_EQ(rows->is_null(i, 2), !bytes[at].has_value()) << i;
    EXPECT_EQ(rows->bytes(i, 2), bytes[at].value_or(Bytes())) << i;
  }
}

TEST_F(TransactionTest, EmptyArraysAreEmpty) {
  auto transaction = begin();

  const auto rows = transaction.execute(
      "SELECT cardinality($1::text[]), cardinality($2::bigint[]), cardinality($3::bytea[])",
      Params().text_array({}).integer_array({}).bytes_array({}));

  ASSERT_TRUE(rows) << rows.error().text;
  for (int column = 0; column < 3; ++column) EXPECT_EQ(rows->text(0, column), "0");
}

TEST_F(TransactionTest, NulInTextIsRefusedInsteadOfCutOff) {
  auto transaction = begin();

  const auto rows =
      transaction.execute("SELECT $1::text", Params().text(std::string_view("DOE\0JOHN", 8)));

  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::invalid_input);
}

TEST_F(TransactionTest, CommittedRowsAreThereAndRolledBackOnesAreNot) {
  committed({"CREATE TABLE t (n bigint)", "INSERT INTO t VALUES (1)"});
  { ASSERT_TRUE(begin().execute("INSERT INTO t VALUES (2)")); }
  {
    auto transaction = begin();
    ASSERT_TRUE(transaction.execute("INSERT INTO t VALUES (3)"));
    transaction.rollback();
    EXPECT_FALSE(transaction.execute("SELECT 1"));
    EXPECT_FALSE(transaction.commit());
  }

  const auto rows = begin(Transaction::Mode::read_only).execute("SELECT array_agg(n) FROM t");

  ASSERT_TRUE(rows) << rows.error().text;
  EXPECT_EQ(rows->text(0, 0), "{1}");
}

TEST_F(TransactionTest, ReadOnlyTransactionsCannotWriteAndSeeOnePicture) {
  committed({"CREATE TABLE t (n bigint)"});
  auto reader = begin(Transaction::Mode::read_only);
  ASSERT_EQ(reader.execute("SELECT count(*) FROM t")->integer(0, 0), 0);

  committed({"INSERT INTO t VALUES (1)"});

  EXPECT_EQ(reader.execute("SELECT count(*) FROM t")->integer(0, 0), 0);
  EXPECT_FALSE(reader.execute("INSERT INTO t VALUES (2)"));
}

TEST_F(TransactionTest, SeveralStatementsGiveTheirRowsInOrder) {
  auto transaction = begin();
  std::vector<Statement> statements;
  statements.push_back({"CREATE TABLE t (n bigint, s text)", {}});
  for (int i = 0; i < 20; ++i)
    statements.push_back({"INSERT INTO t SELECT $1, 'x' FROM generate_series(1, $2) RETURNING n",
                          Params().integer(i).integer(i)});
  statements.push_back({"SELECT count(*) FROM t", {}});

  // CREATE TABLE must run before the INSERTs are parsed: one pipeline prepares step by step.
  const auto rows = transaction.execute_all(statements);

  ASSERT_TRUE(rows) << rows.error().text;
  ASSERT_EQ(rows->size(), 22u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ((*rows)[static_cast<std::size_t>(i) + 1].affected(), i);
    EXPECT_EQ((*rows)[static_cast<std::size_t>(i) + 1].size(), i);
  }
  EXPECT_EQ(rows->back().integer(0, 0), 190);
  EXPECT_TRUE(transaction.commit());
}

TEST_F(TransactionTest, LargePipelineInBothDirectionsDoesNotLockUp) {
  auto transaction = begin();
  std::vector<Statement> statements;
  const Bytes megabyte(1 << 20, std::byte{0x5A});
  for (int i = 0; i < 40; ++i) statements.push_back({"SELECT $1::bytea", Params().bytes(megabyte)});

  const auto rows = transaction.execute_all(statements);

  ASSERT_TRUE(rows) << rows.error().text;
  for (const Rows& one : *rows) EXPECT_EQ(one.bytes(0, 0).size(), megabyte.size());
}

TEST_F(TransactionTest, FirstErrorOfAPipelineIsReportedAndNothingStays) {
  committed({"CREATE TABLE t (n bigint PRIMARY KEY)", "INSERT INTO t VALUES (1)"});
  const std::vector<Statement> statements = {{"INSERT INTO t VALUES (7)", {}},
                                             {"INSERT INTO t VALUES ($1)", Params().integer(1)},
                                             {"SELECT 1/0", {}}};
  {
    auto transaction = begin();
    const auto rows = transaction.execute_all(statements);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::conflict);
    EXPECT_NE(rows.error().text.find("23505"), std::string::npos) << rows.error().text;
    EXPECT_NE(rows.error().text.find("t_pkey"), std::string::npos) << rows.error().text;
    EXPECT_FALSE(transaction.execute("SELECT 1"));
    EXPECT_FALSE(transaction.commit());
  }

  EXPECT_EQ(begin().execute("SELECT array_agg(n) FROM t")->text(0, 0), "{1}");
}

TEST_F(TransactionTest, WhatRunsAtOnceIsOneTransactionAndCommittedWhenItReturns) {
  committed({"CREATE TABLE t (n bigint, xid xid8 DEFAULT pg_current_xact_id())"});
  const std::vector<Statement> statements = {
      {"INSERT INTO t VALUES ($1)", Params().integer(1)},
      {"SELECT set_config('work_mem', '12345kB', true)", {}},
      {"INSERT INTO t VALUES ($1)", Params().integer(2)},
      {"SELECT count(*), current_setting('work_mem') FROM t", {}}};

  for (std::int64_t round = 1; round <= 2; ++round) {  // the second time all is prepared
    const auto rows = Transaction::run_at_once(*pool_, deadline_in(5s), statements);

    ASSERT_TRUE(rows) << rows.error().text;
    ASSERT_EQ(rows->size(), 4u);
    EXPECT_EQ(rows->back().integer(0, 0), 2 * round);
    EXPECT_EQ(rows->back().text(0, 1), "12345kB");
    auto other = begin();
    const auto seen =
        other.execute("SELECT count(*), count(DISTINCT xid), current_setting('work_mem') FROM t");
    EXPECT_EQ(seen->integer(0, 0), 2 * round);
    EXPECT_EQ(seen->integer(0, 1), round);
    EXPECT_NE(seen->text(0, 2), "12345kB") << "a setting outlived its transaction";
  }
}

TEST_F(TransactionTest, NothingStaysOfWhatRanAtOnceWhenOneStatementFails) {
  committed({"CREATE TABLE t (n bigint PRIMARY KEY)", "INSERT INTO t VALUES (1)"});
  const std::vector<Statement> failing = {{"INSERT INTO t VALUES (7)", {}},
                                          {"INSERT INTO t VALUES ($1)", Params().integer(1)},
                                          {"INSERT INTO t VALUES (8)", {}}};
  const std::vector<Statement> fine = {{"SELECT array_agg(n) FROM t", {}}};

  const auto refused = Transaction::run_at_once(*pool_, deadline_in(5s), failing);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  const auto left = Transaction::run_at_once(*pool_, deadline_in(5s), fine);
  ASSERT_TRUE(left) << left.error().text;
  EXPECT_EQ(left->front().text(0, 0), "{1}");
}

TEST_F(TransactionTest, ARefusalAtTheVeryEndOfWhatRanAtOnceIsNoSuccess) {
  committed({"CREATE TABLE t (n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)"});
  const std::vector<Statement> twice = {{"INSERT INTO t VALUES (1), (1)", {}}};

  EXPECT_FALSE(Transaction::run_at_once(*pool_, deadline_in(5s), twice));

  EXPECT_EQ(begin().execute("SELECT count(*) FROM t")->integer(0, 0), 0);
}

TEST_F(TransactionTest, AStatementThatFailedToPrepareWorksOnceItCan) {
  {
    auto transaction = begin();
    EXPECT_FALSE(transaction.execute("SELECT n FROM later"));
  }
  committed({"CREATE TABLE later (n bigint)"});

  EXPECT_TRUE(begin().execute("SELECT n FROM later"));
}

TEST_F(TransactionTest, ErrorsNeverQuoteAValue) {
  for (const std::string_view sql :
       {"SELECT $1::text::bigint", "SELECT $1::text::date", "SELECT $1::text::bigint[]",
        "SELECT $1::text::inet", "SELECT $1::text::uuid",
        "SELECT ('9999999999' || left($1::text, 0))::int"}) {
    auto transaction = begin();
    const auto rows = transaction.execute(sql, Params().text(std::string_view("DOE^JOHN")));
    ASSERT_FALSE(rows) << sql;
    EXPECT_EQ(rows.error().code, ErrorCode::internal);
    EXPECT_EQ(rows.error().text.find("DOE"), std::string::npos) << rows.error().text;
    EXPECT_EQ(rows.error().text.find("9999999999"), std::string::npos) << rows.error().text;
    EXPECT_NE(rows.error().text.find("SQLSTATE 22"), std::string::npos) << rows.error().text;
  }
}

TEST_F(TransactionTest, ManyDifferentStatementsStayWithinTheBoundOfTheCache) {
  auto transaction = begin();

  for (int i = 0; i < 600; ++i) {
    const auto rows = transaction.execute("SELECT " + std::to_string(i));
    ASSERT_TRUE(rows) << rows.error().text;
    ASSERT_EQ(rows->integer(0, 0), i);
  }

  const auto kept = transaction.execute("SELECT count(*) FROM pg_prepared_statements");
  ASSERT_TRUE(kept) << kept.error().text;
  EXPECT_LE(kept->integer(0, 0), 257);
}

TEST_F(TransactionTest, ASlowStatementEndsAtTheTimeOutAndTheConnectionGoesOn) {
  PoolConfig config;
  config.conninfo = database_.conninfo();
  config.statement_timeout = 200ms;
  config.connections_max = 1;
  const auto pool = *Pool::open(config);
  {
    auto transaction = Transaction::begin(*pool, deadline_in(1s));
    ASSERT_TRUE(transaction);
    const auto rows = transaction->execute("SELECT pg_sleep(30)");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::unavailable);
    EXPECT_NE(rows.error().text.find("57014"), std::string::npos) << rows.error().text;
  }
  auto next = Transaction::begin(*pool, deadline_in(1s));
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->execute("SELECT 1"));
}

TEST_F(TransactionTest, ADeferredConstraintFailsTheCommitAsConflict) {
  committed({"CREATE TABLE t (n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)"});
  auto transaction = begin();
  ASSERT_TRUE(transaction.execute("INSERT INTO t VALUES (1), (1)"));

  const auto committed_so = transaction.commit();

  ASSERT_FALSE(committed_so);
  EXPECT_EQ(committed_so.error().code, ErrorCode::conflict);
  EXPECT_EQ(begin().execute("SELECT count(*) FROM t")->integer(0, 0), 0);
}

TEST_F(TransactionTest, WhenAllConnectionsAreLentTheNextWaitsUntilItsDeadline) {
  const auto pool = database_.open_pool(2);
  auto first = Transaction::begin(*pool, deadline_in(1s));
  auto second = Transaction::begin(*pool, deadline_in(1s));
  ASSERT_TRUE(first && second);

  const auto started = std::chrono::steady_clock::now();
  const auto third = Transaction::begin(*pool, deadline_in(150ms));
  const auto waited = std::chrono::steady_clock::now() - started;

  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::unavailable);
  EXPECT_GE(waited, 150ms);
  EXPECT_LT(waited, 1s);
  first->rollback();
  EXPECT_TRUE(Transaction::begin(*pool, deadline_in(150ms)));
}

TEST_F(TransactionTest, ManyThreadsShareFewConnections) {
  committed({"CREATE TABLE t (thread bigint, n bigint)"});
  const auto pool = database_.open_pool(3);
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread)
      threads.emplace_back([&pool, &failures, thread] {
        for (int n = 0; n < 25; ++n) {
          auto transaction = Transaction::begin(*pool, deadline_in(30s));
          const bool done = transaction &&
                            transaction->execute("INSERT INTO t VALUES ($1, $2)",
                                                 Params().integer(thread).integer(n)) &&
                            (n % 5 == 4 || transaction->commit());  // each fifth is rolled back
          if (!done) ++failures;
        }
      });
  }

  EXPECT_EQ(failures, 0);
  EXPECT_EQ(begin().execute("SELECT count(*) FROM t")->integer(0, 0), 8 * 20);
}

TEST_F(TransactionTest, BrokenConnectionStringIsRefusedWithoutEchoingIt) {
  PoolConfig config;
  config.conninfo = "host=/nowhere password=hunter2 oops";

  const auto pool = Pool::open(config);

  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().code, ErrorCode::invalid_input);
  EXPECT_EQ(pool.error().text.find("hunter2"), std::string::npos);
  EXPECT_EQ(pool.error().text.find("oops"), std::string::npos);
}

}  // namespace
}  // namespace latent::storage::database
