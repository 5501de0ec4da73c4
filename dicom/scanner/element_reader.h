// The only reader of data sets from outside: iterative, streaming, constant memory (PS3.5 7).
//
// Bytes go in by feed() in any split; elements come out as calls of a sink while the bytes pass.
// Nothing is allocated by a claimed length, nesting is a counter against a bound, and a value that
// the sink does not want is skipped without being kept. Deflated data sets are unpacked inside,
// bounded by Limits::inflated_bytes_max.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dicom/model/tag.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/model/vr.h"
#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::dicom::scanner {

inline constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFF;

struct ElementHead {
  model::Tag tag;
  model::Vr vr{};            ///< as written, or the dictionary's in implicit VR
  std::uint32_t length = 0;  ///< as written; kUndefinedLength for delimited sequences and fragments
  std::uint64_t offset = 0;  ///< of the tag, from the first byte of the (inflated) data set
  std::uint64_t value_offset = 0;  ///< of the first value byte
  std::uint32_t depth =
      0;  ///< sequences around it; 0 = top level. Items: that of their sequence + 1
  bool big_endian = false;  ///< byte order of the value's numbers
};

/// Calls come in document order and are balanced. Spans are borrowed for the call only.
class ElementSink {
 public:
  virtual ~ElementSink() = default;
  /// A plain element begins; its bytes follow in any number of on_value calls, then on_element_end.
  virtual void on_element(const ElementHead& head) = 0;
  virtual void on_value(ByteSpan piece) = 0;
  virtual void on_element_end() = 0;
  /// A sequence (VR SQ, or UN of undefined length, PS3.5 6.2.2) and its items. Stray delimiters and
  /// the delimiters' own headers make no calls. Calls stay unbalanced only when the reader fails.
  virtual void on_sequence(const ElementHead& head) = 0;
  virtual void on_item(const ElementHead& item) = 0;
  virtual void on_item_end() = 0;
  virtual void on_sequence_end() = 0;
  /// Encapsulated pixel data (PS3.5 A.4): fragments, the first one being the basic offset table.
  virtual void on_fragments(const ElementHead& head) = 0;
  virtual void on_fragment(const ElementHead& item) = 0;  ///< on_value calls follow
  virtual void on_fragment_end() = 0;
  virtual void on_fragments_end() = 0;
};

/// What real equipment gets wrong but a reader can live with; stored as it came, and noted.
struct Note {
  model::Tag tag;
  std::uint64_t offset = 0;
  std::string text;  ///< "odd length", "unknown VR", "trailing bytes after the data set", …
};

/// Whether a UN value of defined length that begins with an item is opened as a sequence (in
/// implicit VR little endian, PS3.5 6.2.2). A rewrite from explicit to implicit VR loses the VR of
/// a private sequence; comparing contents needs it back. Guessing wrong fails the reader.
enum class UnValues { opaque, opened };

class ElementReader {
 public:
  /// `sink` must outlive the reader.
  ElementReader(model::Encoding encoding, const Limits& limits, ElementSink& sink,
                UnValues un_values = UnValues::opaque);
  ~ElementReader();

  /// Errors: invalid_input naming tag, offset and lengths, also for what is too deep or has too
  /// many elements (sending it again will not help); exhausted when object_bytes_max or
  /// inflated_bytes_max is passed. After an error the reader stays failed.
  Result<void> feed(ByteSpan bytes);
  /// The data set has ended. Errors: invalid_input when it was cut in the middle.
  Result<void> finish();

  std::uint64_t bytes_read() const;        ///< of the (inflated) data set
  const std::vector<Note>& notes() const;  ///< at most 64 are kept

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace latent::dicom::scanner
