#include "dicom/scanner/detail/element_head.h"

#include <array>

#include "dicom/model/dictionary.h"

namespace latent::dicom::scanner::detail {
namespace {

using model::Tag;
using model::Vr;

constexpr std::uint32_t kUndefined = 0xFFFFFFFF;

std::uint16_t load16(ByteSpan bytes, std::size_t at, bool big) {
  return big ? load_be<std::uint16_t>(bytes, at) : load_le<std::uint16_t>(bytes, at);
}
std::uint32_t load32(ByteSpan bytes, std::size_t at, bool big) {
  return big ? load_be<std::uint32_t>(bytes, at) : load_le<std::uint32_t>(bytes, at);
}

Vr written_vr(ByteSpan bytes) {
  return model::make_vr(static_cast<char>(bytes[4]), static_cast<char>(bytes[5]));
}
bool is_upper(std::byte b) { return b >= std::byte{'A'} && b <= std::byte{'Z'}; }
bool is_printable_or_nul(std::byte b) {
  return b == std::byte{0} || (b >= std::byte{0x20} && b <= std::byte{0x7E});
}

DecodedHead implicit_head(ByteSpan bytes, Tag tag, bool big) {
  DecodedHead head;
  head.status = DecodedHead::Status::ok;
  head.tag = tag;
  head.vr = model::vr_of(tag);
  head.length = load32(bytes, 4, big);
  head.implicit_form = true;
  return head;
}

DecodedHead long_head(ByteSpan bytes, Tag tag, Vr vr, bool big) {
  DecodedHead head;
  head.tag = tag;
  head.vr = vr;
  head.head_bytes = kHeadBytesMax;
  if (bytes.size() < kHeadBytesMax) return head;
  head.status = DecodedHead::Status::ok;
  head.length = load32(bytes, 8, big);
  return head;
}

DecodedHead short_head(ByteSpan bytes, Tag tag, Vr vr, bool big) {
  DecodedHead head;
  head.status = DecodedHead::Status::ok;
  head.tag = tag;
  head.vr = vr;
  head.length = load16(bytes, 6, big);
  return head;
}

/// Letters that no edition of the standard knows. New VRs are promised to have the long form
/// (PS3.5 6.2, CP-1066 era), with two zero bytes behind the letters; anything else there can only
/// be the length of the short form.
DecodedHead unknown_letters_head(ByteSpan bytes, Tag tag, Vr vr, bool big) {
  DecodedHead head =
      load16(bytes, 6, big) == 0 ? long_head(bytes, tag, vr, big) : short_head(bytes, tag, vr, big);
  head.note = "unknown VR";
  return head;
}

/// No letters where the VR should be. Either the element was written in implicit form (its 4-byte
/// length stands there), or the VR is filler ("??", NUL) with a 2-byte length behind it.
DecodedHead no_letters_head(ByteSpan bytes, Tag tag, bool big) {
  const bool filler = is_printable_or_nul(bytes[4]) && is_printable_or_nul(bytes[5]);
  const std::uint32_t as_length = load32(bytes, 4, big);
  const bool small = as_length <= 0xFFFF;
  if (small || as_length == kUndefined) {
    DecodedHead head = implicit_head(bytes, tag, big);
    head.note = "element in implicit form amid explicit ones";
    return head;
  }
  if (!filler) return {.status = DecodedHead::Status::bad, .tag = tag};
  DecodedHead head = short_head(bytes, tag, model::vrs::kUN, big);
  head.note = "filler in place of the VR";
  return head;
}

/// A VR that a careful writer may give to a tag whose dictionary VR is `listed`.
bool vr_fits(Vr written, Vr listed) {
  using namespace model::vrs;
  if (written == listed || written == kUN) return true;
  const bool both_words = (listed == kUS || listed == kSS || listed == kOW || listed == kOB) &&
                          (written == kUS || written == kSS || written == kOW || written == kOB);
  return both_words;
}

}  // namespace

Syntax syntax_of(model::Encoding encoding) {
  switch (encoding) {
    case model::Encoding::implicit_little:
      return {.explicit_vr = false, .big_endian = false};
    case model::Encoding::explicit_big:
      return {.explicit_vr = true, .big_endian = true};
    case model::Encoding::explicit_little:
    case model::Encoding::deflated_explicit_little:
      break;
  }
  return {.explicit_vr = true, .big_endian = false};
}

DecodedHead decode_head(ByteSpan bytes, Syntax syntax) {
  if (bytes.size() < kHeadBytesMin) return {};
  const bool big = syntax.big_endian;
  const Tag tag{load16(bytes, 0, big), load16(bytes, 2, big)};
  if (tag.group == 0xFFFE) {  // Items and delimiters carry no VR in any encoding (PS3.5 7.5).
    DecodedHead head = implicit_head(bytes, tag, big);
    head.vr = {};
    return head;
  }
  if (!syntax.explicit_vr) return implicit_head(bytes, tag, big);
  if (!is_upper(bytes[4]) || !is_upper(bytes[5])) return no_letters_head(bytes, tag, big);
  const Vr vr = written_vr(bytes);
  if (!model::is_known(vr)) return unknown_letters_head(bytes, tag, vr, big);
  return model::has_long_length(vr) ? long_head(bytes, tag, vr, big)
                                    : short_head(bytes, tag, vr, big);
}

bool is_certain_head(ByteSpan bytes, Syntax syntax) {
  if (bytes.size() < kHeadBytesMin) return false;
  const bool big = syntax.big_endian;
  const Tag tag{load16(bytes, 0, big), load16(bytes, 2, big)};
  if (tag.group == 0xFFFE) return false;
  const bool group_length = tag.is_group_length() && tag.group > 0 && tag.group <= 0x0010;
  const auto entry = model::find(tag);
  if (!entry && !group_length) return false;
  const Vr listed = group_length ? model::vrs::kUL : entry->vr;
  const Vr written = written_vr(bytes);
  const bool letters = is_upper(bytes[4]) && is_upper(bytes[5]);
  if (!syntax.explicit_vr) {
    const std::uint32_t length = load32(bytes, 4, big);
    return !letters && (length <= 0xFFFF || (length == kUndefined && listed == model::vrs::kSQ));
  }
  return letters && vr_fits(written, listed);
}

Syntax detect_syntax(ByteSpan bytes, Syntax declared) {
  if (is_certain_head(bytes, declared)) return declared;
  constexpr std::array<Syntax, 4> kAll = {Syntax{true, false}, Syntax{false, false},
                                          Syntax{true, true}, Syntax{false, true}};
  for (const Syntax candidate : kAll)
    if (is_certain_head(bytes, candidate)) return candidate;
  return declared;
}

}  // namespace latent::dicom::scanner::detail
