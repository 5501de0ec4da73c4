#include "dicom/network/command_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "security/base/identifiers.h"
#include "security/base/limits.h"

namespace latent::dicom::network {

namespace {
constexpr std::size_t kElementHeaderBytes = 8;  // tag (4) and length (4), PS3.5 7.1.3

tl::unexpected<Error> malformed(std::string text) {
  return fail(ErrorCode::invalid_input, "command set: " + std::move(text), "network");
}

std::string_view without_padding(std::string_view text) {
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}
}  // namespace

Result<CommandSet> CommandSet::parse(ByteSpan bytes) {
  if (bytes.size() > Limits{}.command_set_bytes_max)
    return malformed(
        fmt::format("{} bytes, {} are allowed", bytes.size(), Limits{}.command_set_bytes_max));
  CommandSet set;
  set.values_.assign(bytes.begin(), bytes.end());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t left = bytes.size() - at;
    if (left < kElementHeaderBytes)
      return malformed(fmt::format("{} bytes at byte {} are no element", left, at));
    const model::Tag tag{load_le<std::uint16_t>(bytes, at), load_le<std::uint16_t>(bytes, at + 2)};
    const std::uint32_t length = load_le<std::uint32_t>(bytes, at + 4);
    if (tag.group != 0)
      return malformed(fmt::format("element ({:04X},{:04X}) at byte {} is not of group 0000",
                                   tag.group, tag.element, at));
    if (length > left - kElementHeaderBytes)
      return malformed(fmt::format("element (0000,{:04X}) at byte {} claims {} bytes, {} are left",
                                   tag.element, at, length, left - kElementHeaderBytes));
    at += kElementHeaderBytes;
    if (tag.element != command::kGroupLength)
      set.entries_.push_back({tag.element, static_cast<std::uint32_t>(at), length});
    at += length;
  }
  std::stable_sort(set.entries_.begin(), set.entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.element < b.element; });
  const auto twice =
      std::adjacent_find(set.entries_.begin(), set.entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.element == b.element; });
  if (twice != set.entries_.end())
    return malformed(fmt::format("element (0000,{:04X}) stands there twice", twice->element));
  return set;
}

const CommandSet::Entry* CommandSet::find(std::uint16_t element) const {
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), element,
      [](const Entry& entry, std::uint16_t wanted) { return entry.element < wanted; });
  return at != entries_.end() && at->element == element ? &*at : nullptr;
}

ByteSpan CommandSet::bytes(std::uint16_t element) const {
  const Entry* entry = find(element);
  return entry == nullptr ? ByteSpan() : ByteSpan(values_).subspan(entry->offset, entry->length);
}

std::optional<std::uint16_t> CommandSet::u16(std::uint16_t element) const {
  const ByteSpan value = bytes(element);
  if (value.size() != 2) return std::nullopt;
  return load_le<std::uint16_t>(value);
}
std::optional<std::uint32_t> CommandSet::u32(std::uint16_t element) const {
  const ByteSpan value = bytes(element);
  if (value.size() != 4) return std::nullopt;
  return load_le<std::uint32_t>(value);
}
std::optional<std::string_view> CommandSet::text(std::uint16_t element) const {
  const std::string_view value = without_padding(as_text(bytes(element)));
  if (value.empty()) return std::nullopt;
  return value;
}
std::optional<std::string_view> CommandSet::uid(std::uint16_t element) const {
  const auto value = text(element);
  return value && is_uid(*value) ? value : std::nullopt;
}
std::vector<model::Tag> CommandSet::tags(std::uint16_t element) const {
  const ByteSpan value = bytes(element);
  std::vector<model::Tag> tags;
  for (std::size_t at = 0; at + 4 <= value.size(); at += 4)
    tags.push_back({load_le<std::uint16_t>(value, at), load_le<std::uint16_t>(value, at + 2)});
  return tags;
}

void CommandSet::set_bytes(std::uint16_t element, ByteSpan value) {
  erase(element);
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), element,
      [](const Entry& entry, std::uint16_t wanted) { return entry.element < wanted; });
  entries_.insert(at, {element, static_cast<std::uint32_t>(values_.size()),
                       static_cast<std::uint32_t>(value.size())});
  append(values_, value);
}
void CommandSet::set_u16(std::uint16_t element, std::uint16_t value) {
  std::array<std::byte, 2> bytes{};
  store_le(bytes, 0, value);
  set_bytes(element, bytes);
}
void CommandSet::set_u32(std::uint16_t element, std::uint32_t value) {
  std::array<std::byte, 4> bytes{};
  store_le(bytes, 0, value);
  set_bytes(element, bytes);
}
void CommandSet::set_uid(std::uint16_t element, std::string_view uid) {
  std::string padded(uid);
  if (padded.size() % 2 == 1) padded.push_back('\0');
  set_bytes(element, as_bytes(padded));
}
void CommandSet::set_text(std::uint16_t element, std::string_view text) {
  std::string padded(text);
  if (padded.size() % 2 == 1) padded.push_back(' ');
  set_bytes(element, as_bytes(padded));
}
void CommandSet::set_tags(std::uint16_t element, const std::vector<model::Tag>& tags) {
  Bytes value;
  for (const model::Tag tag : tags) {
    append_le(value, tag.group);
    append_le(value, tag.element);
  }
  set_bytes(element, value);
}
void CommandSet::erase(std::uint16_t element) {
  // The value's bytes stay behind unused: a command is short-lived and small.
  std::erase_if(entries_, [&](const Entry& entry) { return entry.element == element; });
}

Bytes CommandSet::encode() const {
  std::uint32_t length = 0;
  for (const Entry& entry : entries_)
    length += static_cast<std::uint32_t>(kElementHeaderBytes) + entry.length;
  Bytes out;
  out.reserve(kElementHeaderBytes + 4 + length);
  append_le(out, std::uint16_t{0});
  append_le(out, command::kGroupLength);
  append_le(out, std::uint32_t{4});
  append_le(out, length);
  for (const Entry& entry : entries_) {
    append_le(out, std::uint16_t{0});
    append_le(out, entry.element);
    append_le(out, entry.length);
    append(out, ByteSpan(values_).subspan(entry.offset, entry.length));
  }
  return out;
}

}  // namespace latent::dicom::network
