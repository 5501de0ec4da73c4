// Looks after PostgreSQL while the archive is open: a private server that died is started again,
// space is kept for its log, and the audit table always has its next months.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "security/base/clock.h"
#include "security/base/mutex.h"
#include "security/base/result.h"
#include "server/settings/config.h"
#include "storage/database/ballast.h"
#include "storage/database/pool.h"
#include "storage/database/private_postgres.h"

namespace latent::server::archive::detail {

class DatabaseGuard {
 public:
  /// Starts or adopts the private server, or takes the configured one; migrates the schema.
  static Result<std::unique_ptr<DatabaseGuard>> start(const settings::Config& config,
                                                      const Clock& clock);
  /// Stops what it started.
  ~DatabaseGuard();

  storage::database::Pool& pool() { return *pool_; }

 private:
  explicit DatabaseGuard(const Clock& clock) : clock_(clock) {}
  void watch();
  void look_after_private_server();

  const Clock& clock_;
  std::unique_ptr<storage::database::PrivatePostgres> private_server_;
  std::optional<storage::database::Ballast> ballast_;  ///< beside a private server
  std::chrono::milliseconds pause_{0};                 ///< before the next attempt to start it
  std::chrono::steady_clock::time_point next_attempt_{};
  std::unique_ptr<storage::database::Pool> pool_;

  Mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ LATENT_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

}  // namespace latent::server::archive::detail
