#include "storage/auditlog/partitions.h"

#include "security/base/log.h"
#include "storage/database/transaction.h"

namespace latent::storage::auditlog {

Result<void> ensure_partitions(database::Pool& pool, const Clock& clock) {
  using database::Params;
  using database::Transaction;
  LATENT_TRY(auto transaction,
             Transaction::begin(pool, deadline_in(pool.config().connect_timeout)));
  LATENT_TRY(const auto rows,
             transaction.execute(
                 "SELECT bool_and(audit_partition_ensure((to_timestamp($1::bigint / 1000000)"
                 " + make_interval(months => ahead))::date)) FROM generate_series(0, 2) AS ahead",
                 Params().integer(clock.now_us())));
  LATENT_TRY_VOID(transaction.commit());
  if (!rows.boolean(0, 0))
    log::warn(
        "audit rows of a coming month already lie in the default partition; was the clock "
        "wrong?");
  return {};
}

}  // namespace latent::storage::auditlog
