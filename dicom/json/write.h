// The DICOM JSON model (PS3.18 Annex F) of a data set, written while the data set passes.
//
// Feed a scanner::ElementReader with this sink: memory is one value and one entry a nesting level,
// whatever the object's size. Text becomes UTF-8 by the character set of its item (0008,0005),
// which is therefore written as ISO_IR 192. Group lengths are left out (F.2.2). Whoever lists
// several instances writes the brackets and commas between them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/scanner/element_reader.h"
#include "dicom/text/character_set.h"
#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::dicom::json {

struct Options {
  /// The term for data sets that name no character set; empty = UTF-8 or Latin-1 by likelihood.
  std::string assumed_character_set;
  /// Binary values (OB … OW, UN) up to this length are InlineBinary, longer ones and encapsulated
  /// pixels go by bulk_data_uri.
  std::uint32_t inline_binary_bytes_max = 1024;
  /// Values of other VRs above this length go by bulk_data_uri too.
  std::uint32_t value_bytes_max = 1u << 20;
  /// Where a value can be had (BulkDataURI); the head tells tag, offset and length. An empty
  /// answer, or no function, leaves only the VR, so that a reader sees that the attribute is there.
  std::function<std::string(const scanner::ElementHead&)> bulk_data_uri = {};
};

/// Takes JSON text in pieces of some kilobytes, in order.
using Output = std::function<void(std::string_view)>;

class Writer final : public scanner::ElementSink {
 public:
  Writer(Options options, Output output);

  /// Closes the object and hands out the rest; called once, when the data set has ended well.
  /// Without it the text is cut, which no JSON reader takes for whole.
  void finish();

  void on_element(const scanner::ElementHead& head) override;
  void on_value(ByteSpan piece) override;
  void on_element_end() override;
  void on_sequence(const scanner::ElementHead& head) override;
  void on_item(const scanner::ElementHead& item) override;
  void on_item_end() override;
  void on_sequence_end() override;
  void on_fragments(const scanner::ElementHead& head) override;
  void on_fragment(const scanner::ElementHead& item) override;
  void on_fragment_end() override;
  void on_fragments_end() override;

 private:
  /// One data set: the whole or an item.
  struct Level {
    text::CharacterSet character_set;
    bool is_empty = true;     ///< nothing written between its braces yet
    std::uint64_t items = 0;  ///< of the sequence that is open in it
  };

  void open_attribute(model::Tag tag, model::Vr vr);
  void write_bulk(const scanner::ElementHead& head);
  void flush(std::size_t bytes_min);

  Options options_;
  Output output_;
  std::string pending_;
  std::vector<Level> levels_;
  scanner::ElementHead head_;
  Bytes value_;
  enum class Take { hold, pass } take_ = Take::pass;
};

/// One data set that lies in memory. Errors: the reader's (invalid_input, exhausted).
Result<std::string> to_json(ByteSpan data_set, model::Encoding encoding, const Limits& limits,
                            Options options);

}  // namespace latent::dicom::json
