// Turns the calls of a reader into one mark per top-level element; see canonical.h for the rules.
#pragma once

#include <map>
#include <optional>

#include "dicom/scanner/byte_order.h"
#include "dicom/scanner/canonical.h"
#include "dicom/scanner/detail/content_hash.h"

namespace latent::dicom::scanner::detail {

class CanonicalSink final : public ElementSink {
 public:
  /// Whether pixel data is hashed too; a second pass over the same bytes need not.
  enum class Pixels { hashed, skipped };
  explicit CanonicalSink(Pixels pixels) : hash_pixels_(pixels == Pixels::hashed) {}

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

  std::map<model::Tag, ContentMark>& elements() { return elements_; }
  std::map<model::Tag, ContentMark>& pixels() { return pixels_; }

 private:
  enum class Padding { kept, text, even };
  void begin_top(const ElementHead& head);
  void end_top();
  void add_tag(char letter, model::Tag tag);
  void begin_value();
  void add_value(ByteSpan piece);
  void end_value();
  void open_pending_sequence();
  void fold(std::map<model::Tag, ContentMark>& marks, model::Tag tag, ContentMark mark);

  bool hash_pixels_;
  bool skipping_ = false;  ///< the element in hand is not content
  model::Tag top_;
  std::uint32_t sequences_ = 0;
  std::optional<model::Tag> pending_sequence_;  ///< begun, no item yet
  Padding padding_ = Padding::kept;
  std::array<std::byte, 64> held_padding_{};
  std::size_t held_ = 0;
  std::uint64_t value_bytes_ = 0;
  NumberStream numbers_;
  ContentHash hash_;
  std::map<model::Tag, ContentMark> elements_, pixels_;
};

}  // namespace latent::dicom::scanner::detail
