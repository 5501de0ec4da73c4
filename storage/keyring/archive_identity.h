// The archive's random name (formats.md: store_id): one row in the database, and in the header of
// every ring and segment.
#pragma once

#include <filesystem>

#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "storage/database/pool.h"

namespace latent::storage::keyring {

/// Reads it, or draws it when neither the database nor `ring_file` knows an archive. Errors:
/// refused when the database is empty but the ring belongs to an archive (its database is missing),
/// unavailable.
Result<StoreId> find_or_make_store_id(database::Pool& pool, const std::filesystem::path& ring_file,
                                      Deadline deadline);

}  // namespace latent::storage::keyring
