// Data sets as bytes, made by the tests themselves and deliberately without the writer: what a test
// of the reader needs is mostly wrong in one place.
#pragma once

#include <zlib.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "dicom/model/tag.h"
#include "dicom/model/vr.h"
#include "security/base/bytes.h"

namespace latent::dicom::scanner::made {

using model::Tag;

inline constexpr std::uint32_t kUndefined = 0xFFFFFFFF;

inline Bytes bytes_of(std::string_view text) {
  const ByteSpan span = as_bytes(text);
  return {span.begin(), span.end()};
}
inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) append(all, part);
  return all;
}
inline Bytes le16(std::uint16_t value) {
  Bytes bytes;
  append_le(bytes, value);
  return bytes;
}
inline Bytes le32(std::uint32_t value) {
  Bytes bytes;
  append_le(bytes, value);
  return bytes;
}

/// An explicit VR little endian header with any letters and any length.
inline Bytes head(Tag tag, std::string_view vr, std::uint32_t length) {
  Bytes bytes = joined({le16(tag.group), le16(tag.element), bytes_of(vr)});
  const model::Vr known = model::make_vr(vr[0], vr[1]);
  if (model::has_long_length(known))
    append(bytes, joined({le16(0), le32(length)}));
  else
    append(bytes, le16(static_cast<std::uint16_t>(length)));
  return bytes;
}
inline Bytes element(Tag tag, std::string_view vr, const Bytes& value) {
  return joined({head(tag, vr, static_cast<std::uint32_t>(value.size())), value});
}
inline Bytes element(Tag tag, std::string_view vr, std::string_view value) {
  return element(tag, vr, bytes_of(value));
}
inline Bytes implicit_head(Tag tag, std::uint32_t length) {
  return joined({le16(tag.group), le16(tag.element), le32(length)});
}
inline Bytes implicit_element(Tag tag, const Bytes& value) {
  return joined({implicit_head(tag, static_cast<std::uint32_t>(value.size())), value});
}
inline Bytes implicit_element(Tag tag, std::string_view value) {
  return implicit_element(tag, bytes_of(value));
}

inline Bytes item(const Bytes& content) { return implicit_element({0xFFFE, 0xE000}, content); }
inline Bytes open_item() { return implicit_head({0xFFFE, 0xE000}, kUndefined); }
inline Bytes item_end() { return implicit_head({0xFFFE, 0xE00D}, 0); }
inline Bytes sequence_end() { return implicit_head({0xFFFE, 0xE0DD}, 0); }
inline Bytes sequence(Tag tag, const Bytes& items) { return element(tag, "SQ", items); }
inline Bytes open_sequence(Tag tag) { return head(tag, "SQ", kUndefined); }

inline Bytes nested(unsigned depth) {
  Bytes all;
  for (unsigned i = 0; i < depth; ++i)
    append(all, joined({open_sequence({8, 0x1140}), open_item()}));
  for (unsigned i = 0; i < depth; ++i) append(all, joined({item_end(), sequence_end()}));
  return all;
}
inline Bytes nested_defined(unsigned depth) {
  Bytes all;
  for (unsigned i = 0; i < depth; ++i) all = sequence({8, 0x1140}, item(all));
  return all;
}

struct Identity {
  std::string sop_class = "1.2.840.10008.5.1.4.1.1.7";
  std::string sop_instance = "2.25.1";
  std::string study = "2.25.2";
  std::string series = "2.25.3";
};

/// A whole small object; `pixels` may be any element of group 7FE0.
inline Bytes object(const Identity& identity, const Bytes& extra, const Bytes& pixels) {
  const auto uid = [](Tag tag, std::string text) {
    if (text.size() % 2 != 0) text.push_back('\0');
    return text.empty() ? Bytes() : element(tag, "UI", text);
  };
  return joined({uid({8, 0x16}, identity.sop_class), uid({8, 0x18}, identity.sop_instance),
                 element({0x10, 0x10}, "PN", "Made^By^Test"), uid({0x20, 0xD}, identity.study),
                 uid({0x20, 0xE}, identity.series), extra, pixels});
}
inline Bytes object(const Bytes& extra = {}) {
  return object({}, extra, element({0x7FE0, 0x10}, "OW", std::string(64, 'p')));
}

inline Bytes deflated(const Bytes& plain, int window_bits = -MAX_WBITS) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(deflateBound(&stream, plain.size()) + 32);
  Bytes input = plain;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace latent::dicom::scanner::made
