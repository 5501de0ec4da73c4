// Two objects under one SOP Instance UID: are they the same content in another encoding, a changed
// header, or other pixels (formats.md §4, duplicates)?
#pragma once

#include "storage/blobs/blob_store.h"
#include "storage/ingest/detail/pending.h"
#include "storage/ingest/store_service.h"
#include "storage/keyring/key_ring.h"

namespace latent::storage::ingest::detail {

/// Reads both through their seals, element by element, in constant memory. Errors: corrupt (the
/// kept object does not open), unavailable.
Result<Verdict> compare(const Pending& newcomer, const catalog::StoredInstance& kept,
                        const Config& config, blobs::BlobStore& blobs, keyring::KeyRing& keys);

}  // namespace latent::storage::ingest::detail
