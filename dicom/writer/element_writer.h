// Writes data elements in a native encoding (PS3.5 7.1, Annex A). Values are given as they stand in
// memory of this house: numbers little endian, text without padding.
#pragma once

#include <cstdint>
#include <string_view>

#include "dicom/model/tag.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/model/vr.h"
#include "security/base/bytes.h"

namespace latent::dicom::writer {

/// How headers and numbers are written.
struct Form {
  bool explicit_vr = true;
  bool big_endian = false;
};
/// Deflated data sets are explicit little endian inside; packing is another matter.
Form form_of(model::Encoding encoding);

/// The VR under which a value of `length` bytes of `vr` is written: UN when the VR is unknown or
/// its 2-byte length field cannot hold the length (CP-1066). `vr` itself in implicit VR.
model::Vr written_vr(model::Vr vr, std::uint64_t length, Form form);

/// Appends one header; `vr` must be a result of written_vr. `length` may be 0xFFFFFFFF.
void append_element_head(Bytes& out, Form form, model::Tag tag, model::Vr vr, std::uint32_t length);
/// Appends an item or a delimiter: (FFFE,xxxx) and a 4-byte length.
void append_item_head(Bytes& out, Form form, model::Tag tag, std::uint32_t length);

/// Writes into a buffer that it borrows. Calls must be balanced and tags ascending; this writer
/// does not check. Sequences and items have undefined length. Not thread safe.
class ElementWriter {
 public:
  ElementWriter(model::Encoding encoding, Bytes& out) : form_(form_of(encoding)), out_(out) {}

  /// `value`: shorter than 4 GiB, padded here to even length (PS3.5 6.2).
  void element(model::Tag tag, model::Vr vr, ByteSpan value);
  void text(model::Tag tag, model::Vr vr, std::string_view value);
  void us(model::Tag tag, std::uint16_t value);
  void ul(model::Tag tag, std::uint32_t value);

  void begin_sequence(model::Tag tag);
  void begin_item();
  void end_item();
  void end_sequence();

  /// Encapsulated pixel data (PS3.5 A.4); the first fragment is the basic offset table.
  void begin_fragments(model::Tag tag);
  void fragment(ByteSpan bytes);
  void end_fragments();

 private:
  Form form_;
  Bytes& out_;
};

}  // namespace latent::dicom::writer
