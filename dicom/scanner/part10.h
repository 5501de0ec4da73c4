// The head of a DICOM file (PS3.10 7.1): preamble, "DICM", file meta information; and what people
// have instead of it. Only files need this; objects that come over an association have no head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dicom/scanner/element_reader.h"
#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::dicom::scanner {

struct FileMeta {
  std::string sop_class;        ///< (0002,0002), padding cut off; empty when not given
  std::string sop_instance;     ///< (0002,0003)
  std::string transfer_syntax;  ///< (0002,0010), or the native one that the data set shows
  bool transfer_syntax_guessed = false;
  std::string source_ae_title;         ///< (0002,0016)
  std::string implementation_class;    ///< (0002,0012)
  std::string implementation_version;  ///< (0002,0013)
  bool is_directory = false;           ///< a DICOMDIR (PS3.10 8), not an instance
  std::uint64_t data_set_offset = 0;   ///< from the first byte of the file
  std::vector<Note> notes;             ///< offsets from the first byte of the file
};

/// Takes the first bytes of a file in any split. Not thread safe.
class Part10Reader {
 public:
  explicit Part10Reader(const Limits& limits);

  /// True once the head is complete; then take meta() and rest(), and feed the scanner with what
  /// follows. Errors: invalid_input ("not a DICOM file", or a head that lies); exhausted when the
  /// head is longer than Limits::head_bytes_max.
  Result<bool> feed(ByteSpan bytes);
  /// The file ended before feed() said true. Errors: invalid_input when that leaves no head.
  Result<void> finish();

  const FileMeta& meta() const { return meta_; }
  /// The head as it came, up to the data set; borrowed from this reader.
  ByteSpan head() const { return ByteSpan(head_).first(meta_.data_set_offset); }
  /// Bytes of the data set that feed() was given already; borrowed from this reader.
  ByteSpan rest() const;

 private:
  Result<bool> advance(bool at_end);

  Limits limits_;
  Bytes head_;
  bool complete_ = false;
  FileMeta meta_;
};

}  // namespace latent::dicom::scanner
