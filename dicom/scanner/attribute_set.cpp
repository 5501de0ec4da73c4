#include "dicom/scanner/attribute_set.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "dicom/scanner/byte_order.h"

namespace latent::dicom::scanner {
namespace {

using model::Tag;
using model::Vr;
namespace tags = model::tags;
using namespace model::vrs;

constexpr std::uint8_t kVersion = 1;
enum Code : std::uint8_t {
  kItemBegin = 0x00,
  kItemEnd = 0x01,
  kSequenceEnd = 0x02,
  kSequence = 0x03,
  kFragments = 0x04,
  kBulk = 0x05,
  kBulkBig = 0x06,
  kElement = 0x07,
  kElementByTable = 0x10,
};
/// Part of the format: only ever appended to.
constexpr std::array<Vr, 34> kVrTable = {kAE, kAS, kAT, kCS, kDA, kDS, kDT, kFD, kFL, kIS, kLO, kLT,
                                         kOB, kOD, kOF, kOL, kOV, kOW, kPN, kSH, kSL, kSQ, kSS, kST,
                                         kSV, kTM, kUC, kUI, kUL, kUN, kUR, kUS, kUT, kUV};

constexpr std::uint32_t kOpaqueInlineBytesMax = 128;
constexpr std::uint32_t kInlineBytesMax = 1024;

bool is_opaque(Vr vr) {
  return vr == kOB || vr == kOD || vr == kOF || vr == kOL || vr == kOV || vr == kOW || vr == kUN ||
         !model::is_known(vr);
}
/// PS3.19 A.1.5 lets these be a BulkData; the others (names, codes, dates, UIDs) are short by law
/// and are kept whole even when they are not.
bool may_be_bulk(Vr vr) {
  constexpr std::array<Vr, 15> kBulkVrs = {kDS, kFD, kFL, kIS, kLT, kSL, kSS, kST,
                                           kSV, kUC, kUL, kUR, kUS, kUT, kUV};
  return std::find(kBulkVrs.begin(), kBulkVrs.end(), vr) != kBulkVrs.end();
}
bool is_pixel_data(Tag tag) {
  return tag == tags::kPixelData || tag == tags::kFloatPixelData ||
         tag == tags::kDoubleFloatPixelData;
}

}  // namespace

AttributeSetWriter::AttributeSetWriter(const Limits& limits)
    : out_{std::byte{kVersion}}, value_held_bytes_max_(limits.value_held_bytes_max) {}

bool AttributeSetWriter::make_room(std::uint64_t bytes) {
  if (!too_long_ && bytes <= kAttributeSetBytesMax - out_.size()) return true;
  too_long_ = true;
  out_ = Bytes();
  return false;
}

void AttributeSetWriter::put_code(std::uint8_t code) { out_.push_back(std::byte{code}); }

void AttributeSetWriter::put_tag(Tag tag) {
  append_be(out_, tag.group);
  append_be(out_, tag.element);
}

void AttributeSetWriter::put_number(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<std::byte>(value));
}

void AttributeSetWriter::put_reference(std::uint8_t code, const ElementHead& head,
                                       std::uint64_t bytes) {
  if (!make_room(32)) return;
  put_code(code);
  put_tag(head.tag);
  append_be(out_, static_cast<std::uint16_t>(head.vr));
  put_number(head.value_offset);
  put_number(bytes);
}

void AttributeSetWriter::on_element(const ElementHead& head) {
  taking_ = false;
  if (too_long_ || head.tag.is_group_length()) return;
  const bool elsewhere = is_pixel_data(head.tag) || head.length > value_held_bytes_max_ ||
                         (is_opaque(head.vr) && head.length > kOpaqueInlineBytesMax) ||
                         (may_be_bulk(head.vr) && head.length > kInlineBytesMax);
  if (elsewhere) {
    put_reference(head.big_endian ? kBulkBig : kBulk, head, head.length);
    return;
  }
  if (!make_room(32 + std::uint64_t{head.length})) return;
  const auto place = std::find(kVrTable.begin(), kVrTable.end(), head.vr);
  if (place != kVrTable.end()) {
    put_code(static_cast<std::uint8_t>(kElementByTable + (place - kVrTable.begin())));
    put_tag(head.tag);
  } else {
    put_code(kElement);
    put_tag(head.tag);
    append_be(out_, static_cast<std::uint16_t>(head.vr));
  }
  put_number(head.length);
  element_ = head;
  value_at_ = out_.size();
  taking_ = true;
}

void AttributeSetWriter::on_value(ByteSpan piece) {
  if (taking_) append(out_, piece);
}

void AttributeSetWriter::on_element_end() {
  if (taking_ && element_.big_endian)
    swap_numbers(MutableByteSpan(out_).subspan(value_at_), model::swap_unit(element_.vr));
  taking_ = false;
}

void AttributeSetWriter::on_sequence(const ElementHead& head) {
  if (!make_room(16)) return;
  put_code(kSequence);
  put_tag(head.tag);
  append_be(out_, static_cast<std::uint16_t>(head.vr));
}
void AttributeSetWriter::on_item(const ElementHead&) {
  if (make_room(1)) put_code(kItemBegin);
}
void AttributeSetWriter::on_item_end() {
  if (make_room(1)) put_code(kItemEnd);
}
void AttributeSetWriter::on_sequence_end() {
  if (make_room(1)) put_code(kSequenceEnd);
}

void AttributeSetWriter::on_fragments(const ElementHead& head) {
  taking_ = false;
  fragments_ = head;
  fragments_end_ = head.value_offset;
}
void AttributeSetWriter::on_fragment(const ElementHead& item) {
  fragments_end_ = item.value_offset + item.length;
}
void AttributeSetWriter::on_fragment_end() {}
void AttributeSetWriter::on_fragments_end() {
  constexpr std::uint64_t kDelimiterBytes = 8;
  put_reference(kFragments, fragments_, fragments_end_ + kDelimiterBytes - fragments_.value_offset);
}

Bytes AttributeSetWriter::take() { return std::move(out_); }

namespace {

/// A cursor that never reads past the end.
class Cursor {
 public:
  explicit Cursor(ByteSpan bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }

  std::optional<ByteSpan> take(std::uint64_t count) {
    if (count > rest_.size()) return std::nullopt;
    const ByteSpan taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::optional<std::uint8_t> byte() {
    const auto one = take(1);
    return one ? std::optional(std::to_integer<std::uint8_t>(one->front())) : std::nullopt;
  }
  std::optional<std::uint64_t> number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const auto next = byte();
      if (!next) return std::nullopt;
      value |= std::uint64_t{*next & 0x7Fu} << shift;
      if (*next < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<Tag> tag() {
    const auto four = take(4);
    return four ? std::optional(Tag::from(load_be<std::uint32_t>(*four))) : std::nullopt;
  }
  std::optional<Vr> vr() {
    const auto two = take(2);
    return two ? std::optional(static_cast<Vr>(load_be<std::uint16_t>(*two))) : std::nullopt;
  }

 private:
  ByteSpan rest_;
};

/// Plays records one by one; nesting is a flag a level in a bounded vector.
class SetPlayer {
 public:
  SetPlayer(ByteSpan set, const Limits& limits, ElementSink& sink, const BulkSink& bulk)
      : cursor_(set), limits_(limits), sink_(sink), bulk_(bulk) {}

  bool play() {
    const auto version = cursor_.byte();
    if (version != kVersion) return false;
    while (!cursor_.at_end())
      if (!play_record()) return false;
    return open_.empty();
  }

 private:
  enum class Open : std::uint8_t { sequence, item };

  bool play_record() {
    const std::uint8_t code = *cursor_.byte();
    const bool in_sequence = !open_.empty() && open_.back() == Open::sequence;
    switch (code) {
      case kItemBegin:
        return in_sequence && begin_item();
      case kItemEnd:
        return !open_.empty() && !in_sequence && end_item();
      case kSequenceEnd:
        return in_sequence && end_sequence();
      default:
        return !in_sequence && play_element(code);
    }
  }

  bool begin_item() {
    open_.push_back(Open::item);
    sink_.on_item({.tag = tags::kItem, .length = kUndefinedLength, .depth = depth_});
    return true;
  }
  bool end_item() {
    open_.pop_back();
    sink_.on_item_end();
    return true;
  }
  bool end_sequence() {
    open_.pop_back();
    --depth_;
    sink_.on_sequence_end();
    return true;
  }

  bool play_element(std::uint8_t code) {
    const auto tag = cursor_.tag();
    if (!tag) return false;
    std::optional<Vr> vr;
    if (code < kElementByTable)
      vr = cursor_.vr();
    else if (code - kElementByTable < static_cast<int>(kVrTable.size()))
      vr = kVrTable[code - kElementByTable];
    if (!vr) return false;
    ElementHead head{.tag = *tag, .vr = *vr, .depth = depth_};
    switch (code) {
      case kSequence:
        return begin_sequence(head);
      case kFragments:
      case kBulk:
      case kBulkBig:
        return play_reference(code, head);
      default:
        return code >= kElement && play_value(head);
    }
  }

  bool begin_sequence(ElementHead& head) {
    if (depth_ >= limits_.sequence_depth_max) return false;
    head.length = kUndefinedLength;
    sink_.on_sequence(head);
    open_.push_back(Open::sequence);
    ++depth_;
    return true;
  }
  bool play_reference(std::uint8_t code, ElementHead& head) {
    const auto offset = cursor_.number();
    const auto bytes = cursor_.number();
    if (!offset || !bytes) return false;
    head.value_offset = *offset;
    head.length = code == kFragments ? kUndefinedLength : static_cast<std::uint32_t>(*bytes);
    bulk_(head, {.offset = *offset,
                 .bytes = *bytes,
                 .big_endian = code == kBulkBig,
                 .fragments = code == kFragments});
    return true;
  }
  bool play_value(ElementHead& head) {
    const auto length = cursor_.number();
    const auto value = length ? cursor_.take(*length) : std::nullopt;
    if (!value) return false;
    head.length = static_cast<std::uint32_t>(*length);
    sink_.on_element(head);
    if (!value->empty()) sink_.on_value(*value);
    sink_.on_element_end();
    return true;
  }

  Cursor cursor_;
  const Limits& limits_;
  ElementSink& sink_;
  const BulkSink& bulk_;
  std::vector<Open> open_;
  std::uint32_t depth_ = 0;
};

}  // namespace

Result<void> read_attribute_set(ByteSpan set, const Limits& limits, ElementSink& sink,
                                const BulkSink& bulk) {
  if (SetPlayer(set, limits, sink, bulk).play()) return {};
  return fail(ErrorCode::corrupt, "an attribute set of the catalog does not read back", "scanner");
}

}  // namespace latent::dicom::scanner
