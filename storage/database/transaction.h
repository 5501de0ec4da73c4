// One PostgreSQL transaction, which carries key, catalog, audit and queue rows together.
// Not thread safe: one thread at a time. Rolled back when destroyed without commit(). Must not
// outlive its Pool.
//
// Round trips: begin() makes none; BEGIN travels with the first statement(s). So one group is
// execute_all() = one, commit() = one. A read_only transaction ends without waiting. run_at_once()
// needs one for everything.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "security/base/clock.h"
#include "security/base/result.h"
#include "storage/database/rows.h"

namespace latent::storage::database {

class Connection;
class Pool;

struct Statement {
  std::string sql;
  Params params;
};

class Transaction {
 public:
  /// read_write: READ COMMITTED. read_only: REPEATABLE READ, one picture for all its statements.
  enum class Mode { read_write, read_only };
  /// Takes a connection from the pool, waiting until `deadline` at the latest.
  /// Errors: unavailable (no server, or none free in time).
  static Result<Transaction> begin(Pool& pool, Deadline deadline, Mode mode = Mode::read_write);

  /// The statements as a transaction of their own in a single round trip: all of them or none, and
  /// committed when it succeeds. PostgreSQL takes what stands between two synchronisations of a
  /// pipeline as one transaction (manual 55.2.3, "implicit transaction block"), so neither BEGIN nor
  /// COMMIT travels. READ COMMITTED: a single SELECT sees one picture.
  /// Errors: as execute(). After `unavailable` the rows may be there all the same: only for reading,
  /// and for rows that are true or harmless when the caller then reports a failure.
  static Result<std::vector<Rows>> run_at_once(Pool& pool, Deadline deadline,
                                               std::span<const Statement> statements);

  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  /// Prepared once per connection under its text. Errors: unavailable (connection lost, statement
  /// time-out, deadlock, server shutting down), conflict (unique or foreign key, SQLSTATE 23xxx),
  /// exhausted (SQLSTATE 53xxx: disk full, …), invalid_input (NUL in a text parameter), internal
  /// (everything else). The text holds the SQLSTATE and message but no parameter. After an error
  /// the transaction can only be rolled back.
  Result<Rows> execute(std::string_view sql, const Params& params = {});
  /// Several statements in one round trip (pipeline mode); one Rows each. The first error ends it.
  Result<std::vector<Rows>> execute_all(std::span<const Statement> statements);
  /// Statements separated by semicolons, without parameters or rows, ours only (migrations).
  Result<void> execute_script(const std::string& sql, Deadline deadline);

  /// COMMIT. When the connection breaks before the answer, the unknown outcome is resolved by
  /// asking pg_xact_status() on a new connection (formats.md §4, `pg.commit.sent`); success is
  /// never guessed. Errors: unavailable (surely not committed, or not to be found out in time: a
  /// caller must not destroy on it what committed rows might name); conflict (deferred constraint).
  Result<void> commit();
  void rollback() noexcept;

 private:
  struct State;
  explicit Transaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace latent::storage::database
