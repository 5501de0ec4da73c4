#include "server/archive/detail/database_guard.h"

#include "security/base/log.h"
#include "storage/auditlog/partitions.h"
#include "storage/database/migrate.h"

namespace latent::server::archive::detail {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(500);
constexpr auto kPartitionsEvery = std::chrono::hours(6);

}  // namespace

Result<std::unique_ptr<DatabaseGuard>> DatabaseGuard::start(const settings::Config& config,
                                                            const Clock& clock) {
  std::unique_ptr<DatabaseGuard> guard(new DatabaseGuard(clock));
  storage::database::PoolConfig pool_config;
  if (config.database_url) {
    pool_config.conninfo = *config.database_url;
  } else {
    guard->private_config_.folder = config.data_dir / "pg";
    LATENT_TRY(guard->private_server_,
               storage::database::PrivatePostgres::start(guard->private_config_));
    pool_config.conninfo = guard->private_server_->conninfo();
  }
  LATENT_TRY(guard->pool_, storage::database::Pool::open(pool_config));
  LATENT_TRY(const int version, storage::database::migrate(*guard->pool_));
  LATENT_TRY_VOID(storage::auditlog::ensure_partitions(*guard->pool_, clock));
  log::info("database is ready", "schema", version, "private", guard->private_server_ != nullptr);
  guard->watcher_ = std::thread([raw = guard.get()] { raw->watch(); });
  return guard;
}

DatabaseGuard::~DatabaseGuard() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  pool_.reset();
  if (private_server_ == nullptr) return;
  if (const auto stopped = private_server_->stop(); !stopped)
    log::error("database did not stop", "error", stopped.error().text);
}

void DatabaseGuard::watch() {
  auto partitions_due = std::chrono::steady_clock::now() + kPartitionsEvery;
  MutexLock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock.native(), kLookEvery);
    if (stopping_) return;
    lock.unlock();
    restart_if_gone();
    if (std::chrono::steady_clock::now() >= partitions_due) {
      partitions_due += kPartitionsEvery;
      if (const auto made = storage::auditlog::ensure_partitions(*pool_, clock_); !made)
        log::warn("audit partitions were not made", "error", made.error().text);
    }
    lock.relock();
  }
}

void DatabaseGuard::restart_if_gone() {
  if (private_server_ == nullptr || private_server_->running()) return;
  log::error("the private PostgreSQL is gone; starting it again");
  auto started = storage::database::PrivatePostgres::start(private_config_);
  if (started)
    private_server_ = std::move(*started);
  else
    log::error("the private PostgreSQL does not start", "error", started.error().text);
}

}  // namespace latent::server::archive::detail
