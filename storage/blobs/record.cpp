#include "storage/blobs/record.h"

#include <algorithm>

#include "security/crypto/crc32c.h"

namespace latent::storage::blobs {
namespace {

using security::crypto::crc32c;

constexpr std::uint16_t kFileVersion = 1;
constexpr std::size_t kFileStoreAt = 16, kFileNumberAt = 24, kFileCreatedAt = 32, kFileZerosAt = 40,
                      kFileCrcAt = 60;

constexpr std::size_t kTypeAt = 4, kFlagsAt = 5, kReservedAt = 6, kLengthAt = 8, kIdAt = 16,
                      kZeroAt = 32, kCrcAt = 36;

}  // namespace

std::array<std::byte, kFileHeaderBytes> encode_file_header(std::string_view magic,
                                                           const FileHeader& header) {
  std::array<std::byte, kFileHeaderBytes> bytes{};
  std::ranges::copy(as_bytes(magic), bytes.begin());
  store_le(bytes, 8, kFileVersion);
  std::ranges::copy(header.store_id.bytes, bytes.begin() + kFileStoreAt);
  store_le(bytes, kFileNumberAt, header.number);
  store_le(bytes, kFileCreatedAt, header.created_ms);
  store_le(bytes, kFileCrcAt, crc32c(ByteSpan(bytes).first(kFileCrcAt)));
  return bytes;
}

Result<FileHeader> parse_file_header(ByteSpan bytes, std::string_view magic) {
  if (bytes.size() < kFileHeaderBytes || as_text(bytes.first(magic.size())) != magic)
    return fail(ErrorCode::corrupt, "no file header of ours begins here", "magic");
  if (load_le<std::uint32_t>(bytes, kFileCrcAt) != crc32c(bytes.first(kFileCrcAt)))
    return fail(ErrorCode::corrupt, "a file header is damaged", "crc");
  const auto zeros = bytes.subspan(kFileZerosAt, kFileCrcAt - kFileZerosAt);
  if (load_le<std::uint16_t>(bytes, 8) != kFileVersion || load_le<std::uint16_t>(bytes, 10) != 0 ||
      load_le<std::uint32_t>(bytes, 12) != 0 ||
      std::ranges::any_of(zeros, [](std::byte b) { return b != std::byte{0}; }))
    return fail(ErrorCode::corrupt, "a file header has a version unknown to us", "unsupported");
  FileHeader header;
  std::ranges::copy(bytes.subspan(kFileStoreAt, 8), header.store_id.bytes.begin());
  header.number = load_le<std::uint64_t>(bytes, kFileNumberAt);
  header.created_ms = load_le<std::uint64_t>(bytes, kFileCreatedAt);
  return header;
}

std::array<std::byte, kRecordHeaderBytes> encode_record_header(const RecordHeader& header) {
  std::array<std::byte, kRecordHeaderBytes> bytes{};
  store_le(bytes, 0, kRecordMagic);
  store_le(bytes, kTypeAt, header.type);
  store_le(bytes, kLengthAt, header.payload_bytes);
  std::ranges::copy(header.id.bytes, bytes.begin() + kIdAt);
  store_le(bytes, kCrcAt, crc32c(ByteSpan(bytes).first(kCrcAt)));
  return bytes;
}

Result<std::optional<RecordHeader>> parse_record_header(ByteSpan bytes) {
  if (bytes.size() < kRecordHeaderBytes || load_le<std::uint32_t>(bytes) != kRecordMagic ||
      load_le<std::uint32_t>(bytes, kCrcAt) != crc32c(bytes.first(kCrcAt)))
    return std::optional<RecordHeader>();
  if (load_le<std::uint8_t>(bytes, kFlagsAt) != 0 ||
      load_le<std::uint16_t>(bytes, kReservedAt) != 0 ||
      load_le<std::uint32_t>(bytes, kZeroAt) != 0)
    return fail(ErrorCode::corrupt, "a record has flags unknown to us", "unsupported");
  RecordHeader header;
  header.type = load_le<std::uint8_t>(bytes, kTypeAt);
  header.payload_bytes = load_le<std::uint64_t>(bytes, kLengthAt);
  std::ranges::copy(bytes.subspan(kIdAt, 16), header.id.bytes.begin());
  return std::optional<RecordHeader>(header);
}

void append_record(Bytes& to, const RecordHeader& header, ByteSpan payload) {
  const std::size_t end = to.size() + record_bytes(payload.size());
  append(to, encode_record_header(header));
  append(to, payload);
  append_le(to, crc32c(payload));
  to.resize(end);
}

}  // namespace latent::storage::blobs
