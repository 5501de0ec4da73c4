// Walks the body of an A-ASSOCIATE PDU: fields and items, each checked against the bytes there are.
// Positions in errors count from the first byte of the body (PS3.8 counts the header in: +6).
#pragma once

#include <cstdint>
#include <string_view>

#include "security/base/bytes.h"
#include "security/base/result.h"

namespace latent::dicom::network::detail {

/// A part of a body: where it starts, what it is called, and how far it was read.
class BodyReader {
 public:
  /// `pdu` outlives the reader (a literal).
  BodyReader(std::string_view pdu, ByteSpan bytes, std::size_t offset = 0)
      : pdu_(pdu), bytes_(bytes), offset_(offset) {}

  bool at_end() const { return read_ == bytes_.size(); }
  std::size_t left() const { return bytes_.size() - read_; }
  /// In the PDU's body.
  std::size_t offset() const { return offset_ + read_; }
  std::string_view pdu() const { return pdu_; }

  /// The next `count` bytes as a reader of their own.
  Result<BodyReader> take(std::size_t count, std::string_view what);
  Result<std::uint8_t> u8(std::string_view what);
  Result<std::uint16_t> u16(std::string_view what);
  Result<std::uint32_t> u32(std::string_view what);
  /// A 2-byte length and that many bytes.
  Result<BodyReader> counted(std::string_view what);
  /// All that is left.
  ByteSpan rest();

 private:
  std::string_view pdu_;
  ByteSpan bytes_;
  std::size_t offset_ = 0;
  std::size_t read_ = 0;
};

/// Type (1), reserved (1), length (2, big endian), value.
struct Item {
  std::uint8_t type = 0;
  BodyReader value;
};
Result<Item> next_item(BodyReader& reader);

}  // namespace latent::dicom::network::detail
