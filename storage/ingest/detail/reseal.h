// A newcomer that becomes a new version is sealed once more: number and predecessor stand in the
// sealed manifest (formats.md §2, tags 12 and 13), and a key never seals two manifests.
#pragma once

#include "storage/blobs/blob_store.h"
#include "storage/ingest/detail/pending.h"
#include "storage/ingest/store_service.h"
#include "storage/keyring/key_ring.h"

namespace latent::storage::ingest::detail {

/// Replaces the newcomer's blob by one that says `version` and `replaced`. What it leaves of a
/// large one is an unowned record, garbage. Errors: corrupt, exhausted, unavailable.
Result<void> reseal(Pending& newcomer, std::uint32_t version, const BlobId& replaced,
                    const Config& config, blobs::BlobStore& blobs, keyring::KeyRing& keys);

}  // namespace latent::storage::ingest::detail
