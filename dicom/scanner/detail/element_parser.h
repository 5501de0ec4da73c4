// The state machine behind ElementReader: plain (already inflated) bytes in, calls of a sink out.
//
// Nesting is a vector of at most 2 × sequence_depth_max + 1 levels; a header is held in 12 bytes
// when it is cut between two feeds; nothing else is kept of what passes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dicom/scanner/detail/element_head.h"
#include "dicom/scanner/element_reader.h"

namespace latent::dicom::scanner::detail {

inline constexpr std::size_t kNotesMax = 64;

class ElementParser {
 public:
  ElementParser(Syntax declared, UnValues un_values, const Limits& limits, ElementSink& sink);

  Result<void> consume(ByteSpan in);
  Result<void> finish();

  std::uint64_t offset() const { return offset_; }
  const std::vector<Note>& notes() const { return notes_; }
  void note(model::Tag tag, std::uint64_t offset, std::string_view text);

 private:
  enum class Kind : std::uint8_t { sequence, item, fragments };
  enum class Mode : std::uint8_t { head, value, trailing_zeros, trailing_any };
  struct Level {
    Kind kind = Kind::sequence;
    bool undefined = false;   ///< ends by a delimiter instead of at `end`
    bool detect = false;      ///< items of a UN sequence: look how they are written
    Syntax outer;             ///< to go back to when this level ends
    std::uint64_t end = 0;    ///< only when not undefined
    std::uint64_t bound = 0;  ///< nearest end of this or an enclosing level
    std::uint32_t items = 0;
    model::Tag tag;
    model::Tag last_tag;  ///< of the elements in an item
  };

  Result<void> take_head(ByteSpan& in);
  Result<void> on_head(const DecodedHead& head);
  Result<void> in_elements(const DecodedHead& head);
  Result<void> in_sequence(const DecodedHead& head);
  Result<void> in_fragments(const DecodedHead& head);
  Result<void> delimiter_amid_elements(const DecodedHead& head);
  Result<void> open_delimited(const DecodedHead& head);
  Result<void> open_sequence(const DecodedHead& head, Syntax inside);
  Result<void> open_fragments(const DecodedHead& head);
  Result<void> open_element(const DecodedHead& head);
  Result<void> open_item(const DecodedHead& head);
  Result<void> close_ended_levels();
  void close_level();
  void end_value();

  bool starts_trailing_bytes(const DecodedHead& head, ByteSpan bytes);
  bool is_credible_behind_pixels(const DecodedHead& head) const;
  static bool holds_items(const DecodedHead& head, ByteSpan value_start);
  void check_order(const DecodedHead& head);
  void check_group_length(const DecodedHead& head);
  Syntax syntax_here(ByteSpan head_bytes);
  ElementHead public_head(const DecodedHead& head) const;
  std::uint64_t bound() const { return levels_.empty() ? kNoBound : levels_.back().bound; }

  static constexpr std::uint64_t kNoBound = ~std::uint64_t{0};

  const Limits limits_;
  const UnValues un_values_;
  ElementSink& sink_;
  Syntax syntax_;
  std::vector<Level> levels_;
  std::uint32_t sequences_ = 0;  ///< levels_ of kind sequence
  std::uint64_t elements_ = 0;

  Mode mode_ = Mode::head;
  std::uint64_t offset_ = 0;       ///< bytes consumed
  std::uint64_t head_offset_ = 0;  ///< of the element in hand
  std::uint64_t value_left_ = 0;
  ElementHead current_;  ///< the element in hand, while mode_ is value
  bool current_is_fragment_ = false;
  std::array<std::byte, kHeadBytesMax + kHeadBytesMin> carry_{};
  std::size_t carry_bytes_ = 0;

  bool first_ = true;
  bool behind_pixels_ = false;
  model::Tag last_top_tag_;
  struct GroupLength {
    bool pending = false;
    std::uint16_t group = 0;
    std::uint64_t end = 0;
    std::array<std::byte, 4> bytes{};
    std::size_t filled = 0;
  } group_length_;
  std::vector<Note> notes_;
};

}  // namespace latent::dicom::scanner::detail
