// Numbered migrations of the schema, embedded into the program (formats.md §6.5). Each runs in one
// transaction that also moves the one row of `schema_version`.
#pragma once

#include <span>
#include <string_view>

#include "security/base/result.h"
#include "storage/database/pool.h"

namespace latent::storage::database {

struct Migration {
  int number = 0;         ///< 1, 2, 3 … without gaps
  std::string_view name;  ///< of the file: migrations/0001_<name>.sql
  std::string_view sql;
};

/// What this program was built with, ascending.
std::span<const Migration> embedded_migrations();

/// Brings the schema to the last of `migrations` and returns its number. Safe when two nodes start
/// at once: an advisory lock lets one through, the other finds nothing left to do. Errors: refused
/// (the schema is newer than this program), otherwise as Transaction::execute.
Result<int> migrate(Pool& pool, std::span<const Migration> migrations = embedded_migrations());

}  // namespace latent::storage::database
