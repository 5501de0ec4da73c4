// Bytes as spans, and the few conversions between bytes, text, integers and hexadecimal digits.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace latent {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;
using Bytes = std::vector<std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline void append(Bytes& to, ByteSpan more) { to.insert(to.end(), more.begin(), more.end()); }

static_assert(std::endian::native == std::endian::little, "formats are written on little-endian CPUs");

/// Reads an integer at `offset`; the caller has checked that it lies inside.
template <std::unsigned_integral T>
T load_le(ByteSpan bytes, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}
template <std::unsigned_integral T>
T load_be(ByteSpan bytes, std::size_t offset = 0) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value = static_cast<T>(value << 8 | std::to_integer<T>(bytes[offset + i]));
  return value;
}
template <std::unsigned_integral T>
void store_le(MutableByteSpan bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}
template <std::unsigned_integral T>
void append_le(Bytes& to, T value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof value);
  std::memcpy(to.data() + at, &value, sizeof value);
}
template <std::unsigned_integral T>
void append_be(Bytes& to, T value) {
  for (std::size_t i = sizeof value; i-- > 0;)
    to.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFF));
}

/// Lower-case hexadecimal digits.
std::string to_hex(ByteSpan bytes);
/// Nothing when the text is not an even number of hexadecimal digits.
std::optional<Bytes> from_hex(std::string_view text);

}  // namespace latent
