#include "storage/database/pool.h"

#include <fmt/format.h>

#include "storage/database/detail/errors.h"
#include "storage/database/detail/pool_state.h"

namespace latent::storage::database {

constexpr std::chrono::milliseconds kStatementMargin{500};

Deadline Pool::State::statement_deadline() const {
  return deadline_in(config.statement_timeout + kStatementMargin);
}

Result<std::unique_ptr<Connection>> Pool::State::take(Deadline deadline) {
  {
    MutexLock lock(mutex_);
    for (;;) {
      while (!idle_.empty()) {
        Idle idle = std::move(idle_.back());
        idle_.pop_back();
        if (idle.silences == silences->load() && idle.connection->still_connected())
          return std::move(idle.connection);
        --open_;
      }
      if (open_ < config.connections_max) break;
      if (returned_.wait_until(lock.native(), deadline) == std::cv_status::timeout &&
          idle_.empty() && open_ >= config.connections_max)
        return fail(ErrorCode::unavailable,
                    fmt::format("all {} database connections were busy for too long; raise their "
                                "number or send less at a time",
                                config.connections_max),
                    std::string(kWhere));
    }
    ++open_;
  }
  auto made = Connection::open(config, deadline);
  if (!made) {
    MutexLock lock(mutex_);
    --open_;
    returned_.notify_one();
  }
  return made;
}

void Pool::State::give_back(std::unique_ptr<Connection> connection) noexcept {
  if (connection->met_silence()) silences->fetch_add(1);
  MutexLock lock(mutex_);
  if (connection->usable()) {
    idle_.push_back({std::move(connection), silences->load()});
  } else {
    --open_;
  }
  returned_.notify_one();
}

Pool::Pool(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pool::~Pool() = default;
const PoolConfig& Pool::config() const { return state_->config; }

Result<std::unique_ptr<Pool>> Pool::open(PoolConfig config) {
  auto state = std::make_unique<State>(std::move(config));
  LATENT_TRY(auto first, state->take(deadline_in(state->config.connect_timeout)));
  state->give_back(std::move(first));
  return std::unique_ptr<Pool>(new Pool(std::move(state)));
}

std::unique_ptr<Pool> Pool::with_settings(
    std::vector<std::pair<std::string, std::string>> settings) const {
  PoolConfig config = state_->config;
  config.settings = std::move(settings);
  return std::unique_ptr<Pool>(
      new Pool(std::make_unique<State>(std::move(config), state_->silences)));
}

}  // namespace latent::storage::database
