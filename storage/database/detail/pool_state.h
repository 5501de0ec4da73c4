// What Pool and Transaction share.
#pragma once

#include <condition_variable>
#include <memory>
#include <vector>

#include "security/base/mutex.h"
#include "storage/database/detail/connection.h"
#include "storage/database/pool.h"

namespace latent::storage::database {

struct Pool::State {
  explicit State(PoolConfig settings) : config(std::move(settings)) {}

  const PoolConfig config;

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
  std::vector<std::unique_ptr<Connection>> idle_ LATENT_GUARDED_BY(mutex_);
  unsigned open_ LATENT_GUARDED_BY(mutex_) = 0;  ///< idle, lent and being connected
};

}  // namespace latent::storage::database
