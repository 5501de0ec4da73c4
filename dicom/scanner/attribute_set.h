// All attributes of an object without its bulk: what the catalog keeps (compressed and sealed) so
// that metadata is answered without opening the object (PS3.18 10.4.1.1.2, BulkDataURI).
//
// Encoding, version 1. Byte 0 is the version; then records in document order, each one code byte
// and
//   0x00 item begins          0x01 item ends           0x02 sequence ends
//   0x03 sequence             tag, VR
//   0x04 fragments, elsewhere tag, VR, offset, bytes   (encapsulated pixel data up to its
//   delimiter) 0x05 bulk, elsewhere      tag, VR, offset, bytes   numbers little endian there 0x06
//   bulk, elsewhere      tag, VR, offset, bytes   numbers big endian there 0x07 element tag, VR,
//   bytes, value    a VR that the table below lacks 0x10+n element            tag, bytes, value n =
//   place of the VR in kVrTable
// tag = group and element, 2 bytes each, big endian; VR = two letters; offset (from the first byte
// of the inflated data set) and bytes = LEB128. Values stand as they came, but numbers little
// endian. Group lengths (gggg,0000) are left out: they describe an encoding, not the object.
//
// Elsewhere are: pixel data; opaque values (OB OD OF OL OV OW UN) above 128 bytes; other values
// above 1 KiB whose VR may be a BulkData (PS3.19 A.1.5); anything above
// Limits::value_held_bytes_max.
#pragma once

#include <cstdint>
#include <functional>

#include "dicom/scanner/element_reader.h"
#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::dicom::scanner {

inline constexpr std::uint64_t kAttributeSetBytesMax = 16u << 20;

struct BulkReference {
  std::uint64_t offset = 0;  ///< from the first byte of the (inflated) data set
  std::uint64_t bytes = 0;
  bool big_endian = false;
  bool fragments = false;  ///< encapsulated: item headers and the delimiter are part of the bytes
};

/// Writes a set while a reader passes an object. Not thread safe.
class AttributeSetWriter final : public ElementSink {
 public:
  explicit AttributeSetWriter(const Limits& limits);

  void on_element(const ElementHead& head) override;
  void on_value(ByteSpan piece) override;
  void on_element_end() override;
  void on_sequence(const ElementHead& head) override;
  void on_item(const ElementHead& item) override;
  void on_item_end() override;
  void on_sequence_end() override;
  void on_fragments(const ElementHead& head) override;
  void on_fragment(const ElementHead& item) override;
  void on_fragment_end() override;
  void on_fragments_end() override;

  /// The set; empty when it would be longer than kAttributeSetBytesMax (metadata then comes from
  /// the object itself).
  Bytes take();

 private:
  bool make_room(std::uint64_t bytes);
  void put_tag(model::Tag tag);
  void put_number(std::uint64_t value);
  void put_code(std::uint8_t code);
  void put_reference(std::uint8_t code, const ElementHead& head, std::uint64_t bytes);

  Bytes out_;
  std::uint64_t value_held_bytes_max_;
  bool too_long_ = false;
  bool taking_ = false;  ///< the value in hand goes into the set
  ElementHead element_;
  std::size_t value_at_ = 0;  ///< where it begins in out_
  ElementHead fragments_;
  std::uint64_t fragments_end_ = 0;
};

using BulkSink = std::function<void(const ElementHead&, const BulkReference&)>;

/// Plays a set back: `sink` sees what was kept (heads: explicit, little endian, offsets 0), `bulk`
/// each reference, between the calls of the sink at the place where it stood.
/// Errors: corrupt when the bytes are no set; nothing is allocated by a claimed length.
Result<void> read_attribute_set(ByteSpan set, const Limits& limits, ElementSink& sink,
                                const BulkSink& bulk);

}  // namespace latent::dicom::scanner
