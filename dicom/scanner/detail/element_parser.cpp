#include "dicom/scanner/detail/element_parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "dicom/model/dictionary.h"

namespace latent::dicom::scanner::detail {
namespace {

using model::Tag;
namespace tags = model::tags;
namespace vrs = model::vrs;

constexpr std::uint32_t kPrivateCreatorBytesMax = 64;

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}
tl::unexpected<Error> bad(std::string text) {
  return fail(ErrorCode::invalid_input, std::move(text), "scanner");
}
std::string text_of_tag(Tag tag) { return model::to_string(tag); }

}  // namespace

ElementParser::ElementParser(Syntax declared, UnValues un_values, const Limits& limits,
                             ElementSink& sink)
    : limits_(limits), un_values_(un_values), sink_(sink), syntax_(declared) {}

void ElementParser::note(Tag tag, std::uint64_t offset, std::string_view text) {
  if (notes_.size() < kNotesMax) notes_.push_back({tag, offset, std::string(text)});
}

Result<void> ElementParser::consume(ByteSpan in) {
  if (in.size() > limits_.object_bytes_max - std::min(offset_, limits_.object_bytes_max))
    return fail(ErrorCode::exhausted,
                fmt::format("the data set is longer than object_bytes_max, {} bytes",
                            limits_.object_bytes_max),
                "scanner");
  while (!in.empty()) {
    switch (mode_) {
      case Mode::value: {
        const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(value_left_, in.size()));
        sink_.on_value(in.first(now));
        if (group_length_.filled < 4 && group_length_.pending)
          for (std::size_t i = 0; i < now && group_length_.filled < 4; ++i)
            group_length_.bytes[group_length_.filled++] = in[i];
        in = in.subspan(now);
        offset_ += now;
        value_left_ -= now;
        if (value_left_ == 0) {
          end_value();
          LATENT_TRY_VOID(close_ended_levels());
        }
        break;
      }
      case Mode::head:
        LATENT_TRY_VOID(take_head(in));
        break;
      case Mode::trailing_zeros:
        if (!all_zero(in))
          return bad(fmt::format(
              "byte {}: no element stands behind the zeros that end the data set", offset_));
        [[fallthrough]];
      case Mode::trailing_any:
        offset_ += in.size();
        in = {};
        break;
    }
  }
  return {};
}

Result<void> ElementParser::take_head(ByteSpan& in) {
  const std::size_t carried = carry_bytes_;
  ByteSpan view = in;
  if (carried > 0) {
    const std::size_t more = std::min(in.size(), carry_.size() - carried);
    std::copy_n(in.begin(), more, carry_.begin() + static_cast<std::ptrdiff_t>(carried));
    view = ByteSpan(carry_).first(carried + more);
  }
  DecodedHead head;
  if (view.size() >= kHeadBytesMin) head = decode_head(view, syntax_here(view));
  // Amid the items of a sequence no element may stand, whatever it holds.
  const bool among_elements = levels_.empty() || levels_.back().kind == Kind::item;
  const bool peeks = among_elements && head.status == DecodedHead::Status::ok &&
                     un_values_ == UnValues::opened && head.vr == vrs::kUN &&
                     head.length >= kHeadBytesMin && head.length != kUndefinedLength;
  if (head.status == DecodedHead::Status::need_more ||
      (peeks && view.size() < head.head_bytes + kHeadBytesMin)) {
    // All of `in` fits: a head and the peek are never longer than the carry.
    if (carried == 0) std::copy(in.begin(), in.end(), carry_.begin());
    carry_bytes_ = view.size();
    in = {};
    return {};
  }
  head_offset_ = offset_;
  if (starts_trailing_bytes(head, view)) {
    offset_ += carried;  // `in` itself is counted, and looked at, by the trailing mode.
    carry_bytes_ = 0;
    return {};
  }
  if (head.status == DecodedHead::Status::bad)
    return bad(fmt::format("byte {}: no element stands here, what follows tag {} is no VR",
                           head_offset_, text_of_tag(head.tag)));
  const ByteSpan behind = view.subspan(head.head_bytes);
  const bool opens = peeks && holds_items(head, behind);
  offset_ += head.head_bytes;
  carry_bytes_ = 0;
  if (offset_ > bound())
    return bad(fmt::format("element {} at byte {} begins {} bytes before its sequence or item ends",
                           text_of_tag(head.tag), head_offset_, bound() - head_offset_));
  if (++elements_ > limits_.elements_max)
    return bad(fmt::format("the data set has more than {} elements", limits_.elements_max));
  LATENT_TRY_VOID(opens ? open_sequence(head, Syntax{.explicit_vr = false, .big_endian = false})
                        : on_head(head));
  LATENT_TRY_VOID(close_ended_levels());
  if (carried <= head.head_bytes) {
    in = in.subspan(head.head_bytes - carried);
    return {};
  }
  // Only after a peek: the carry held up to seven bytes of the value, too few for a head of their
  // own, so this call goes one level deep and no further.
  std::array<std::byte, kHeadBytesMin> early{};
  const std::size_t early_bytes = carried - head.head_bytes;
  std::copy_n(carry_.begin() + head.head_bytes, early_bytes, early.begin());
  return consume(ByteSpan(early).first(early_bytes));
}

/// How the element at hand is written: as everything so far, but the first of a data set, or of an
/// item inside a UN sequence, may show that the declared syntax is not what was sent.
Syntax ElementParser::syntax_here(ByteSpan head_bytes) {
  if (first_) {
    const Syntax seen = detect_syntax(head_bytes, syntax_);
    if (!(seen == syntax_)) {
      note({}, 0,
           fmt::format(
               "declared {} VR {} endian, written {} VR {} endian",
               syntax_.explicit_vr ? "explicit" : "implicit", syntax_.big_endian ? "big" : "little",
               seen.explicit_vr ? "explicit" : "implicit", seen.big_endian ? "big" : "little"));
      syntax_ = seen;
    }
    first_ = false;
  } else if (!levels_.empty() && levels_.back().detect && levels_.back().kind == Kind::item) {
    levels_.back().detect = false;
    const Syntax explicit_little{};
    if (is_certain_head(head_bytes, explicit_little)) {
      note(levels_.back().tag, offset_, "UN sequence written in explicit VR");
      syntax_ = explicit_little;
    }
  }
  return syntax_;
}

Result<void> ElementParser::on_head(const DecodedHead& head) {
  if (levels_.empty()) return in_elements(head);
  switch (levels_.back().kind) {
    case Kind::item:
      return in_elements(head);
    case Kind::sequence:
      return in_sequence(head);
    case Kind::fragments:
      break;
  }
  return in_fragments(head);
}

/// Bytes behind the data set proper: zeros that fill a block, or whatever came behind the pixels.
/// Behind pixel data an element must be one that could be meant; random bytes rarely are.
bool ElementParser::starts_trailing_bytes(const DecodedHead& head, ByteSpan bytes) {
  if (!levels_.empty()) return false;
  const bool zeros = all_zero(bytes.first(kHeadBytesMin));
  const bool garbage = behind_pixels_ && (head.status == DecodedHead::Status::bad ||
                                          !is_credible_behind_pixels(head));
  if (!zeros && !garbage) return false;
  note({}, offset_, "trailing bytes after the data set");
  mode_ = behind_pixels_ ? Mode::trailing_any : Mode::trailing_zeros;
  return true;
}

bool ElementParser::is_credible_behind_pixels(const DecodedHead& head) const {
  const Tag tag = head.tag;
  if (tag.group == 0xFFFE) return head.length == 0;
  if (tag.group < 0x0008) return false;
  if (tag.is_private())
    return tag.is_private_creator() ? head.length <= kPrivateCreatorBytesMax
                                    : tag.group == last_top_tag_.group;
  return model::find(tag).has_value() || (tag.is_group_length() && head.length == 4);
}

bool ElementParser::holds_items(const DecodedHead& head, ByteSpan value_start) {
  const Tag tag{load_le<std::uint16_t>(value_start, 0), load_le<std::uint16_t>(value_start, 2)};
  const std::uint32_t length = load_le<std::uint32_t>(value_start, 4);
  return tag == tags::kItem &&
         (length == kUndefinedLength || length <= head.length - kHeadBytesMin);
}

Result<void> ElementParser::finish() {
  if (mode_ == Mode::value)
    return bad(fmt::format("cut: element {} at byte {} claims {} bytes, {} came",
                           text_of_tag(current_.tag), current_.offset, current_.length,
                           current_.length - value_left_));
  if (!levels_.empty())
    return bad(fmt::format("cut: the data set ends at byte {} inside {}, whose end is missing",
                           offset_ + carry_bytes_, text_of_tag(levels_.back().tag)));
  if (carry_bytes_ > 0) {
    const ByteSpan rest = ByteSpan(carry_).first(carry_bytes_);
    if (!behind_pixels_ && !all_zero(rest))
      return bad(fmt::format("cut: the data set ends at byte {} inside an element's header",
                             offset_ + carry_bytes_));
    note({}, offset_, "trailing bytes after the data set");
    offset_ += carry_bytes_;
    carry_bytes_ = 0;
  }
  return {};
}

}  // namespace latent::dicom::scanner::detail
