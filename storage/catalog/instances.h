// Patients, studies, series and instances as rows (migration 0002). Thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "security/audit/event.h"
#include "security/base/result.h"
#include "storage/catalog/known_series.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/pool.h"
#include "storage/database/transaction.h"

namespace latent::storage::catalog {

/// The current versions of those that exist; missing ones are left out. One statement.
Result<std::vector<StoredInstance>> find_instances(database::Transaction& transaction,
                                                   std::span<const InstanceUid> instances);

/// Makes instances visible: patient, study and series rows are created or refreshed, counters
/// kept, instance rows inserted; `with` (audit rows) goes along. One round trip when `known` (may
/// be null) holds all their series; two when the rows exist and nothing new is said about patient,
/// study and series; else three. Locks rows in one order, so parallel groups cannot deadlock.
/// Returns the studies whose rows it made.
/// Errors: conflict when one of the instances exists already, or `known` was out of date: nothing
/// of the group is to be committed, `known` is to be cleared, and find_instances tells the rest.
Result<std::vector<StudyUid>> insert_instances(database::Transaction& transaction,
                                               std::span<const NewInstance> instances,
                                               std::span<const database::Statement> with,
                                               KnownSeries* known = nullptr);

/// For the sessions that call the two above (Pool::with_settings): one plan for all calls, looking
/// rows up by index. Plans made while tables are still empty would otherwise scan them for as long
/// as a connection lives.
std::vector<std::pair<std::string, std::string>> insert_session_settings();

/// A new current version of an instance that exists under the same study (formats.md §4,
/// duplicates): the old row is kept, marked superseded and listed for review with `differing_tags`.
Result<void> add_version(database::Transaction& transaction, const NewInstance& instance,
                         std::span<const dicom::model::Tag> differing_tags);

/// Highest byte that a row points at, for each segment: what recovery must not cut.
Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> segment_extents(
    database::Transaction& transaction);

/// What BlobStore::open asks (blobs::CatalogView): the highest segment that a row points into, 0
/// for none; the row that lies furthest back in one. Answered from an index.
Result<std::uint64_t> highest_segment(database::Transaction& transaction);
Result<std::optional<blobs::BlobLocation>> last_in_segment(database::Transaction& transaction,
                                                           std::uint64_t segment);

/// Every row (superseded versions too) in segment order, for `latent verify`; `visit` returns
/// false to stop. Reads in pages, so memory does not grow with the archive.
Result<void> for_each_instance(database::Pool& pool,
                               const std::function<bool(const StoredInstance&)>& visit);

/// The heavier part of a row: where frames lie, and all attributes (open_attributes() in
/// attribute_blob.h unseals them).
struct InstanceDetails {
  InstanceUid sop_instance;
  dicom::scanner::PixelLayout pixels;
  Bytes sealed_attributes;  ///< empty when the object's own bytes must be read instead
  std::string assumed_character_set;
};
/// Of the current versions; missing ones are left out.
Result<std::vector<InstanceDetails>> find_details(database::Transaction& transaction,
                                                  std::span<const InstanceUid> instances);

}  // namespace latent::storage::catalog
