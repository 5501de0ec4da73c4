// The half of ElementParser that knows nesting: what may stand where, and when a level ends.
#include <fmt/format.h>

#include <algorithm>

#include "dicom/model/dictionary.h"
#include "dicom/scanner/detail/element_parser.h"

namespace latent::dicom::scanner::detail {
namespace {

using model::Tag;
using model::Vr;
namespace tags = model::tags;
namespace vrs = model::vrs;

constexpr Tag kDataSetTrailingPadding{0xFFFC, 0xFFFC};

bool is_pixel_data(Tag tag) {
  return tag == tags::kPixelData || tag == tags::kFloatPixelData ||
         tag == tags::kDoubleFloatPixelData;
}
/// VRs whose value of undefined length is a row of fragments (PS3.5 A.4).
bool is_opaque(Vr vr) {
  return vr == vrs::kOB || vr == vrs::kOW || vr == vrs::kOD || vr == vrs::kOF || vr == vrs::kOL ||
         vr == vrs::kOV;
}
tl::unexpected<Error> bad(std::string text) {
  return fail(ErrorCode::invalid_input, std::move(text), "scanner");
}

}  // namespace

ElementHead ElementParser::public_head(const DecodedHead& head) const {
  return {.tag = head.tag,
          .vr = head.vr,
          .length = head.length,
          .offset = head_offset_,
          .value_offset = offset_,
          .depth = sequences_,
          .big_endian = syntax_.big_endian};
}

Result<void> ElementParser::in_elements(const DecodedHead& head) {
  if (head.tag.group == 0xFFFE) return delimiter_amid_elements(head);
  if (head.note) note(head.tag, head_offset_, head.note);
  check_order(head);
  if (levels_.empty()) check_group_length(head);
  if (head.length == kUndefinedLength) return open_delimited(head);
  if (head.vr == vrs::kSQ) return open_sequence(head, syntax_);
  return open_element(head);
}

Result<void> ElementParser::delimiter_amid_elements(const DecodedHead& head) {
  if (head.tag == tags::kItemDelimitation && !levels_.empty() && levels_.back().undefined) {
    if (head.length != 0) note(head.tag, head_offset_, "delimiter with a length");
    close_level();
    return {};
  }
  if (head.tag == tags::kSequenceDelimitation && levels_.size() >= 2 && levels_.back().undefined &&
      levels_[levels_.size() - 2].undefined) {
    note(head.tag, head_offset_, "item delimiter missing");
    close_level();
    close_level();
    return {};
  }
  const bool stray_delimiter =
      head.tag == tags::kItemDelimitation || head.tag == tags::kSequenceDelimitation;
  if (stray_delimiter || (head.tag == tags::kItem && levels_.empty() && head.length == 0)) {
    note(head.tag, head_offset_, "stray delimiter");
    return {};
  }
  return bad(fmt::format("{} at byte {} stands where an element must stand",
                         model::to_string(head.tag), head_offset_));
}

/// An element of undefined length: a sequence, or fragments.
Result<void> ElementParser::open_delimited(const DecodedHead& head) {
  if (is_pixel_data(head.tag) || is_opaque(head.vr)) {
    if (!head.implicit_form || is_pixel_data(head.tag)) return open_fragments(head);
  }
  if (head.vr == vrs::kSQ || head.implicit_form) return open_sequence(head, syntax_);
  // PS3.5 6.2.2 (CP-246): the inside of a UN of undefined length is implicit VR little endian. New
  // VRs that we do not know can only be of undefined length in the same way.
  if (head.vr == vrs::kUN || !model::is_known(head.vr))
    return open_sequence(head, Syntax{.explicit_vr = false, .big_endian = false});
  return bad(fmt::format("element {} at byte {} has undefined length, which VR {} cannot have",
                         model::to_string(head.tag), head_offset_,
                         std::string_view(model::text_of(head.vr))));
}

Result<void> ElementParser::open_sequence(const DecodedHead& head, Syntax inside) {
  const bool undefined = head.length == kUndefinedLength;
  if (!undefined && offset_ + head.length > bound())
    return bad(fmt::format("sequence {} at byte {} claims {} bytes, its item has {} left",
                           model::to_string(head.tag), head_offset_, head.length,
                           bound() - offset_));
  if (sequences_ >= limits_.sequence_depth_max)
    return bad(fmt::format("sequence {} at byte {} is nested deeper than {} levels",
                           model::to_string(head.tag), head_offset_, limits_.sequence_depth_max));
  ElementHead seen = public_head(head);
  if (head.implicit_form) seen.vr = vrs::kSQ;  // Nothing else is delimited in implicit VR.
  sink_.on_sequence(seen);
  Level level;
  level.kind = Kind::sequence;
  level.undefined = undefined;
  level.detect = head.vr == vrs::kUN && !head.implicit_form;
  level.outer = syntax_;
  level.end = undefined ? 0 : offset_ + head.length;
  level.bound = undefined ? bound() : level.end;
  level.tag = head.tag;
  levels_.push_back(level);
  ++sequences_;
  syntax_ = inside;
  return {};
}

Result<void> ElementParser::open_fragments(const DecodedHead& head) {
  sink_.on_fragments(public_head(head));
  Level level;
  level.kind = Kind::fragments;
  level.undefined = true;
  level.outer = syntax_;
  level.bound = bound();
  level.tag = head.tag;
  levels_.push_back(level);
  return {};
}

Result<void> ElementParser::open_element(const DecodedHead& head) {
  if (offset_ + head.length > bound())
    return bad(fmt::format("element {} at byte {} claims {} bytes, its item has {} left",
                           model::to_string(head.tag), head_offset_, head.length,
                           bound() - offset_));
  if (head.length % 2 != 0) note(head.tag, head_offset_, "odd length");
  current_ = public_head(head);
  current_is_fragment_ = false;
  sink_.on_element(current_);
  value_left_ = head.length;
  mode_ = Mode::value;
  if (value_left_ == 0) end_value();
  return {};
}

Result<void> ElementParser::in_sequence(const DecodedHead& head) {
  if (head.tag == tags::kItem) return open_item(head);
  if (head.tag == tags::kSequenceDelimitation && levels_.back().undefined) {
    if (head.length != 0) note(head.tag, head_offset_, "delimiter with a length");
    close_level();
    return {};
  }
  if (head.tag == tags::kItemDelimitation || head.tag == tags::kSequenceDelimitation) {
    note(head.tag, head_offset_, "stray delimiter");
    return {};
  }
  return bad(fmt::format("sequence {} holds {} at byte {} where an item must stand",
                         model::to_string(levels_.back().tag), model::to_string(head.tag),
                         head_offset_));
}

Result<void> ElementParser::open_item(const DecodedHead& head) {
  Level& sequence = levels_.back();
  const bool undefined = head.length == kUndefinedLength;
  if (!undefined && offset_ + head.length > bound())
    return bad(fmt::format("an item of sequence {} at byte {} claims {} bytes, {} are left",
                           model::to_string(sequence.tag), head_offset_, head.length,
                           bound() - offset_));
  if (++sequence.items > limits_.sequence_items_max)
    return bad(fmt::format("sequence {} has more than {} items", model::to_string(sequence.tag),
                           limits_.sequence_items_max));
  sink_.on_item(public_head(head));
  Level level;
  level.kind = Kind::item;
  level.undefined = undefined;
  level.detect = sequence.detect;
  level.outer = syntax_;
  level.end = undefined ? 0 : offset_ + head.length;
  level.bound = undefined ? bound() : level.end;
  level.tag = sequence.tag;
  levels_.push_back(level);
  return {};
}

Result<void> ElementParser::in_fragments(const DecodedHead& head) {
  Level& fragments = levels_.back();
  if (head.tag == tags::kSequenceDelimitation) {
    if (head.length != 0) note(head.tag, head_offset_, "delimiter with a length");
    close_level();
    return {};
  }
  if (head.tag != tags::kItem || head.length == kUndefinedLength)
    return bad(fmt::format("{} holds {} at byte {} where a fragment must stand",
                           model::to_string(fragments.tag), model::to_string(head.tag),
                           head_offset_));
  if (offset_ + head.length > bound())
    return bad(fmt::format("a fragment of {} at byte {} claims {} bytes, {} are left",
                           model::to_string(fragments.tag), head_offset_, head.length,
                           bound() - offset_));
  if (++fragments.items > limits_.sequence_items_max)
    return bad(fmt::format("{} has more than {} fragments", model::to_string(fragments.tag),
                           limits_.sequence_items_max));
  if (head.length % 2 != 0) note(head.tag, head_offset_, "odd length");
  current_ = public_head(head);
  current_is_fragment_ = true;
  sink_.on_fragment(current_);
  value_left_ = head.length;
  mode_ = Mode::value;
  if (value_left_ == 0) end_value();
  return {};
}

void ElementParser::end_value() {
  mode_ = Mode::head;
  if (current_is_fragment_) {
    sink_.on_fragment_end();
    return;
  }
  sink_.on_element_end();
  if (!levels_.empty()) return;
  if (is_pixel_data(current_.tag) || current_.tag == kDataSetTrailingPadding) behind_pixels_ = true;
}

void ElementParser::close_level() {
  const Level level = levels_.back();
  levels_.pop_back();
  syntax_ = level.outer;
  switch (level.kind) {
    case Kind::item:
      sink_.on_item_end();
      return;
    case Kind::fragments:
      sink_.on_fragments_end();
      if (levels_.empty() && is_pixel_data(level.tag)) behind_pixels_ = true;
      return;
    case Kind::sequence:
      break;
  }
  --sequences_;
  sink_.on_sequence_end();
}

/// Ends every level whose length is used up. A level that waits for its delimiter while the one
/// around it is used up has lied, or the one around it has.
Result<void> ElementParser::close_ended_levels() {
  while (mode_ == Mode::head && !levels_.empty() && offset_ == levels_.back().bound) {
    if (levels_.back().undefined)
      return bad(fmt::format("{} has no delimiter before what holds it ends at byte {}",
                             model::to_string(levels_.back().tag), offset_));
    close_level();
  }
  return {};
}

void ElementParser::check_order(const DecodedHead& head) {
  Tag& last = levels_.empty() ? last_top_tag_ : levels_.back().last_tag;
  if (head.tag == last)
    note(head.tag, head_offset_, "tag occurs again");
  else if (head.tag < last)
    note(head.tag, head_offset_, "tag out of order");
  last = head.tag;
}

/// Group lengths (retired but for groups 0000 and 0002) are compared with what really came.
void ElementParser::check_group_length(const DecodedHead& head) {
  if (group_length_.pending && head.tag.group != group_length_.group) {
    group_length_.pending = false;
    const std::uint32_t claimed = syntax_.big_endian ? load_be<std::uint32_t>(group_length_.bytes)
                                                     : load_le<std::uint32_t>(group_length_.bytes);
    if (group_length_.filled == 4 && group_length_.end + claimed != head_offset_)
      note({group_length_.group, 0}, group_length_.end, "group length is wrong");
  }
  if (!group_length_.pending && head.tag.is_group_length() && head.length == 4) {
    group_length_ = {};
    group_length_.pending = true;
    group_length_.group = head.tag.group;
    group_length_.end = offset_ + 4;
  }
}

}  // namespace latent::dicom::scanner::detail
