// A PostgreSQL of our own for measurements: the archive's settings, durable, in a folder of the
// archive.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <utility>

#include "storage/database/pool.h"
#include "storage/database/private_postgres.h"

namespace latent::benchmarks {

class Database {
 public:
  /// Starts or makes the cluster in `folder`, which belongs to the user that it runs as.
  explicit Database(const std::filesystem::path& folder);
  storage::database::Pool& pool() { return *pool_; }

 private:
  std::unique_ptr<storage::database::PrivatePostgres> server_;
  std::unique_ptr<storage::database::Pool> pool_;
};

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}
inline void value_of(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().text);
}

}  // namespace latent::benchmarks
