// DICOM objects as tests send and compare them: read from files, or made of a few attributes.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/model/tag.h"
#include "security/base/bytes.h"

namespace latent::test {

/// Values by tag, as text without padding; "US" values as two bytes.
using Attributes = std::map<dicom::model::Tag, std::string>;

struct DicomObject {
  std::filesystem::path file = {};  ///< empty when it was made here
  std::string sop_class, sop_instance, study, series, transfer_syntax;
  Bytes data_set;
  /// The four UIDs were found where the standard wants them.
  bool is_complete = false;
};

/// Reads a file whatever its state: what it does not say stays empty, and the data set is what
/// follows the head. Throws std::runtime_error when it cannot be read or has no head at all.
DicomObject read_object(const std::filesystem::path& file);

/// A small secondary capture (16 x 16, 8 bit) in explicit VR little endian. `attributes` are added
/// to, or replace, what makes it valid.
DicomObject make_object(std::string_view study, std::string_view series, std::string_view instance,
                        const Attributes& attributes);
/// The same object in another native transfer syntax; only for objects without sequences.
DicomObject convert_native(const DicomObject& object, std::string_view transfer_syntax);
/// One of make_object() as if its pixels were compressed: one fragment, which no archive opens.
DicomObject encapsulate(const DicomObject& object, std::string_view transfer_syntax);

/// As a file that any tool reads: zero preamble, group 0002, data set.
void write_file(const DicomObject& object, const std::filesystem::path& file);

/// A flat data set in implicit VR little endian, as identifiers travel here.
Bytes encode_identifier(const Attributes& attributes);
/// Top-level elements of defined length; sequences of undefined length are passed over.
/// Throws std::runtime_error when the bytes are no data set.
Attributes decode_identifier(ByteSpan bytes);

/// A value of the list, or empty text.
std::string value_of(const Attributes& attributes, dicom::model::Tag tag);
/// "a\\b\\c"
std::string joined(const std::vector<std::string>& values);

}  // namespace latent::test
