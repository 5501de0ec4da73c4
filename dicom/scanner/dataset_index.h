// What one pass over a data set leaves behind: the attributes that the catalog indexes, where the
// frames lie, the full attribute set without bulk values, and the verdict.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/model/tag.h"
#include "dicom/model/vr.h"
#include "dicom/scanner/element_reader.h"
#include "security/base/bytes.h"
#include "security/base/identifiers.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::dicom::scanner {

struct RawValue {
  model::Vr vr{};
  Bytes bytes;  ///< as they came, at most Limits::value_held_bytes_max; numbers little endian
};

/// Where pixels lie, in bytes from the first byte of the (inflated) data set.
struct PixelLayout {
  enum class Kind { none, native, encapsulated };
  Kind kind = Kind::none;
  model::Tag tag;  ///< (7FE0,0010), (7FE0,0008) or (7FE0,0009)
  std::uint64_t value_offset = 0;
  std::uint64_t value_bytes = 0;
  struct Fragment {
    std::uint64_t offset = 0;  ///< of the first byte behind the item header
    std::uint32_t bytes = 0;
  };
  std::vector<Fragment> fragments;  ///< without the basic offset table; at most 1 M
  /// First fragment of each frame, when the offset tables tell (basic or extended, PS3.5 A.4) or
  /// when there is one fragment a frame; empty when it is unknown.
  std::vector<std::uint32_t> frame_first_fragment;
};

struct DatasetIndex {
  SopClassUid sop_class;
  InstanceUid sop_instance;
  StudyUid study;
  SeriesUid series;
  /// Top-level attributes that were asked for (`wanted`), and always (0008,0005).
  std::map<model::Tag, RawValue> attributes;
  /// Code values of sequences that the catalog indexes, for example (0040,A043) of an SR; and the
  /// items of wanted sequences: the raw first-level attributes of each item.
  std::map<model::Tag, std::vector<std::map<model::Tag, RawValue>>> sequences;
  PixelLayout pixels;
  std::uint64_t dataset_bytes = 0;  ///< inflated length when deflated
  /// Every element, nested ones included, without bulk values, in the encoding that
  /// attribute_set.h documents; for metadata answers from the catalog alone.
  Bytes attribute_set;
  std::vector<Note> notes;
};

/// Scans one data set as its bytes stream by. Not thread safe.
class DatasetScanner {
 public:
  /// `wanted` are top-level tags (ascending) to keep; borrowed for the scanner's life.
  DatasetScanner(std::string_view transfer_syntax, const Limits& limits,
                 std::span<const model::Tag> wanted);
  ~DatasetScanner();
  DatasetScanner(DatasetScanner&&) noexcept;

  /// Errors: as ElementReader::feed.
  Result<void> feed(ByteSpan bytes);
  /// The Study Instance UID as soon as it has passed: it decides the key. Errors: invalid_input
  /// when the element came and holds no UID. nullopt: not yet.
  Result<std::optional<StudyUid>> study() const;
  /// The verdict. Errors: invalid_input when cut or when one of the four identifying UIDs is
  /// missing or malformed (the sentence names the tag).
  Result<DatasetIndex> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace latent::dicom::scanner
