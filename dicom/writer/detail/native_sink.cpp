#include "dicom/writer/detail/native_sink.h"

#include <algorithm>
#include <array>

namespace latent::dicom::writer::detail {
namespace {

using model::Tag;
using model::Vr;
using scanner::ElementHead;
namespace tags = model::tags;
namespace vrs = model::vrs;

constexpr std::size_t kNotesMax = 64;
constexpr Form kImplicitLittle{.explicit_vr = false, .big_endian = false};

/// "US or SS" in PS3.6, decided by Pixel Representation: an implicit object does not say which.
constexpr std::array<Tag, 14> kSignedAsPixels = {
    Tag{0x0018, 0x9810}, Tag{0x0022, 0x1452}, Tag{0x0028, 0x0071}, Tag{0x0028, 0x0104},
    Tag{0x0028, 0x0105}, Tag{0x0028, 0x0106}, Tag{0x0028, 0x0107}, Tag{0x0028, 0x0108},
    Tag{0x0028, 0x0109}, Tag{0x0028, 0x0110}, Tag{0x0028, 0x0111}, Tag{0x0028, 0x0120},
    Tag{0x0028, 0x0121}, Tag{0x0028, 0x1101}};

}  // namespace

void NativeSink::note(const ElementHead& head, std::string_view text) {
  if (notes_.size() < kNotesMax) notes_.push_back({head.tag, head.offset, std::string(text)});
}

Vr NativeSink::chosen_vr(const ElementHead& head) const {
  const bool as_pixels =
      std::find(kSignedAsPixels.begin(), kSignedAsPixels.end(), head.tag) != kSignedAsPixels.end();
  return as_pixels && pixels_signed_ && head.vr == vrs::kUS ? vrs::kSS : head.vr;
}

void NativeSink::on_element(const ElementHead& head) {
  skipping_ = head.tag.is_group_length();
  if (skipping_) return note(head, "group length dropped");
  element_ = head;
  reads_pixel_sign_ = head.depth == 0 && head.tag == tags::kPixelRepresentation && head.length == 2;
  const std::uint64_t padded = std::uint64_t{head.length} + head.length % 2;
  const Vr written = written_vr(chosen_vr(head), padded, form_);
  if (padded != head.length) note(head, "odd length padded");
  append_element_head(*out_, form_, head.tag, written, static_cast<std::uint32_t>(padded));
  // What is written as UN keeps the little-endian form that a reader of UN expects (PS3.5 6.2.2).
  const bool big_after = form_.big_endian && written != vrs::kUN;
  const unsigned unit = model::swap_unit(head.vr);
  numbers_.begin(head.big_endian != big_after ? unit : 1);
  if (head.vr == vrs::kUN && head.big_endian != form_.big_endian)
    note(head, "byte order of an unknown value left as it is");
}

void NativeSink::on_value(ByteSpan piece) {
  if (skipping_) return;
  if (reads_pixel_sign_)
    // A 16-bit 0 or 1 in either byte order: any bit set means signed.
    for (const std::byte one : piece) pixels_signed_ = pixels_signed_ || one != std::byte{0};
  numbers_.add(piece, [this](ByteSpan swapped) { append(*out_, swapped); });
}

void NativeSink::on_element_end() {
  if (skipping_) return;
  numbers_.end([this](ByteSpan rest) { append(*out_, rest); });
  if (element_.length % 2 != 0)
    out_->push_back(static_cast<std::byte>(model::padding_of(element_.vr)));
}

void NativeSink::on_sequence(const ElementHead& head) {
  const bool known_as_sequence = head.vr == vrs::kSQ || !form_.explicit_vr;
  append_element_head(*out_, form_, head.tag, known_as_sequence ? vrs::kSQ : vrs::kUN,
                      scanner::kUndefinedLength);
  outer_forms_.push_back(form_);
  if (!known_as_sequence) form_ = kImplicitLittle;
}
void NativeSink::on_item(const ElementHead&) {
  append_item_head(*out_, form_, tags::kItem, scanner::kUndefinedLength);
}
void NativeSink::on_item_end() { append_item_head(*out_, form_, tags::kItemDelimitation, 0); }
void NativeSink::on_sequence_end() {
  append_item_head(*out_, form_, tags::kSequenceDelimitation, 0);
  form_ = outer_forms_.back();
  outer_forms_.pop_back();
}

void NativeSink::on_fragments(const ElementHead&) { met_fragments_ = true; }

}  // namespace latent::dicom::writer::detail
