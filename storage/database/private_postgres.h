// The PostgreSQL that `latent serve` starts for itself when the configuration names none: a cluster
// in DIR/pg, reached over a Unix socket only, durable settings on, never as root.
//
// Lock the data folder first: two processes must not start the same cluster. The server outlives a
// killed latent on purpose (no recovery needed) and is adopted by the next one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "security/base/result.h"

namespace latent::storage::database {

struct PrivatePostgresConfig {
  struct ServiceUser {
    uid_t uid = 0;
    gid_t gid = 0;
  };

  std::filesystem::path folder = {};  ///< DIR/pg; made when missing, its parent exists
  /// Who the server runs as. Needed when we are root (PostgreSQL refuses root), else ignored. That
  /// user must be able to enter the folder's parents.
  std::optional<ServiceUser> run_as = std::nullopt;
  std::chrono::milliseconds start_timeout{60'000};  ///< crash recovery included
  std::chrono::milliseconds stop_timeout{30'000};   ///< then stopped without a checkpoint
  /// Further lines for the server's configuration, "name = value"; they win over ours.
  std::vector<std::string> settings = {};
  /// False gives up fsync, for tests that forget the cluster anyway.
  bool durable = true;
  /// The server is stopped when the calling thread ends, however it ends. For tests.
  bool end_with_this_thread = false;
};

class PrivatePostgres {
 public:
  /// Makes the cluster and the database `latent` when missing, starts the server, waits until it
  /// answers. Errors: unavailable (no server programs, no start in time; the text names the log),
  /// refused (root without run_as).
  static Result<std::unique_ptr<PrivatePostgres>> start(PrivatePostgresConfig config);
  ~PrivatePostgres();  ///< stop()

  /// For PoolConfig.
  const std::string& conninfo() const;
  pid_t pid() const;
  /// True when the server was already running.
  bool adopted() const;
  /// False after it ended by itself (killed, out of memory).
  bool running() const;
  /// Starts a server that ended by itself once more, at the same place, so that pools find it.
  /// Errors: unavailable.
  Result<void> restart();
  /// Fast shutdown (open transactions are rolled back) and wait for its end. Idempotent.
  Result<void> stop();

 private:
  struct State;
  explicit PrivatePostgres(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace latent::storage::database
