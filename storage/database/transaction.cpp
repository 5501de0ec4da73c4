#include "storage/database/transaction.h"

#include <optional>

#include "security/base/fail_point.h"
#include "security/base/log.h"
#include "storage/database/detail/commit_outcome.h"
#include "storage/database/detail/errors.h"
#include "storage/database/detail/pool_state.h"

namespace latent::storage::database {
namespace {

constexpr std::string_view kBeginWriting = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
constexpr std::string_view kBeginReading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// NULL until the transaction has written, so it rides behind every batch until it has an answer.
constexpr std::string_view kAskXid = "SELECT pg_current_xact_id_if_assigned()";

}  // namespace

struct Transaction::State {
  State(Pool::State& from, std::unique_ptr<Connection> lent, Mode how)
      : pool(from), connection(std::move(lent)), mode(how) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { finish(); }

  Result<std::vector<Rows>> run(std::span<const Connection::Request> requests);
  Result<void> commit_writing();
  Result<void> resolve_lost_commit(const PendingCommit& pending);
  /// Rolls back what is open and gives the connection back. Idempotent.
  void finish() noexcept;

  Pool::State& pool;
  std::unique_ptr<Connection> connection;  ///< none when finished
  const Mode mode;
  bool begun = false;
  bool failed = false;
  std::string xid;  ///< empty as long as nothing was written
};

void Transaction::State::finish() noexcept {
  if (!connection) return;
  if (begun && connection->usable())
    connection->send_and_forget("ROLLBACK", pool.statement_deadline());
  pool.give_back(std::move(connection));
}

Result<std::vector<Rows>> Transaction::State::run(std::span<const Connection::Request> requests) {
  if (!connection || failed)
    return fail(ErrorCode::internal,
                "a statement was given to a transaction that had failed or ended",
                std::string(kWhere));
  std::vector<Connection::Request> batch;
  batch.reserve(requests.size() + 2);
  const std::size_t first = begun ? 0 : 1;
  if (!begun) batch.push_back({mode == Mode::read_write ? kBeginWriting : kBeginReading, nullptr});
  batch.insert(batch.end(), requests.begin(), requests.end());
  const bool ask_xid = mode == Mode::read_write && xid.empty();
  if (ask_xid) batch.push_back({kAskXid, nullptr});

  begun = true;
  auto answers = connection->run(batch, pool.statement_deadline());
  if (!answers) {
    failed = true;
    return answers;
  }
  if (ask_xid) {
    xid = answers->back().text(0, 0);
    answers->pop_back();
  }
  if (!xid.empty()) fail_point::reach("pg.insert");
  answers->erase(answers->begin(), answers->begin() + static_cast<std::ptrdiff_t>(first));
  return answers;
}

Result<void> Transaction::State::commit_writing() {
  const PendingCommit pending{xid, connection->incarnation(), connection->backend_pid()};
  const Connection::Request request{"COMMIT", nullptr};
  const Deadline deadline = pool.statement_deadline();
  auto sent = connection->send({&request, 1}, deadline);
  if (sent) fail_point::reach("pg.commit.sent");
  auto answers = sent ? connection->receive(deadline)
                      : Result<std::vector<Rows>>(fail(std::move(sent).error()));
  if (!answers) {
    // An ERROR on a live connection is PostgreSQL's own word that it rolled back.
    if (connection->usable()) return fail(std::move(answers).error());
    return resolve_lost_commit(pending);
  }
  begun = false;
  if ((*answers)[0].command() != "COMMIT")  // of a failed transaction it makes a ROLLBACK
    return fail(ErrorCode::internal, "PostgreSQL rolled back instead of committing",
                std::string(kWhere));
  fail_point::reach("pg.commit.done");
  return {};
}

Result<void> Transaction::State::resolve_lost_commit(const PendingCommit& pending) {
  const auto outcome = pending.xid.empty()
                           ? CommitOutcome::not_committed
                           : find_commit_outcome(pool.config, pending, pool.statement_deadline());
  log::warn("connection lost between COMMIT and its answer", "xid", pending.xid, "outcome",
            outcome == CommitOutcome::committed       ? "committed"
            : outcome == CommitOutcome::not_committed ? "not committed"
                                                      : "unknown");
  if (outcome == CommitOutcome::committed) {
    fail_point::reach("pg.commit.done");
    return {};
  }
  return fail(ErrorCode::unavailable,
              outcome == CommitOutcome::not_committed
                  ? "the connection to PostgreSQL broke and the transaction was not committed; "
                    "try again"
                  : "the connection to PostgreSQL broke during COMMIT and its outcome could not be "
                    "found out; try again",
              std::string(kWhere));
}

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result<Transaction> Transaction::begin(Pool& pool, Deadline deadline, Mode mode) {
  LATENT_TRY(auto connection, pool.state_->take(deadline));
  return Transaction(std::make_unique<State>(*pool.state_, std::move(connection), mode));
}

Result<std::vector<Rows>> Transaction::run_at_once(Pool& pool, Deadline deadline,
                                                   std::span<const Statement> statements) {
  if (statements.empty()) return std::vector<Rows>();
  std::vector<Connection::Request> requests;
  requests.reserve(statements.size());
  for (const Statement& statement : statements)
    requests.push_back({statement.sql, &statement.params});
  LATENT_TRY(auto connection, pool.state_->take(deadline));
  auto answers = connection->run(requests, pool.state_->statement_deadline());
  pool.state_->give_back(std::move(connection));
  return answers;
}

Result<Rows> Transaction::execute(std::string_view sql, const Params& params) {
  const Connection::Request request{sql, &params};
  LATENT_TRY(auto answers, state_->run({&request, 1}));
  return std::move(answers[0]);
}

Result<std::vector<Rows>> Transaction::execute_all(std::span<const Statement> statements) {
  if (statements.empty()) return std::vector<Rows>();
  std::vector<Connection::Request> requests;
  requests.reserve(statements.size());
  for (const Statement& statement : statements)
    requests.push_back({statement.sql, &statement.params});
  return state_->run(requests);
}

Result<void> Transaction::execute_script(const std::string& sql, Deadline deadline) {
  LATENT_TRY_VOID(state_->run({}));  // BEGIN
  auto done = state_->connection->run_script(sql, deadline);
  if (!done) {
    state_->failed = true;
    return done;
  }
  LATENT_TRY_VOID(state_->run({}));  // learns the xid, if the script wrote
  return {};
}

Result<void> Transaction::commit() {
  if (!state_->connection || state_->failed)
    return fail(ErrorCode::internal, "commit of a transaction that had failed or ended",
                std::string(kWhere));
  Result<void> outcome;
  if (state_->begun) {
    // Nothing was written, so nothing can be lost: a reader need not wait for the answer.
    if (state_->mode == Mode::read_only) {
      state_->connection->send_and_forget("COMMIT", state_->pool.statement_deadline());
      state_->begun = false;
    } else {
      outcome = state_->commit_writing();
    }
  }
  state_->finish();
  return outcome;
}

void Transaction::rollback() noexcept { state_->finish(); }

}  // namespace latent::storage::database
