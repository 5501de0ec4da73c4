// The audit table's partitions, one per month.
#pragma once

#include "security/base/clock.h"
#include "security/base/result.h"
#include "storage/database/pool.h"

namespace latent::storage::auditlog {

/// Makes the partitions of this month and the next two, where missing. Called at start and once a
/// day; when it was not, rows go to the default partition, so an event is never refused for it.
Result<void> ensure_partitions(database::Pool& pool, const Clock& clock);

}  // namespace latent::storage::auditlog
