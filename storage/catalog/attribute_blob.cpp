#include "storage/catalog/attribute_blob.h"

#include <zstd.h>

#include <memory>
#include <new>

#include "dicom/scanner/attribute_set.h"
#include "security/crypto/aead.h"
#include "storage/catalog/detail/attribute_dictionary.h"

namespace latent::storage::catalog {
namespace {

constexpr int kLevel = 3;
constexpr std::byte kVersion{detail::kAttributeDictionary};

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

/// Shared by all threads; zstd only reads them.
const ZSTD_CDict& compressing_dictionary() {
  static const ZSTD_CDict* const kDictionary = ZSTD_createCDict(
      detail::attribute_dictionary_1().data(), detail::attribute_dictionary_1().size(), kLevel);
  if (kDictionary == nullptr) throw std::bad_alloc();
  return *kDictionary;
}
const ZSTD_DDict& expanding_dictionary() {
  static const ZSTD_DDict* const kDictionary = ZSTD_createDDict(
      detail::attribute_dictionary_1().data(), detail::attribute_dictionary_1().size());
  if (kDictionary == nullptr) throw std::bad_alloc();
  return *kDictionary;
}

Result<Bytes> bad_codec() {
  return fail(ErrorCode::corrupt, "the attributes kept of an instance do not unpack", "codec");
}

}  // namespace

Bytes seal_attributes(ByteSpan attribute_set, const security::crypto::StudyKey& key,
                      const InstanceUid& instance) {
  if (attribute_set.empty()) return {};
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> kContext(ZSTD_createCCtx());
  if (kContext == nullptr) throw std::bad_alloc();
  Bytes packed(1 + ZSTD_compressBound(attribute_set.size()));
  packed[0] = kVersion;
  const std::size_t size = ZSTD_compress_usingCDict(
      kContext.get(), packed.data() + 1, packed.size() - 1, attribute_set.data(),
      attribute_set.size(), &compressing_dictionary());
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();  // the output fits, so memory was short
  packed.resize(1 + size);
  return security::crypto::seal_message(key.secret(), packed, as_bytes(instance.text()));
}

Result<Bytes> open_attributes(ByteSpan sealed, const security::crypto::StudyKey& key,
                              const InstanceUid& instance) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeCompressor> kContext(ZSTD_createDCtx());
  if (kContext == nullptr) throw std::bad_alloc();
  LATENT_TRY(const Bytes packed,
             security::crypto::open_message(key.secret(), sealed, as_bytes(instance.text())));
  if (packed.empty() || packed[0] != kVersion) return bad_codec();
  const ByteSpan frame = ByteSpan(packed).subspan(1);
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size > dicom::scanner::kAttributeSetBytesMax) return bad_codec();  // unknown and error too
  Bytes attribute_set(static_cast<std::size_t>(size));
  const std::size_t got =
      ZSTD_decompress_usingDDict(kContext.get(), attribute_set.data(), attribute_set.size(),
                                 frame.data(), frame.size(), &expanding_dictionary());
  if (ZSTD_isError(got) != 0 || got != attribute_set.size()) return bad_codec();
  return attribute_set;
}

}  // namespace latent::storage::catalog
