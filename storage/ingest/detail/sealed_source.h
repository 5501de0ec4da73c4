// Opens a newcomer's sealed bytes, wherever they are: still in memory, or in a file of their own.
#pragma once

#include "security/crypto/sealed_stream.h"
#include "storage/blobs/blob_store.h"
#include "storage/ingest/detail/pending.h"
#include "storage/keyring/key_ring.h"

namespace latent::storage::ingest::detail {

/// `newcomer` outlives the reader and keeps its bytes where they are.
Result<security::crypto::SealedReader> open_newcomer(const Pending& newcomer,
                                                     const StoreId& store_id,
                                                     blobs::BlobStore& blobs,
                                                     keyring::KeyRing& keys);
Result<security::crypto::SealedReader> open_kept(const catalog::StoredInstance& kept,
                                                 const StoreId& store_id, blobs::BlobStore& blobs,
                                                 keyring::KeyRing& keys);

}  // namespace latent::storage::ingest::detail
