#include "storage/database/detail/commit_outcome.h"

#include <optional>

#include "storage/database/detail/connection.h"
#include "storage/database/detail/pace.h"

namespace latent::storage::database {
namespace {

using namespace std::chrono_literals;

/// A pause between two questions to a server that is recovering or still committing.
constexpr auto kPause = 20ms;

/// COMMIT never reached a backend that still waits for it; ended, its transaction is decided.
/// A backend that is busy is left alone: it may be committing, or waiting for its standby.
void end_waiting_backend(Connection& connection, const PendingCommit& pending, Deadline deadline) {
  const Params params = Params().integer(pending.backend_pid).text(std::string_view(pending.xid));
  const Connection::Request request{
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE pid = $1 AND backend_xid = $2::xid8::xid AND state LIKE 'idle in transaction%'",
      &params};
  // Whether it worked shows in the next answer to the question itself.
  static_cast<void>(connection.run({&request, 1}, deadline));
}

/// Nothing when it is still in progress or the connection failed.
std::optional<CommitOutcome> ask(Connection& connection, const PendingCommit& pending,
                                 Deadline deadline) {
  const Params params = Params().text(std::string_view(pending.xid));
  const Connection::Request request{"SELECT pg_xact_status($1::xid8)", &params};
  auto answers = connection.run({&request, 1}, deadline);
  if (!answers) {
    const bool in_the_future = connection.last_sqlstate() == "22023";
    if (in_the_future) return CommitOutcome::not_committed;
    return std::nullopt;
  }
  const std::string_view status = (*answers)[0].text(0, 0);
  if (status == "aborted") return CommitOutcome::not_committed;
  if (status == "committed")
    return connection.incarnation() == pending.incarnation ? CommitOutcome::committed
                                                           : CommitOutcome::unknown;
  if (status == "in progress") {
    end_waiting_backend(connection, pending, deadline);
    return std::nullopt;
  }
  return CommitOutcome::unknown;  // NULL: too old to be remembered
}

}  // namespace

CommitOutcome find_commit_outcome(const PoolConfig& config, const PendingCommit& pending,
                                  Deadline deadline) {
  std::unique_ptr<Connection> connection;
  while (std::chrono::steady_clock::now() < deadline) {
    if (!connection || !connection->usable()) {
      auto made = Connection::open(config, deadline);
      connection = made ? std::move(*made) : nullptr;
    }
    if (connection)
      if (const auto outcome = ask(*connection, pending, deadline)) return *outcome;
    detail::pace_attempts(kPause);
  }
  return CommitOutcome::unknown;
}

}  // namespace latent::storage::database
