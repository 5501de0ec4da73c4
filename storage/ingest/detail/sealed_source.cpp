#include "storage/ingest/detail/sealed_source.h"

#include <algorithm>

namespace latent::storage::ingest::detail {
namespace {

using security::crypto::SealedReader;

security::crypto::KeyLookup lookup_in(keyring::KeyRing& keys) {
  return [&keys](const KeyId& id) { return keys.by_id(id); };
}

Result<SealedReader> open_at(const blobs::BlobLocation& location, const StoreId& store_id,
                             blobs::BlobStore& blobs, keyring::KeyRing& keys) {
  const auto read_at = [&blobs, location](std::uint64_t offset, MutableByteSpan out) {
    return blobs.read(location, offset, out);
  };
  return SealedReader::open(read_at, location.bytes, lookup_in(keys), store_id);
}

}  // namespace

Result<SealedReader> open_newcomer(const Pending& newcomer, const StoreId& store_id,
                                   blobs::BlobStore& blobs, keyring::KeyRing& keys) {
  if (newcomer.appended) return open_at(newcomer.instance.stored.location, store_id, blobs, keys);
  const auto read_at = [&sealed = newcomer.sealed](std::uint64_t offset,
                                                   MutableByteSpan out) -> Result<void> {
    if (offset + out.size() > sealed.size())
      return fail(ErrorCode::invalid_input, "range past the sealed bytes", "range");
    std::copy_n(sealed.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  };
  return SealedReader::open(read_at, newcomer.sealed.size(), lookup_in(keys), store_id);
}

Result<SealedReader> open_kept(const catalog::StoredInstance& kept, const StoreId& store_id,
                               blobs::BlobStore& blobs, keyring::KeyRing& keys) {
  return open_at(kept.location, store_id, blobs, keys);
}

}  // namespace latent::storage::ingest::detail
