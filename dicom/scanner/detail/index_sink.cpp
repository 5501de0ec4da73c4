#include "dicom/scanner/detail/index_sink.h"

#include <algorithm>
#include <charconv>

#include "dicom/model/dictionary.h"
#include "dicom/scanner/byte_order.h"
#include "dicom/scanner/detail/element_parser.h"

namespace latent::dicom::scanner::detail {
namespace {

using model::Tag;
namespace tags = model::tags;
namespace vrs = model::vrs;

constexpr Tag kExtendedOffsetTable{0x7FE0, 0x0001};
/// What a held value costs beside its bytes (node of a map, vector header), rounded up.
constexpr std::uint64_t kHeldOverheadBytes = 128;

bool is_pixel_data(Tag tag) {
  return tag == tags::kPixelData || tag == tags::kFloatPixelData ||
         tag == tags::kDoubleFloatPixelData;
}
bool is_identifying(Tag tag) {
  return tag == tags::kSopClassUid || tag == tags::kSopInstanceUid ||
         tag == tags::kStudyInstanceUid || tag == tags::kSeriesInstanceUid;
}

/// An IS value; 1 when it is none or below one, as for an object without the attribute.
std::uint64_t frames_of(ByteSpan value) {
  std::string_view text = as_text(value);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::uint64_t frames = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), frames);
  return parsed.ec == std::errc() && frames > 0 ? frames : 1;
}

template <class Number>
std::vector<std::uint64_t> numbers_of(ByteSpan table) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(table.size() / sizeof(Number));
  for (std::size_t at = 0; at + sizeof(Number) <= table.size(); at += sizeof(Number))
    numbers.push_back(load_le<Number>(table, at));
  return numbers;
}

}  // namespace

IndexSink::IndexSink(const Limits& limits, std::span<const Tag> wanted)
    : limits_(limits), wanted_(wanted), set_(limits) {}

bool IndexSink::is_wanted(Tag tag) const {
  return tag == tags::kSpecificCharacterSet ||
         std::binary_search(wanted_.begin(), wanted_.end(), tag);
}

bool IndexSink::may_hold(std::uint64_t bytes) {
  const std::uint64_t cost = bytes + kHeldOverheadBytes;
  if (bytes > limits_.value_held_bytes_max || cost > kHeldBytesMax - held_bytes_) return false;
  held_bytes_ += cost;
  return true;
}

void IndexSink::note(Tag tag, std::uint64_t offset, std::string_view text) {
  if (notes_.size() < kNotesMax) notes_.push_back({tag, offset, std::string(text)});
}

void IndexSink::on_element(const ElementHead& head) {
  set_.on_element(head);
  keep_ = Keep::nothing;
  if (head.depth > 1 || (head.depth == 1 && !sequence_)) return;
  if (head.depth == 1) {
    keep_ = Keep::item_attribute;
  } else if (is_pixel_data(head.tag)) {
    if (pixels_.kind != PixelLayout::Kind::none) return;
    pixels_.kind = PixelLayout::Kind::native;
    pixels_.tag = head.tag;
    pixels_.value_offset = head.value_offset;
    pixels_.value_bytes = head.length;
    return;
  } else if (is_wanted(head.tag) || is_identifying(head.tag) || head.tag == tags::kNumberOfFrames) {
    keep_ = Keep::attribute;
  } else if (head.tag == kExtendedOffsetTable) {
    keep_ = Keep::offset_table;
    extended_big_ = head.big_endian;
  } else {
    return;
  }
  if (!may_hold(head.length)) {
    note(head.tag, head.offset, "value too long to index");
    keep_ = Keep::nothing;
    return;
  }
  element_ = head;
  value_.clear();
}

void IndexSink::on_value(ByteSpan piece) {
  set_.on_value(piece);
  if (keep_ != Keep::nothing) append(value_, piece);
}

void IndexSink::on_element_end() {
  set_.on_element_end();
  if (keep_ == Keep::nothing) return;
  if (keep_ == Keep::offset_table) {
    if (extended_big_) swap_numbers(value_, 8);
    extended_table_ = value_;
  } else {
    RawValue value{.vr = element_.vr, .bytes = value_};
    if (element_.big_endian) swap_numbers(value.bytes, model::swap_unit(element_.vr));
    // Gateways that did not know an attribute wrote it UN (PS3.5 6.2.2); we may know it.
    if (value.vr == vrs::kUN) value.vr = model::vr_of(element_.tag);
    keep(element_.tag, std::move(value));
  }
  keep_ = Keep::nothing;
}

/// Where an attribute occurs twice the first one counts: it is what other readers show.
void IndexSink::keep(Tag tag, RawValue value) {
  if (keep_ == Keep::item_attribute) {
    sequence_->back().try_emplace(tag, std::move(value));
    return;
  }
  const auto keep_uid = [&](std::optional<std::string>& slot) {
    if (!slot) slot.emplace(as_text(value.bytes));
  };
  if (tag == tags::kSopClassUid) keep_uid(sop_class_);
  if (tag == tags::kSopInstanceUid) keep_uid(sop_instance_);
  if (tag == tags::kStudyInstanceUid) keep_uid(study_);
  if (tag == tags::kSeriesInstanceUid) keep_uid(series_);
  if (tag == tags::kNumberOfFrames) frames_ = frames_of(value.bytes);
  if (is_wanted(tag)) attributes_.try_emplace(tag, std::move(value));
}

void IndexSink::on_sequence(const ElementHead& head) {
  set_.on_sequence(head);
  if (head.depth != 0) return;
  const bool again = sequences_.contains(head.tag);
  sequence_ = is_wanted(head.tag) && !again ? &sequences_[head.tag] : nullptr;
}
void IndexSink::on_item(const ElementHead& item) {
  set_.on_item(item);
  if (item.depth != 1 || !sequence_) return;
  if (may_hold(0)) {
    sequence_->emplace_back();
  } else {
    note(item.tag, item.offset, "too many items to index");
    sequence_ = nullptr;
  }
}
void IndexSink::on_item_end() { set_.on_item_end(); }
void IndexSink::on_sequence_end() { set_.on_sequence_end(); }

void IndexSink::on_fragments(const ElementHead& head) {
  set_.on_fragments(head);
  in_pixels_ =
      head.depth == 0 && is_pixel_data(head.tag) && pixels_.kind == PixelLayout::Kind::none;
  keep_ = Keep::nothing;
  if (!in_pixels_) return;
  pixels_.kind = PixelLayout::Kind::encapsulated;
  pixels_.tag = head.tag;
  pixels_.value_offset = head.value_offset;
  basic_table_next_ = true;
}

void IndexSink::on_fragment(const ElementHead& item) {
  set_.on_fragment(item);
  keep_ = Keep::nothing;
  if (!in_pixels_) return;
  pixels_.value_bytes = item.value_offset + item.length - pixels_.value_offset;
  if (!basic_table_next_) {
    pixels_.fragments.push_back({item.value_offset, item.length});
    return;
  }
  basic_table_next_ = false;
  value_.clear();
  if (may_hold(item.length))
    keep_ = Keep::offset_table;
  else
    note(pixels_.tag, item.offset, "basic offset table too long to use");
}

void IndexSink::on_fragment_end() {
  set_.on_fragment_end();
  if (keep_ == Keep::offset_table) basic_table_ = value_;
  keep_ = Keep::nothing;
}

void IndexSink::on_fragments_end() {
  set_.on_fragments_end();
  in_pixels_ = false;
}

/// Offsets count from the item tag of the first fragment behind the basic table (PS3.5 A.4, and
/// PS3.3 C.7.6.3.1.8 for the extended table). They count only if each meets a fragment.
bool IndexSink::match_offsets(const std::vector<std::uint64_t>& offsets) {
  const auto& fragments = pixels_.fragments;
  if (offsets.size() != frames_ || fragments.empty()) return false;
  const std::uint64_t base = fragments.front().offset;
  std::vector<std::uint32_t> firsts;
  firsts.reserve(offsets.size());
  std::size_t at = 0;
  for (const std::uint64_t offset : offsets) {
    while (at < fragments.size() && fragments[at].offset - base < offset) ++at;
    if (at == fragments.size() || fragments[at].offset - base != offset) return false;
    if (!firsts.empty() && firsts.back() == at) return false;
    firsts.push_back(static_cast<std::uint32_t>(at));
  }
  if (firsts.front() != 0) return false;
  pixels_.frame_first_fragment = std::move(firsts);
  return true;
}

void IndexSink::find_frames() {
  const std::size_t fragments = pixels_.fragments.size();
  if (fragments == 0) return;
  if (!extended_table_.empty()) {
    if (match_offsets(numbers_of<std::uint64_t>(extended_table_))) return;
    note(kExtendedOffsetTable, 0, "extended offset table does not fit the fragments");
  }
  if (!basic_table_.empty()) {
    if (match_offsets(numbers_of<std::uint32_t>(basic_table_))) return;
    note(pixels_.tag, pixels_.value_offset, "basic offset table does not fit the fragments");
  }
  if (frames_ == 1) pixels_.frame_first_fragment = {0};
  if (frames_ == fragments && frames_ > 1) {
    pixels_.frame_first_fragment.resize(fragments);
    for (std::size_t i = 0; i < fragments; ++i)
      pixels_.frame_first_fragment[i] = static_cast<std::uint32_t>(i);
  }
}

const std::optional<std::string>& IndexSink::uid(Tag tag) const {
  if (tag == tags::kSopClassUid) return sop_class_;
  if (tag == tags::kSopInstanceUid) return sop_instance_;
  if (tag == tags::kStudyInstanceUid) return study_;
  return series_;
}

void IndexSink::deliver(DatasetIndex& index) {
  if (pixels_.kind == PixelLayout::Kind::encapsulated) find_frames();
  index.attributes = std::move(attributes_);
  index.sequences = std::move(sequences_);
  index.pixels = std::move(pixels_);
  index.attribute_set = set_.take();
  if (index.attribute_set.empty()) note({}, 0, "too many attributes for the catalog's copy");
  for (Note& one : notes_) index.notes.push_back(std::move(one));
}

}  // namespace latent::dicom::scanner::detail
