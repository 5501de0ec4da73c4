#include "storage/blobs/detail/gather.h"

#include "security/crypto/crc32c.h"

namespace latent::storage::blobs::detail {
namespace {

iovec piece(ByteSpan bytes) {
  // pwritev does not write to what it is given; its interface cannot say so.
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

std::uint64_t Gather::add(RecordType type, const RecordId& id, std::span<const ByteSpan> parts,
                          std::optional<std::uint32_t> payload_crc) {
  std::uint64_t payload_bytes = 0;
  for (ByteSpan part : parts) payload_bytes += part.size();
  std::uint32_t crc = payload_crc.value_or(0);
  if (!payload_crc)
    for (ByteSpan part : parts) crc = security::crypto::crc32c(part, crc);

  Frame& frame = frames_.emplace_back();
  frame.header = encode_record_header({static_cast<std::uint8_t>(type), id, payload_bytes});
  store_le(frame.trailer, 0, crc);
  const std::uint64_t whole = record_bytes(payload_bytes);
  const std::size_t trailer_bytes = whole - kRecordHeaderBytes - payload_bytes;
  pieces_.push_back(piece(frame.header));
  for (ByteSpan part : parts)
    if (!part.empty()) pieces_.push_back(piece(part));
  pieces_.push_back(piece(ByteSpan(frame.trailer).first(trailer_bytes)));

  const std::uint64_t payload_at = bytes_ + kRecordHeaderBytes;
  bytes_ += whole;
  return payload_at;
}

}  // namespace latent::storage::blobs::detail
