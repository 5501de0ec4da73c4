// The sink behind DatasetScanner: keeps the attributes asked for, the pixel layout, and passes all
// calls on to the writer of the attribute set. What it holds is bounded by kHeldBytesMax.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dicom/scanner/attribute_set.h"
#include "dicom/scanner/dataset_index.h"

namespace latent::dicom::scanner::detail {

/// All values of one object that an index may hold in memory; what comes later is not held.
inline constexpr std::uint64_t kHeldBytesMax = 16u << 20;

class IndexSink final : public ElementSink {
 public:
  IndexSink(const Limits& limits, std::span<const model::Tag> wanted);

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

  /// The value of an identifying UID: not there yet, or the bytes as text.
  const std::optional<std::string>& uid(model::Tag tag) const;
  /// Fills attributes, sequences, pixels, attribute_set and notes; once, at the end.
  void deliver(DatasetIndex& index);

 private:
  enum class Keep { nothing, attribute, item_attribute, offset_table };
  bool is_wanted(model::Tag tag) const;
  bool may_hold(std::uint64_t bytes);
  void keep(model::Tag tag, RawValue value);
  void find_frames();
  bool match_offsets(const std::vector<std::uint64_t>& offsets);
  void note(model::Tag tag, std::uint64_t offset, std::string_view text);

  const Limits limits_;
  std::span<const model::Tag> wanted_;
  AttributeSetWriter set_;

  Keep keep_ = Keep::nothing;
  ElementHead element_;
  Bytes value_;
  std::uint64_t held_bytes_ = 0;

  std::optional<std::string> sop_class_, sop_instance_, study_, series_;
  std::uint64_t frames_ = 1;
  std::map<model::Tag, RawValue> attributes_;
  std::map<model::Tag, std::vector<std::map<model::Tag, RawValue>>> sequences_;
  std::vector<std::map<model::Tag, RawValue>>* sequence_ = nullptr;  ///< the wanted one we are in

  PixelLayout pixels_;
  bool in_pixels_ = false;
  bool basic_table_next_ = false;
  Bytes basic_table_;
  Bytes extended_table_;
  bool extended_big_ = false;
  std::vector<Note> notes_;
};

}  // namespace latent::dicom::scanner::detail
