#include "dicom/scanner/detail/canonical_sink.h"

#include "dicom/model/dictionary.h"

namespace latent::dicom::scanner::detail {
namespace {

using model::Tag;
namespace tags = model::tags;

constexpr Tag kDataSetTrailingPadding{0xFFFC, 0xFFFC};
constexpr Tag kTheRest{0xFFFF, 0xFFFF};
constexpr std::size_t kMarksMax = 65536;

bool is_pixel_data(Tag tag) {
  return tag == tags::kPixelData || tag == tags::kFloatPixelData ||
         tag == tags::kDoubleFloatPixelData;
}
bool is_text(model::Vr vr) {
  using namespace model::vrs;
  switch (vr) {
    case kAE:
    case kAS:
    case kCS:
    case kDA:
    case kDS:
    case kDT:
    case kIS:
    case kLO:
    case kLT:
    case kPN:
    case kSH:
    case kST:
    case kTM:
    case kUC:
    case kUI:
    case kUR:
    case kUT:
      return true;
    default:
      return false;
  }
}
bool is_padding(std::byte b) { return b == std::byte{' '} || b == std::byte{0}; }

}  // namespace

void CanonicalSink::add_tag(char letter, Tag tag) {
  const std::array<std::byte, 5> bytes = {
      std::byte{static_cast<unsigned char>(letter)}, static_cast<std::byte>(tag.group >> 8),
      static_cast<std::byte>(tag.group), static_cast<std::byte>(tag.element >> 8),
      static_cast<std::byte>(tag.element)};
  hash_.add(bytes);
}

void CanonicalSink::begin_top(const ElementHead& head) {
  if (sequences_ == 0) top_ = head.tag;
}

/// A second element of the same tag changes the mark of the first; what has no place of its own
/// changes the mark of the rest.
void CanonicalSink::fold(std::map<Tag, ContentMark>& marks, Tag tag, ContentMark mark) {
  if (marks.size() >= kMarksMax && !marks.contains(tag)) {
    add_tag('R', tag);
    hash_.add(mark);
    mark = hash_.finish();
    tag = kTheRest;
  }
  const auto [place, is_new] = marks.try_emplace(tag, mark);
  if (is_new) return;
  hash_.add(place->second);
  hash_.add(mark);
  place->second = hash_.finish();
}

void CanonicalSink::end_top() {
  if (sequences_ > 0) return;
  fold(is_pixel_data(top_) ? pixels_ : elements_, top_, hash_.finish());
}

void CanonicalSink::open_pending_sequence() {
  if (pending_sequence_) add_tag('S', *pending_sequence_);
  pending_sequence_.reset();
}

void CanonicalSink::on_element(const ElementHead& head) {
  skipping_ = head.tag.is_group_length() || head.tag == kDataSetTrailingPadding ||
              (is_pixel_data(head.tag) && !hash_pixels_);
  if (skipping_) return;
  begin_top(head);
  add_tag('E', head.tag);
  // What may be cut off is a matter of the dictionary, which knows the same in every encoding; a
  // private value is compared byte for byte, since a number may look like padding.
  const auto entry = model::find(head.tag);
  padding_ = !entry ? Padding::kept : is_text(entry->vr) ? Padding::text : Padding::even;
  numbers_.begin(head.big_endian ? model::swap_unit(head.vr) : 1);
  begin_value();
}

void CanonicalSink::on_value(ByteSpan piece) {
  if (skipping_) return;
  numbers_.add(piece, [this](ByteSpan swapped) { add_value(swapped); });
}

void CanonicalSink::on_element_end() {
  if (skipping_) return;
  end_value();
  end_top();
}

void CanonicalSink::begin_value() {
  held_ = 0;
  value_bytes_ = 0;
}

void CanonicalSink::add_value(ByteSpan piece) {
  if (padding_ != Padding::text) {
    hash_.add(piece);
    value_bytes_ += piece.size();
    return;
  }
  // Up to 64 bytes of padding are held back: they count only if something follows.
  std::size_t solid = piece.size();
  while (solid > 0 && is_padding(piece[solid - 1]) && piece.size() - solid < held_padding_.size())
    --solid;
  const ByteSpan tail = piece.subspan(solid);
  if (solid > 0) {
    hash_.add(ByteSpan(held_padding_).first(held_));
    hash_.add(piece.first(solid));
    value_bytes_ += held_ + solid;
    held_ = 0;
  }
  for (const std::byte one : tail) {
    if (held_ == held_padding_.size()) {
      hash_.add({held_padding_.data(), 1});
      ++value_bytes_;
      std::copy(held_padding_.begin() + 1, held_padding_.end(), held_padding_.begin());
      --held_;
    }
    held_padding_[held_++] = one;
  }
}

void CanonicalSink::end_value() {
  numbers_.end([this](ByteSpan rest) { add_value(rest); });
  if (padding_ == Padding::even && value_bytes_ % 2 != 0) {
    hash_.add_byte('\0');
    ++value_bytes_;
  }
  Bytes length{std::byte{'L'}};
  append_be(length, value_bytes_);
  hash_.add(length);
}

void CanonicalSink::on_sequence(const ElementHead& head) {
  open_pending_sequence();
  begin_top(head);
  pending_sequence_ = head.tag;
  ++sequences_;
}
void CanonicalSink::on_item(const ElementHead&) {
  open_pending_sequence();
  hash_.add_byte('I');
}
void CanonicalSink::on_item_end() { hash_.add_byte('i'); }

/// A sequence without items is an empty value: implicit VR cannot tell the two apart.
void CanonicalSink::on_sequence_end() {
  if (pending_sequence_) {
    add_tag('E', *pending_sequence_);
    begin_value();
    padding_ = Padding::kept;
    end_value();
    pending_sequence_.reset();
  } else {
    hash_.add_byte('s');
  }
  --sequences_;
  end_top();
}

void CanonicalSink::on_fragments(const ElementHead& head) {
  skipping_ = is_pixel_data(head.tag) && !hash_pixels_;
  if (skipping_) return;
  begin_top(head);
  add_tag('F', head.tag);
}
void CanonicalSink::on_fragment(const ElementHead&) {
  if (skipping_) return;
  numbers_.begin(1);
  padding_ = Padding::kept;
  hash_.add_byte('f');
  begin_value();
}
void CanonicalSink::on_fragment_end() {
  if (!skipping_) end_value();
}
void CanonicalSink::on_fragments_end() {
  if (skipping_) return;
  hash_.add_byte('x');
  end_top();
}

}  // namespace latent::dicom::scanner::detail
