// One element's value as JSON members ("Value", "InlineBinary"); nothing at all when it is empty.
#pragma once

#include <string>
#include <string_view>

#include "dicom/scanner/element_reader.h"
#include "dicom/text/character_set.h"
#include "security/base/bytes.h"

namespace latent::dicom::json::detail {

/// A JSON string with its quotes. `utf8` is valid UTF-8.
void append_string(std::string& to, std::string_view utf8);

/// `,"InlineBinary":"…"`, numbers in little endian (PS3.18 F.2.7).
void append_inline_binary(std::string& to, const scanner::ElementHead& head, ByteSpan value);

/// `,"Value":[…]` of every other VR but SQ.
void append_value(std::string& to, const scanner::ElementHead& head, ByteSpan value,
                  const text::CharacterSet& character_set);

/// A decimal string as a JSON number ("+1.50" → "1.50", "007" → "7", ".5" → "0.5"); empty when it
/// is none or beyond what a double holds.
std::string json_number(std::string_view decimal);

}  // namespace latent::dicom::json::detail
