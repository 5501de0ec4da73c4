// What Pool and Transaction share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <vector>

#include "security/base/mutex.h"
#include "storage/database/detail/connection.h"
#include "storage/database/pool.h"

namespace latent::storage::database {

struct Pool::State {
  /// How often the server let a deadline pass, for all pools of one server.
  using Silences = std::shared_ptr<std::atomic<std::uint64_t>>;

  explicit State(PoolConfig settings,
                 Silences shared = std::make_shared<std::atomic<std::uint64_t>>(0))
      : config(std::move(settings)), silences(std::move(shared)) {}

  const PoolConfig config;
  const Silences silences;

  /// A live connection of our own until give_back(). Errors: as Transaction::begin.
  Result<std::unique_ptr<Connection>> take(Deadline deadline);
  /// Keeps it for the next, or closes it when it is no longer usable.
  void give_back(std::unique_ptr<Connection> connection) noexcept;
  /// When a round trip that starts now must have ended. The server ends a statement at its
  /// time-out; the margin lets its own, better message arrive first.
  Deadline statement_deadline() const;

 private:
  Mutex mutex_;
  std::condition_variable returned_;
  /// One that lay here while the server was silent is not used again: it would cost the next caller
  /// the whole statement time-out, where a new one is refused within its short time to connect.
  struct Idle {
    std::unique_ptr<Connection> connection;
    std::uint64_t silences = 0;
  };
  std::vector<Idle> idle_ LATENT_GUARDED_BY(mutex_);
  unsigned open_ LATENT_GUARDED_BY(mutex_) = 0;  ///< idle, lent and being connected
};

}  // namespace latent::storage::database
