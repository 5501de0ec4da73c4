#include "security/audit/canonical_json.h"

#include <fmt/format.h>

#include <algorithm>

namespace latent::security::audit {
namespace {

constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 53) - 1;

/// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto within = [&](std::size_t i, unsigned low, unsigned high) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return within(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

void append_character(std::string& to, char c) {
  switch (c) {
    case '"':
      to += "\\\"";
      break;
    case '\\':
      to += "\\\\";
      break;
    case '\n':
      to += "\\n";
      break;
    case '\r':
      to += "\\r";
      break;
    case '\t':
      to += "\\t";
      break;
    case '\b':
      to += "\\b";
      break;
    case '\f':
      to += "\\f";
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        to += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        to += c;
      }
  }
}

std::string string_literal(std::string_view text) {
  std::string literal = "\"";
  for (const char c : valid_utf8(text)) append_character(literal, c);
  return literal + '"';
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

CanonicalObject& CanonicalObject::text(std::string_view key, std::string_view value) {
  members_.insert_or_assign(std::string(key), string_literal(value));
  return *this;
}

CanonicalObject& CanonicalObject::texts(std::string_view key, std::span<const std::string> values) {
  std::string array = "[";
  for (const std::string& value : values) {
    if (array.size() > 1) array += ',';
    array += string_literal(value);
  }
  members_.insert_or_assign(std::string(key), array + ']');
  return *this;
}

CanonicalObject& CanonicalObject::integer(std::string_view key, std::int64_t value) {
  members_.insert_or_assign(std::string(key),
                            std::to_string(std::clamp(value, -kIntegerMax, kIntegerMax)));
  return *this;
}

CanonicalObject& CanonicalObject::null(std::string_view key) {
  members_.insert_or_assign(std::string(key), "null");
  return *this;
}

CanonicalObject& CanonicalObject::object(std::string_view key, const CanonicalObject& value) {
  members_.insert_or_assign(std::string(key), value.str());
  return *this;
}

std::string CanonicalObject::str() const {
  std::string json = "{";
  for (const auto& [key, value] : members_) {
    if (json.size() > 1) json += ',';
    json += string_literal(key);
    json += ':';
    json += value;
  }
  return json + '}';
}

}  // namespace latent::security::audit
