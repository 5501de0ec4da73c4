#include "server/archive/detail/database_guard.h"

#include <algorithm>

#include "security/base/log.h"
#include "storage/auditlog/partitions.h"
#include "storage/database/migrate.h"

namespace latent::server::archive::detail {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(500);
// Between attempts to start a server that does not start; it costs a second of work each time.
constexpr std::chrono::milliseconds kPauseMin = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kPauseMax = std::chrono::seconds(8);
constexpr auto kPartitionsEvery = std::chrono::hours(6);

}  // namespace

Result<std::unique_ptr<DatabaseGuard>> DatabaseGuard::start(const settings::Config& config,
                                                            const Clock& clock) {
  std::unique_ptr<DatabaseGuard> guard(new DatabaseGuard(clock));
  storage::database::PoolConfig pool_config;
  if (config.database_url) {
    pool_config.conninfo = *config.database_url;
  } else {
    guard->ballast_.emplace(config.data_dir / "pg-ballast");
    guard->ballast_->look();
    storage::database::PrivatePostgresConfig private_config;
    private_config.folder = config.data_dir / "pg";
    LATENT_TRY(guard->private_server_,
               storage::database::PrivatePostgres::start(std::move(private_config)));
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
    look_after_private_server();
    if (std::chrono::steady_clock::now() >= partitions_due) {
      partitions_due += kPartitionsEvery;
      if (const auto made = storage::auditlog::ensure_partitions(*pool_, clock_); !made)
        log::warn("audit partitions were not made", "error", made.error().text);
    }
    lock.relock();
  }
}

void DatabaseGuard::look_after_private_server() {
  if (private_server_ == nullptr) return;
  ballast_->look();  // first: a server that found the disk full needs the space to start
  if (private_server_->running()) {
    pause_ = {};
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now < next_attempt_) return;
  pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
  log::error("the private PostgreSQL is gone; starting it again");
  if (const auto started = private_server_->restart(); !started)
    log::error("the private PostgreSQL does not start", "error", started.error().text, "again_in_s",
               pause_.count() / 1000);
  next_attempt_ = std::chrono::steady_clock::now() + pause_;
}

}  // namespace latent::server::archive::detail
