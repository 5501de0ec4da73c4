// The content of a data set apart from how it is written, for the rule of duplicates (formats.md
// §4): a router that resends an object in another native transfer syntax sends the same content.
//
// Canonical are: tags; values with numbers little endian; text without trailing padding; sequences
// by structure; no group lengths, no Data Set Trailing Padding, no VRs (implicit VR has none).
// Fragments of encapsulated pixels count as they are. Each top-level element becomes one mark
// (SHA-256, first 16 bytes), so two objects are compared without keeping either.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dicom/model/tag.h"
#include "dicom/scanner/element_reader.h"
#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::dicom::scanner {

using ContentMark = std::array<std::byte, 16>;

struct CanonicalContent {
  /// Top-level elements but pixel data; at most 65,536, the rest goes into the mark of (FFFF,FFFF).
  std::map<model::Tag, ContentMark> elements;
  /// The same with UN values that hold items opened as sequences; nullopt when one did not open.
  std::optional<std::map<model::Tag, ContentMark>> opened_elements;
  ContentMark header{};  ///< over `elements`
  ContentMark pixels{};  ///< over (7FE0,0008), (7FE0,0009), (7FE0,0010)
};

/// Takes one data set in any split. Constant memory. Not thread safe.
class CanonicalDigest {
 public:
  CanonicalDigest(std::string_view transfer_syntax, const Limits& limits);
  ~CanonicalDigest();
  CanonicalDigest(CanonicalDigest&&) noexcept;

  /// Errors: as ElementReader.
  Result<void> feed(ByteSpan bytes);
  Result<CanonicalContent> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ContentComparison {
  bool same = false;
  bool pixels_differ = false;
  std::vector<model::Tag> header_differs;  ///< ascending; changed, added or gone
};
ContentComparison compare(const CanonicalContent& a, const CanonicalContent& b);

}  // namespace latent::dicom::scanner
