#include "dicom/json/detail/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <concepts>
#include <utility>

#include "dicom/scanner/byte_order.h"

namespace latent::dicom::json::detail {
namespace {

using model::Vr;
namespace vrs = model::vrs;

/// What a JavaScript number holds without loss (RFC 8259 6).
constexpr std::int64_t kExactIntegerMax = std::int64_t{1} << 53;

void append_base64(std::string& to, ByteSpan bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i)
      to += i <= count ? kDigits[group >> (18 - 6 * i) & 0x3F] : '=';
  }
}

Bytes in_little_endian(const scanner::ElementHead& head, ByteSpan value) {
  Bytes copy(value.begin(), value.end());
  if (head.big_endian) scanner::swap_numbers(copy, model::swap_unit(head.vr));
  return copy;
}

/// `,"Value":[…]`, or nothing when no element is added.
class ValueArray {
 public:
  explicit ValueArray(std::string& to) : to_(to) {}
  ValueArray(const ValueArray&) = delete;
  ValueArray& operator=(const ValueArray&) = delete;
  ~ValueArray() {
    if (!is_empty_) to_ += ']';
  }
  void add(std::string_view json) {
    to_ += std::exchange(is_empty_, false) ? R"(,"Value":[)" : ",";
    to_ += json;
  }

 private:
  std::string& to_;
  bool is_empty_ = true;
};

std::string quoted(std::string_view utf8) {
  std::string json;
  append_string(json, utf8);
  return json;
}

/// A string where JavaScript would lose digits, which F.2.3 allows.
template <std::integral T>
std::string number_text(T number) {
  const bool is_exact = std::cmp_less_equal(number, kExactIntegerMax) &&
                        std::cmp_greater_equal(number, -kExactIntegerMax);
  return is_exact ? fmt::format("{}", number) : fmt::format("\"{}\"", number);
}

/// Shortest digits that read back as the same number. JSON has no NaN and no infinity.
template <std::floating_point T>
std::string number_text(T number) {
  if (std::isnan(number)) return R"("NaN")";
  if (std::isinf(number)) return number > 0 ? R"("Infinity")" : R"("-Infinity")";
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), end};
}

/// A rest shorter than one number is dropped: no reader could say what it means.
template <class T>
void add_numbers(ValueArray& array, ByteSpan little_endian) {
  using Raw = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                 std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
  for (std::size_t at = 0; at + sizeof(T) <= little_endian.size(); at += sizeof(T))
    array.add(number_text(std::bit_cast<T>(load_le<Raw>(little_endian, at))));
}

void add_tags(ValueArray& array, ByteSpan little_endian) {
  for (std::size_t at = 0; at + 4 <= little_endian.size(); at += 4)
    array.add(fmt::format(R"("{:04X}{:04X}")", load_le<std::uint16_t>(little_endian, at),
                          load_le<std::uint16_t>(little_endian, at + 2)));
}

void add_binary_numbers(ValueArray& array, const scanner::ElementHead& head, ByteSpan value) {
  const Bytes bytes = in_little_endian(head, value);
  switch (head.vr) {
    case vrs::kAT:
      return add_tags(array, bytes);
    case vrs::kFD:
      return add_numbers<double>(array, bytes);
    case vrs::kFL:
      return add_numbers<float>(array, bytes);
    case vrs::kSL:
      return add_numbers<std::int32_t>(array, bytes);
    case vrs::kSS:
      return add_numbers<std::int16_t>(array, bytes);
    case vrs::kSV:
      return add_numbers<std::int64_t>(array, bytes);
    case vrs::kUL:
      return add_numbers<std::uint32_t>(array, bytes);
    case vrs::kUS:
      return add_numbers<std::uint16_t>(array, bytes);
    default:
      return add_numbers<std::uint64_t>(array, bytes);
  }
}

bool is_binary_number(Vr vr) {
  return vr == vrs::kAT || vr == vrs::kFD || vr == vrs::kFL || vr == vrs::kSL || vr == vrs::kSS ||
         vr == vrs::kSV || vr == vrs::kUL || vr == vrs::kUS || vr == vrs::kUV;
}

/// One value, in which a backslash is text (PS3.5 6.2).
bool is_single(Vr vr) {
  return vr == vrs::kLT || vr == vrs::kST || vr == vrs::kUR || vr == vrs::kUT;
}

/// Leading spaces mean something in these; in all others padding goes at both ends (PS3.5 6.2).
bool keeps_leading_spaces(Vr vr) { return is_single(vr) || vr == vrs::kUC; }

std::string_view without_padding(std::string_view text, Vr vr) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!text.empty() && is_padding(text.back())) text.remove_suffix(1);
  if (keeps_leading_spaces(vr)) return text;
  while (!text.empty() && is_padding(text.front())) text.remove_prefix(1);
  return text;
}

/// {"Alphabetic":…,"Ideographic":…,"Phonetic":…} of the groups that are there; "null" without any.
std::string person_name(std::string_view utf8) {
  std::string json;
  for (const std::string_view group : {"Alphabetic", "Ideographic", "Phonetic"}) {
    const std::size_t at = utf8.find('=');
    const std::string_view name = without_padding(utf8.substr(0, at), vrs::kPN);
    if (!name.empty())
      json += fmt::format(R"({}"{}":{})", json.empty() ? "{" : ",", group, quoted(name));
    utf8 = at == std::string_view::npos ? std::string_view{} : utf8.substr(at + 1);
  }
  return json.empty() ? "null" : json + "}";
}

std::string text_value(Vr vr, std::string_view utf8) {
  if (vr == vrs::kPN) return person_name(utf8);
  const std::string_view text = without_padding(utf8, vr);
  if (text.empty()) return "null";
  if (vr == vrs::kDS || vr == vrs::kIS)
    if (std::string number = json_number(text); !number.empty()) return number;
  return quoted(text);
}

text::Kind kind_of(Vr vr) {
  if (vr == vrs::kPN) return text::Kind::person_name;
  return is_single(vr) ? text::Kind::text : text::Kind::values;
}

/// The digits at the front, cut from `text`.
std::string_view take_digits(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool is_finite(const std::string& number) {
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  return error == std::errc{} && end == number.data() + number.size() && std::isfinite(value);
}

}  // namespace

void append_string(std::string& to, std::string_view utf8) {
  to += '"';
  for (const char c : utf8) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      to += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      to += c;
    }
  }
  to += '"';
}

std::string json_number(std::string_view decimal) {
  std::string number;
  if (decimal.starts_with('-')) number += '-';
  if (decimal.starts_with('-') || decimal.starts_with('+')) decimal.remove_prefix(1);
  std::string_view whole = take_digits(decimal);
  const bool has_whole = !whole.empty();
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  number += whole.empty() ? "0" : whole;
  std::string_view fraction;
  if (decimal.starts_with('.')) {
    decimal.remove_prefix(1);
    fraction = take_digits(decimal);
    if (!fraction.empty()) number.append(".").append(fraction);
  }
  if (!has_whole && fraction.empty()) return {};
  if (decimal.starts_with('e') || decimal.starts_with('E')) {
    number += 'e';
    decimal.remove_prefix(1);
    if (decimal.starts_with('-')) number += '-';
    if (decimal.starts_with('-') || decimal.starts_with('+')) decimal.remove_prefix(1);
    const std::string_view exponent = take_digits(decimal);
    if (exponent.empty()) return {};
    number += exponent;
  }
  return decimal.empty() && is_finite(number) ? number : std::string{};
}

void append_inline_binary(std::string& to, const scanner::ElementHead& head, ByteSpan value) {
  if (value.empty()) return;
  to += R"(,"InlineBinary":")";
  append_base64(to, in_little_endian(head, value));
  to += '"';
}

void append_value(std::string& to, const scanner::ElementHead& head, ByteSpan value,
                  const text::CharacterSet& character_set) {
  ValueArray array(to);
  if (is_binary_number(head.vr)) return add_binary_numbers(array, head, value);
  const std::string_view bytes = as_text(value);
  if (without_padding(bytes, vrs::kLO).empty()) return;
  const auto add = [&](std::string_view one) {
    array.add(text_value(head.vr, text::decode(one, character_set, kind_of(head.vr)).text));
  };
  if (is_single(head.vr)) return add(bytes);
  for (const std::string_view one : text::split_values(bytes, character_set)) add(one);
}

}  // namespace latent::dicom::json::detail
