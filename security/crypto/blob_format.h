// The sealed blob's fixed parts and its manifest (formats.md §2), shared by writer and reader:
//   header 96 | chunk 0 | … | chunk k-1 | manifest (sealed) | footer 24
// Chunk i, sealed with its tag, lies at 96 + i × (chunk size + 16). All integers little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "security/base/bytes.h"
#include "security/base/clock.h"
#include "security/base/identifiers.h"
#include "security/base/phi.h"
#include "security/base/result.h"
#include "security/crypto/aead.h"
#include "security/crypto/study_key.h"

namespace latent::security::crypto {

inline constexpr std::size_t kBlobHeaderBytes = 96;
inline constexpr std::size_t kBlobFooterBytes = 24;
/// Empty payload (one empty chunk) and an empty manifest: nothing shorter can be a blob.
inline constexpr std::size_t kBlobBytesMin =
    kBlobHeaderBytes + kAeadTagBytes + kAeadTagBytes + kBlobFooterBytes;
inline constexpr std::uint64_t kManifestBytesMax = 64ull << 20;
inline constexpr std::uint32_t kCodecFrameBytesMax = 16u << 20;

enum class BlobKind : std::uint8_t {
  instance = 0,  ///< a complete Part 10 file
  original_picture = 1,
  rendition = 2,
  descriptor = 3,
  document = 4,
  backup_part = 5,
};

/// What the caller chooses of the header; the commitment follows from it and the key.
struct BlobHead {
  BlobId blob_id{};  ///< random, never used twice: the blob key is derived from it
  KeyId key_id{};
  StoreId store_id{};
  std::uint8_t kind = 0;         ///< BlobKind
  std::uint8_t aead = 1;         ///< AeadKind
  std::uint8_t codec = 0;        ///< 0 none, 1 zstd frames (read only today)
  std::uint8_t chunk_log2 = 16;  ///< 12..24
};

using BlobHeaderBytes = std::array<std::byte, kBlobHeaderBytes>;

/// A parsed or built header with the key derived for this blob.
struct BlobOpening {
  BlobHeaderBytes header{};  ///< also the AAD of every chunk and of the manifest
  Secret<32> blob_key;
};

/// The header for a new blob under `key`; head.key_id is taken from the key.
BlobOpening make_blob_header(const StudyKey& key, BlobHead head);
/// Reads a header's fields. Errors (corrupt): "magic", "unsupported".
Result<BlobHead> parse_blob_header(const BlobHeaderBytes& header);
/// Errors (corrupt): "commitment" when key or header is not the one sealed with.
Result<BlobOpening> open_blob_header(const StudyKey& key, const BlobHeaderBytes& header);

enum class ChunkNonce : std::uint8_t { chunk = 0, last_chunk = 1, manifest = 2 };
Nonce blob_nonce(std::uint64_t index, ChunkNonce what);

/// The sealed facts about a blob. The number after a field is its TLV tag.
struct Manifest {
  std::uint64_t plaintext_bytes = 0;                     // 1, set by the writer
  std::uint64_t payload_bytes = 0;                       // 2, set by the writer
  Digest digest{};                                       // 3, set by the writer
  std::optional<SopClassUid> sop_class{};                // 4
  std::optional<InstanceUid> sop_instance{};             // 5
  std::optional<StudyUid> study{};                       // 6
  std::optional<SeriesUid> series{};                     // 7
  std::optional<TransferSyntaxUid> transfer_syntax{};    // 8
  std::optional<std::uint32_t> data_set_offset{};        // 9, set by the writer
  std::optional<TimeUs> received_us{};                   // 10
  std::optional<std::string> source{};                   // 11, "dimse:AET" "web:user" "import:user"
  std::optional<std::uint32_t> version{};                // 12
  std::optional<BlobId> replaced{};                      // 13
  std::vector<std::uint32_t> codec_frame_lengths{};      // 14, codec 1
  std::vector<std::uint64_t> pixel_frame_offsets{};      // 15, empty = absent
  std::optional<std::uint32_t> codec_frame_bytes{};      // 16, codec 1
  std::optional<Phi<std::string>> original_file_name{};  // 18
};

/// Tags in ascending order.
Bytes encode_manifest(const Manifest& manifest);
/// Errors (corrupt): "manifest" (short, a tag twice, a needed tag missing, a value of wrong size).
Result<Manifest> decode_manifest(ByteSpan tlv);

}  // namespace latent::security::crypto
