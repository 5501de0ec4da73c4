// A connection broke between COMMIT and its answer: was it committed?
//
// pg_xact_status(xid) knows, with one trap. An xid lives only in memory until WAL that carries it
// is flushed; after a crash recovery the server may hand the very same xid to somebody else's
// transaction, and "committed" would then be theirs. So "committed" counts only from the server
// incarnation that gave the xid out: pg_stat_bgwriter.stats_reset is set anew by every crash
// recovery (statistics are discarded then) and kept by a clean restart. "aborted" and "in the
// future" are certain in any case: had ours been committed, recovery would have restored it.
#pragma once

#include <string>

#include "security/base/clock.h"
#include "storage/database/pool.h"

namespace latent::storage::database {

enum class CommitOutcome { committed, not_committed, unknown };

struct PendingCommit {
  std::string xid;  ///< xid8 as text, learned before COMMIT was sent
  std::string incarnation;
  int backend_pid = 0;
};

/// Blocks until known or `deadline`. Opens connections of its own, beside the pool's bound.
CommitOutcome find_commit_outcome(const PoolConfig& config, const PendingCommit& pending,
                                  Deadline deadline);

}  // namespace latent::storage::database
