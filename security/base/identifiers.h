// Identifiers as types: checked once when made, never mixed up, no heap.
// A UID that passed here is safe to use as a key; it still never becomes a file name.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "security/base/bytes.h"

namespace latent {

/// PS3.5 9.1: at most 64 characters, components of digits separated by single dots.
/// Leading zeros in a component are wrong by the standard but sent by real equipment; they cannot
/// do harm, so they are kept as they came (has_leading_zero tells).
constexpr bool is_uid(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  bool in_component = false;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      in_component = true;
    } else if (c == '.' && in_component) {
      in_component = false;
    } else {
      return false;
    }
  }
  return in_component;
}
constexpr bool has_leading_zero(std::string_view uid) {
  for (std::size_t i = 0; i + 1 < uid.size(); ++i)
    if (uid[i] == '0' && (i == 0 || uid[i - 1] == '.') && uid[i + 1] != '.') return true;
  return false;
}

/// A UID of one kind. `Kind` is an empty tag type that keeps the kinds apart.
template <class Kind>
class Uid {
 public:
  /// Accepts the padding that PS3.5 allows (one trailing NUL) or that devices send (spaces).
  static constexpr std::optional<Uid> parse(std::string_view text) {
    while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.remove_suffix(1);
    if (!is_uid(text)) return std::nullopt;
    Uid uid;
    uid.length_ = static_cast<std::uint8_t>(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) uid.text_[i] = text[i];
    return uid;
  }
  constexpr std::string_view text() const { return {text_.data(), length_}; }
  std::string str() const { return std::string(text()); }

  friend constexpr bool operator==(const Uid& a, const Uid& b) { return a.text() == b.text(); }
  friend constexpr auto operator<=>(const Uid& a, const Uid& b) { return a.text() <=> b.text(); }

 private:
  constexpr Uid() = default;
  std::array<char, 64> text_{};
  std::uint8_t length_ = 0;
};

using StudyUid = Uid<struct StudyKind>;
using SeriesUid = Uid<struct SeriesKind>;
using InstanceUid = Uid<struct InstanceKind>;
using SopClassUid = Uid<struct SopClassKind>;
using TransferSyntaxUid = Uid<struct TransferSyntaxKind>;

static_assert(InstanceUid::parse("1.2.840.10008.1.1").has_value());
static_assert(InstanceUid::parse(std::string_view("1.2\0", 4)).has_value());
static_assert(!InstanceUid::parse("1..2").has_value());
static_assert(!InstanceUid::parse("../../evil").has_value());

/// PS3.5 6.2, VR AE: 1 to 16 printable ASCII characters without backslash, outer spaces cut off.
class AeTitle {
 public:
  static constexpr std::optional<AeTitle> parse(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
    if (text.empty() || text.size() > 16) return std::nullopt;
    AeTitle title;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] < 0x20 || text[i] > 0x7E || text[i] == '\\') return std::nullopt;
      title.text_[i] = text[i];
    }
    title.length_ = static_cast<std::uint8_t>(text.size());
    return title;
  }
  constexpr std::string_view text() const { return {text_.data(), length_}; }
  std::string str() const { return std::string(text()); }
  friend constexpr bool operator==(const AeTitle& a, const AeTitle& b) { return a.text() == b.text(); }
  friend constexpr auto operator<=>(const AeTitle& a, const AeTitle& b) { return a.text() <=> b.text(); }

 private:
  constexpr AeTitle() = default;
  std::array<char, 16> text_{};
  std::uint8_t length_ = 0;
};

/// Fixed-size opaque bytes of one kind: random identifiers that say nothing about the patient.
template <class Kind, std::size_t Size>
struct OpaqueId {
  std::array<std::byte, Size> bytes{};

  static std::optional<OpaqueId> from(ByteSpan raw) {
    if (raw.size() != Size) return std::nullopt;
    OpaqueId id;
    std::memcpy(id.bytes.data(), raw.data(), Size);
    return id;
  }
  ByteSpan span() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  friend bool operator==(const OpaqueId&, const OpaqueId&) = default;
  friend auto operator<=>(const OpaqueId&, const OpaqueId&) = default;
};

using BlobId = OpaqueId<struct BlobKind, 16>;    ///< one sealed blob
using KeyId = OpaqueId<struct KeyKind, 16>;      ///< one entry of the key ring
using RootId = OpaqueId<struct RootKind, 16>;    ///< derived from a root key, formats.md §1
using StoreId = OpaqueId<struct StoreKind, 8>;   ///< this archive, made with it
using EventId = OpaqueId<struct EventKind, 16>;  ///< one audit event
using Digest = OpaqueId<struct DigestKind, 32>;  ///< a SHA-256

}  // namespace latent

template <class Kind>
struct std::hash<latent::Uid<Kind>> {
  std::size_t operator()(const latent::Uid<Kind>& uid) const noexcept {
    return std::hash<std::string_view>()(uid.text());
  }
};
template <class Kind, std::size_t Size>
struct std::hash<latent::OpaqueId<Kind, Size>> {
  std::size_t operator()(const latent::OpaqueId<Kind, Size>& id) const noexcept {
    return std::hash<std::string_view>()(latent::as_text(id.bytes));
  }
};
