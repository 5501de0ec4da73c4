// One format for everything in files (formats.md §3): a 64-byte file header, then records, each
// starting at a multiple of 8:
//   header 40 (magic, type, n, id, CRC) | n payload bytes | CRC of the payload | zeros to 8
// Segments (blobs) and the key ring share it. All integers little-endian; CRC is CRC-32C.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "security/base/bytes.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"

namespace latent::storage::blobs {

inline constexpr std::size_t kFileHeaderBytes = 64;
inline constexpr std::size_t kRecordHeaderBytes = 40;
inline constexpr std::size_t kRecordCrcBytes = 4;
inline constexpr std::uint32_t kRecordMagic = 0x31434552;  ///< "REC1"
inline constexpr std::uint64_t kUnknownLength =
    ~std::uint64_t{0};  ///< a large blob still streaming
inline constexpr std::string_view kSegmentMagic = "LTNTSEG1";
inline constexpr std::string_view kRingMagic = "LTNTKEY1";

enum class RecordType : std::uint8_t {
  blob = 1,
  tombstone = 2,
  seal = 3,
  key = 16,
  root = 17,
  destroyed = 18,
};

using RecordId = OpaqueId<struct RecordKind, 16>;

constexpr std::uint64_t align8(std::uint64_t offset) { return (offset + 7) & ~std::uint64_t{7}; }
/// Bytes that a record with `payload_bytes` takes in the file, padding included.
constexpr std::uint64_t record_bytes(std::uint64_t payload_bytes) {
  return align8(kRecordHeaderBytes + payload_bytes + kRecordCrcBytes);
}

struct FileHeader {
  StoreId store_id{};
  std::uint64_t number = 0;  ///< segment number; generation of a ring
  std::uint64_t created_ms = 0;
};
std::array<std::byte, kFileHeaderBytes> encode_file_header(std::string_view magic,
                                                           const FileHeader& header);
/// `bytes`: at least the first 64 of the file. Errors (corrupt): "magic" "crc" "unsupported".
Result<FileHeader> parse_file_header(ByteSpan bytes, std::string_view magic);

struct RecordHeader {
  std::uint8_t type = 0;  ///< RecordType, or one that is not known (skipped)
  RecordId id{};
  std::uint64_t payload_bytes = 0;
};
std::array<std::byte, kRecordHeaderBytes> encode_record_header(const RecordHeader& header);
/// Nothing when no valid header is at the start of `bytes` (also when fewer than 40 are given).
/// A header whose CRC fits but whose reserved fields are set is error corrupt "unsupported".
Result<std::optional<RecordHeader>> parse_record_header(ByteSpan bytes);

/// Appends one whole record, padding included: for small ones (ring entries, tombstones).
void append_record(Bytes& to, const RecordHeader& header, ByteSpan payload);

}  // namespace latent::storage::blobs
