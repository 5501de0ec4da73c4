// A bounded pool of connections to PostgreSQL. Thread safe. A broken connection is replaced; while
// the server is away every begin() fails within its deadline and the next one tries anew.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "security/base/result.h"
#include "storage/database/transaction.h"

namespace latent::storage::database {

struct PoolConfig {
  std::string conninfo;  ///< libpq connection string or URL
  unsigned connections_max = 12;
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds statement_timeout{10'000};
  /// Server parameters of its sessions, by name.
  std::vector<std::pair<std::string, std::string>> settings{};
};

class Pool {
 public:
  /// Connects once, to fail early. Errors: unavailable with libpq's sentence.
  static Result<std::unique_ptr<Pool>> open(PoolConfig config);
  /// Connections of their own to the same server with other session settings, made when wanted.
  std::unique_ptr<Pool> with_settings(
      std::vector<std::pair<std::string, std::string>> settings) const;
  ~Pool();
  const PoolConfig& config() const;

 private:
  friend class Transaction;
  struct State;
  explicit Pool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace latent::storage::database
