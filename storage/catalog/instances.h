// Patients, studies, series and instances as rows (migration 0002). Thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "security/audit/event.h"
#include "security/base/result.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/pool.h"
#include "storage/database/transaction.h"

namespace latent::storage::catalog {

/// The current versions of those that exist; missing ones are left out. One statement.
Result<std::vector<StoredInstance>> find_instances(database::Transaction& transaction,
                                                   std::span<const InstanceUid> instances);

/// Makes instances visible: patient, study and series rows are created or refreshed, counters
/// kept, instance rows inserted, work queued; `with` (audit rows) goes in the same round trip.
/// Set-based: the number of statements does not depend on the number of instances. Locks rows in
/// one order, so parallel groups cannot deadlock.
/// Errors: conflict when one of the instances exists already (nothing of the group is to be
/// committed; the caller finds out which by find_instances and retries one by one).
Result<void> insert_instances(database::Transaction& transaction,
                              std::span<const NewInstance> instances,
                              std::span<const database::Statement> with);

/// A new current version of an instance that exists under the same study (formats.md §4,
/// duplicates): the old row is kept, marked superseded and listed for review with `differing_tags`.
Result<void> add_version(database::Transaction& transaction, const NewInstance& instance,
                         std::span<const dicom::model::Tag> differing_tags);

/// Highest byte that a row points at, for each segment: what recovery must not cut.
Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> segment_extents(
    database::Transaction& transaction);

/// Every row (superseded versions too) in segment order, for `latent verify`; `visit` returns
/// false to stop. Reads in pages, so memory does not grow with the archive.
Result<void> for_each_instance(database::Pool& pool,
                               const std::function<bool(const StoredInstance&)>& visit);

}  // namespace latent::storage::catalog
