// DICOM wild cards `*` and `?` (PS3.4 C.2.2.2.4): for SQL, and in memory.
#pragma once

#include <string>
#include <string_view>

namespace latent::dicom::text {

bool has_wildcard(std::string_view pattern);

/// The same pattern for `LIKE … ESCAPE '\'`: `*` → `%`, `?` → `_`, and the characters that LIKE
/// itself knows taken literally. Runs of `*` become one `%`.
std::string like_pattern(std::string_view pattern);

/// Both are UTF-8; `?` stands for one character, `*` for any number. Case counts: fold both sides
/// first (see collation_key). Iterative; at worst |pattern| × |text| steps.
bool matches_wildcard(std::string_view pattern, std::string_view text);

}  // namespace latent::dicom::text
