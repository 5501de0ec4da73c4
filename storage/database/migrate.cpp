#include "storage/database/migrate.h"

#include <fmt/format.h>

#include <string>

#include "security/base/log.h"
#include "storage/database/detail/errors.h"
#include "storage/database/transaction.h"

namespace latent::storage::database {
namespace {

using namespace std::chrono_literals;

/// An index on a large table takes long, and so does waiting for the node that builds it.
constexpr auto kMigrationTime = 6h;

/// "LTNTmigr": any number that nobody else uses.
constexpr const char* kLock =
    "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(5499001962634078066);"
    "CREATE TABLE IF NOT EXISTS schema_version ("
    " one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL,"
    " migrated timestamptz NOT NULL DEFAULT now());"
    "INSERT INTO schema_version (version) VALUES (0) ON CONFLICT DO NOTHING";

/// One step, or nothing to do. Returns the version that the schema has then.
Result<int> step(Pool& pool, std::span<const Migration> migrations) {
  LATENT_TRY(auto transaction,
             Transaction::begin(pool, deadline_in(pool.config().connect_timeout)));
  const Deadline deadline = deadline_in(kMigrationTime);
  LATENT_TRY_VOID(transaction.execute_script(kLock, deadline));
  LATENT_TRY(const Rows rows, transaction.execute("SELECT version FROM schema_version"));
  const int version = static_cast<int>(rows.integer(0, 0));
  const int known = static_cast<int>(migrations.size());
  if (version > known)
    return fail(ErrorCode::refused,
                fmt::format("the database has schema version {}, this program knows versions up to "
                            "{}; start the newer program that made it",
                            version, known),
                std::string(kWhere));
  if (version < known) {
    const Migration& next = migrations[static_cast<std::size_t>(version)];
    LATENT_TRY_VOID(transaction.execute_script(std::string(next.sql), deadline));
    LATENT_TRY_VOID(transaction.execute("UPDATE schema_version SET version = $1, migrated = now()",
                                        Params().integer(next.number)));
  }
  LATENT_TRY_VOID(transaction.commit());
  if (version < known) {
    const Migration& done = migrations[static_cast<std::size_t>(version)];
    log::info("database migrated", "version", done.number, "name", done.name);
  }
  return version < known ? version + 1 : version;
}

}  // namespace

Result<int> migrate(Pool& pool, std::span<const Migration> migrations) {
  for (std::size_t i = 0; i < migrations.size(); ++i)
    if (migrations[i].number != static_cast<int>(i) + 1)
      return fail(ErrorCode::internal,
                  fmt::format("migration {} stands in place {}; numbers have no gaps",
                              migrations[i].number, i + 1),
                  std::string(kWhere));
  const int last = static_cast<int>(migrations.size());
  LATENT_TRY(int version, step(pool, migrations));
  while (version < last) {
    LATENT_TRY(version, step(pool, migrations));
  }
  return version;
}

}  // namespace latent::storage::database
