#include "dicom/writer/element_writer.h"

#include "dicom/scanner/byte_order.h"

namespace latent::dicom::writer {
namespace {

namespace tags = model::tags;
namespace vrs = model::vrs;

constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFF;
constexpr std::uint64_t kShortLengthMax = 0xFFFE;  ///< the largest even 2-byte length

void append16(Bytes& out, Form form, std::uint16_t value) {
  form.big_endian ? append_be(out, value) : append_le(out, value);
}
void append32(Bytes& out, Form form, std::uint32_t value) {
  form.big_endian ? append_be(out, value) : append_le(out, value);
}
void append_tag(Bytes& out, Form form, model::Tag tag) {
  append16(out, form, tag.group);
  append16(out, form, tag.element);
}

}  // namespace

Form form_of(model::Encoding encoding) {
  return {.explicit_vr = encoding != model::Encoding::implicit_little,
          .big_endian = encoding == model::Encoding::explicit_big};
}

model::Vr written_vr(model::Vr vr, std::uint64_t length, Form form) {
  if (!form.explicit_vr) return vr;
  if (!model::is_known(vr)) return vrs::kUN;
  return model::has_long_length(vr) || length <= kShortLengthMax ? vr : vrs::kUN;
}

void append_element_head(Bytes& out, Form form, model::Tag tag, model::Vr vr,
                         std::uint32_t length) {
  append_tag(out, form, tag);
  if (form.explicit_vr) {
    append_be(out, static_cast<std::uint16_t>(vr));  // Two letters: no number, no byte order.
    if (!model::has_long_length(vr)) {
      append16(out, form, static_cast<std::uint16_t>(length));
      return;
    }
    append16(out, form, 0);
  }
  append32(out, form, length);
}

void append_item_head(Bytes& out, Form form, model::Tag tag, std::uint32_t length) {
  append_tag(out, form, tag);
  append32(out, form, length);
}

void ElementWriter::element(model::Tag tag, model::Vr vr, ByteSpan value) {
  const std::size_t padded = value.size() + value.size() % 2;
  const model::Vr written = written_vr(vr, padded, form_);
  append_element_head(out_, form_, tag, written, static_cast<std::uint32_t>(padded));
  const std::size_t at = out_.size();
  append(out_, value);
  if (form_.big_endian)
    scanner::swap_numbers(MutableByteSpan(out_).subspan(at), model::swap_unit(written));
  if (padded != value.size()) out_.push_back(static_cast<std::byte>(model::padding_of(vr)));
}

void ElementWriter::text(model::Tag tag, model::Vr vr, std::string_view value) {
  element(tag, vr, as_bytes(value));
}
void ElementWriter::us(model::Tag tag, std::uint16_t value) {
  Bytes bytes;
  append_le(bytes, value);
  element(tag, vrs::kUS, bytes);
}
void ElementWriter::ul(model::Tag tag, std::uint32_t value) {
  Bytes bytes;
  append_le(bytes, value);
  element(tag, vrs::kUL, bytes);
}

void ElementWriter::begin_sequence(model::Tag tag) {
  append_element_head(out_, form_, tag, vrs::kSQ, kUndefinedLength);
}
void ElementWriter::begin_item() { append_item_head(out_, form_, tags::kItem, kUndefinedLength); }
void ElementWriter::end_item() { append_item_head(out_, form_, tags::kItemDelimitation, 0); }
void ElementWriter::end_sequence() {
  append_item_head(out_, form_, tags::kSequenceDelimitation, 0);
}

void ElementWriter::begin_fragments(model::Tag tag) {
  append_element_head(out_, form_, tag, vrs::kOB, kUndefinedLength);
}
void ElementWriter::fragment(ByteSpan bytes) {
  append_item_head(out_, form_, tags::kItem,
                   static_cast<std::uint32_t>(bytes.size() + bytes.size() % 2));
  append(out_, bytes);
  if (bytes.size() % 2 != 0) out_.push_back(std::byte{0});
}
void ElementWriter::end_fragments() {
  append_item_head(out_, form_, tags::kSequenceDelimitation, 0);
}

}  // namespace latent::dicom::writer
