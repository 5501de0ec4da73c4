// Canonical JSON: RFC 8785 restricted to objects, arrays, strings, integers below 2^53 and null,
// with ASCII keys (formats.md §5). The same bytes as Python's
// json.dumps(sort_keys=True, separators=(",", ":"), ensure_ascii=False), so that a commitment made
// here verifies anywhere.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace latent::security::audit {

class CanonicalObject {
 public:
  /// Whatever is not UTF-8 becomes U+FFFD: the text must be valid and must not be refused later.
  CanonicalObject& text(std::string_view key, std::string_view value);
  CanonicalObject& texts(std::string_view key, std::span<const std::string> values);
  /// Beyond ±(2^53 - 1), which JSON readers cannot hold exactly, it stops at that bound.
  CanonicalObject& integer(std::string_view key, std::int64_t value);
  CanonicalObject& null(std::string_view key);
  CanonicalObject& object(std::string_view key, const CanonicalObject& value);
  std::string str() const;

 private:
  std::map<std::string, std::string, std::less<>> members_;  ///< value already encoded
};

/// The bytes with everything that is not UTF-8 replaced by U+FFFD (no surrogates, no overlong
/// forms, nothing above U+10FFFF).
std::string valid_utf8(std::string_view text);

}  // namespace latent::security::audit
