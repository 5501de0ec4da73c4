// Records laid out for one gathered write.
#pragma once

#include <sys/uio.h>

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "storage/blobs/record.h"

namespace latent::storage::blobs::detail {

/// Header and trailer of each record live here, payloads are borrowed until the write is done.
class Gather {
 public:
  explicit Gather(std::size_t records_max) { frames_.reserve(records_max); }

  /// Returns the payload's offset relative to the start of the whole.
  std::uint64_t add(RecordType type, const RecordId& id, std::span<const ByteSpan> parts,
                    std::optional<std::uint32_t> payload_crc);

  std::span<iovec> pieces() { return pieces_; }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t records() const { return frames_.size(); }

 private:
  struct Frame {
    std::array<std::byte, kRecordHeaderBytes> header{};
    std::array<std::byte, kRecordCrcBytes + 8> trailer{};
  };
  std::vector<Frame> frames_;  // reserved: pieces_ points into it
  std::vector<iovec> pieces_;
  std::uint64_t bytes_ = 0;
};

}  // namespace latent::storage::blobs::detail
