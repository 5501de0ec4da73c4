// The repertoires as flat tables of UTF-16 units, filled from ICU at first use.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dicom/text/character_set.h"

namespace latent::dicom::text::detail {

inline constexpr char16_t kReplacement = 0xFFFD;

/// True for the sets of 94×94 characters.
bool is_double_byte(Repertoire repertoire);
/// The character of a byte 0x20–0x7F (its high bit is ignored); U+FFFD where the set has none.
char16_t character_of(Repertoire repertoire, unsigned byte);
/// The same for two bytes, both 0x21–0x7E without their high bits.
char16_t character_of(Repertoire repertoire, unsigned first, unsigned second);
/// The byte 0xA0–0xFF of a character in a single-byte set.
std::optional<char> byte_of(Repertoire repertoire, char32_t character);
/// Windows-1252 of 0x80–0x9F, which ISO 8859-1 leaves to control characters and which real
/// equipment writes all the same; U+FFFD for its five holes.
char16_t windows_latin1_of(unsigned byte);

/// Whole-text converters of ICU ("gb18030", "GBK"): to UTF-8 with U+FFFD for the unreadable, and
/// back. Nothing when ICU lacks the converter, and on the way back when a character has no place.
std::optional<std::string> to_utf8(const char* icu_name, std::string_view bytes);
std::optional<std::string> from_utf8(const char* icu_name, std::string_view utf8);

}  // namespace latent::dicom::text::detail
