#include "storage/ingest/detail/reseal.h"

#include <algorithm>

#include "security/crypto/crc32c.h"
#include "storage/ingest/detail/sealed_source.h"

namespace latent::storage::ingest::detail {
namespace {

constexpr std::size_t kPieceBytes = 256u << 10;

}  // namespace

Result<void> reseal(Pending& newcomer, std::uint32_t version, const BlobId& replaced,
                    const Config& config, blobs::BlobStore& blobs, keyring::KeyRing& keys) {
  catalog::StoredInstance& stored = newcomer.instance.stored;
  LATENT_TRY(auto source, open_newcomer(newcomer, config.store_id, blobs, keys));
  security::crypto::BlobHead head;
  head.blob_id = security::crypto::random_id<BlobId>();
  head.store_id = config.store_id;
  security::crypto::SealedWriter writer(*newcomer.key, head);
  writer.set_data_set_offset(stored.data_set_offset);

  std::unique_ptr<blobs::LargeBlob> file;
  if (newcomer.in_own_file) {
    LATENT_TRY(file, blobs.begin_large(head.blob_id));
  }
  Bytes sealed;
  Bytes piece(kPieceBytes);
  for (std::uint64_t at = 0; at < source.length();) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, source.length() - at));
    LATENT_TRY_VOID(source.read(at, MutableByteSpan(piece.data(), size)));
    writer.write(ByteSpan(piece.data(), size), sealed);
    at += size;
    if (file == nullptr) continue;
    LATENT_TRY_VOID(file->append(sealed));
    sealed.clear();
  }
  security::crypto::Manifest manifest = source.manifest();
  manifest.version = version;
  manifest.replaced = replaced;
  writer.finish(std::move(manifest), sealed);

  stored.version = version;
  stored.blob = head.blob_id;
  if (file != nullptr) {
    LATENT_TRY_VOID(file->append(sealed));
    LATENT_TRY(stored.location, file->finish());
    return {};
  }
  newcomer.appended = false;
  newcomer.sealed_crc32c = security::crypto::crc32c(sealed);
  newcomer.sealed = std::move(sealed);
  return {};
}

}  // namespace latent::storage::ingest::detail
