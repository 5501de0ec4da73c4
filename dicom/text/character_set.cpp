#include "dicom/text/character_set.h"

#include <algorithm>
#include <charconv>

#include "dicom/text/detail/escape.h"
#include "dicom/text/detail/tables.h"
#include "dicom/text/detail/utf8.h"

namespace latent::dicom::text {
namespace {

using detail::kEscape;

/// "iso_ir 100 " → "ISOIR100": what real files vary is case, spaces, underscores and hyphens.
std::string squeezed(std::string_view term) {
  std::string kept;
  for (const char c : term.substr(0, 64)) {
    if (c >= 'a' && c <= 'z') kept += static_cast<char>(c - 'a' + 'A');
    if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) kept += c;
  }
  return kept;
}

Repertoire repertoire_of(int iso_ir) {
  switch (iso_ir) {
    case 6:
      return Repertoire::ascii;
    case 13:
      return Repertoire::katakana;
    case 14:
      return Repertoire::jis_roman;
    case 58:
      return Repertoire::chinese;
    case 87:
      return Repertoire::jis_kanji;
    case 100:
      return Repertoire::latin1;
    case 101:
      return Repertoire::latin2;
    case 109:
      return Repertoire::latin3;
    case 110:
      return Repertoire::latin4;
    case 126:
      return Repertoire::greek;
    case 127:
      return Repertoire::arabic;
    case 138:
      return Repertoire::hebrew;
    case 144:
      return Repertoire::cyrillic;
    case 148:
      return Repertoire::latin5;
    case 149:
      return Repertoire::korean;
    case 159:
      return Repertoire::jis_extra;
    case 166:
      return Repertoire::thai;
    case 203:
      return Repertoire::latin9;
    default:
      return Repertoire::none;
  }
}

bool is_g0(Repertoire repertoire) {
  return repertoire == Repertoire::ascii || repertoire == Repertoire::jis_roman ||
         repertoire == Repertoire::jis_kanji || repertoire == Repertoire::jis_extra;
}

/// The number behind "IR", or -1.
int registration_of(std::string_view squeezed_term) {
  const std::size_t at = squeezed_term.rfind("IR");
  if (at == std::string_view::npos) return -1;
  const std::string_view digits = squeezed_term.substr(at + 2);
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc{} && end == digits.data() + digits.size() ? number : -1;
}

std::string_view next_term(std::string_view& rest) {
  const std::size_t at = rest.find('\\');
  const std::string_view term = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return term;
}

std::string trimmed(std::string_view text) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!text.empty() && is_padding(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_padding(text.front())) text.remove_prefix(1);
  return std::string(text);
}

constexpr std::size_t kTermsMax = 16;  // more than the standard has

}  // namespace

void CharacterSet::take_term(std::string_view term, bool first) {
  const std::string name = squeezed(term);
  const int number = registration_of(name);
  if (number == 192 || name == "UTF8" || name == "GB18030" || name == "GBK") {
    if (!first) return;  // they stand alone (PS3.3 C.12.1.1.2)
    base_ = name == "GBK" ? Base::gbk : name == "GB18030" ? Base::gb18030 : Base::utf8;
    declared_ = true;
    return;
  }
  const Repertoire repertoire = repertoire_of(number);
  if (repertoire == Repertoire::none || repertoire == Repertoire::ascii) return;
  declared_ = true;
  if (first && (repertoire == Repertoire::katakana || repertoire == Repertoire::jis_roman))
    g0_ = Repertoire::jis_roman;
  if (is_g0(repertoire)) return;
  // A double-byte set may not come first (PS3.3 C.12.1.1.2), but stands there alone in real files,
  // and then without escapes.
  if (first) g1_ = repertoire;
  if (likely_g1_ == Repertoire::none) likely_g1_ = repertoire;
}

CharacterSet CharacterSet::parse(std::string_view value, std::string_view assumed) {
  CharacterSet set;
  std::string_view rest = value;
  for (std::size_t i = 0; i < kTermsMax && !rest.empty(); ++i)
    set.take_term(next_term(rest), i == 0);
  if (set.declared_) set.term_ = trimmed(value);
  if (set.declared_ || assumed.empty()) return set;
  // Text outside ASCII under the default repertoire or an unknown term breaks the rules anyhow:
  // then the operator's word counts.
  CharacterSet fallback = parse(assumed);
  fallback.declared_ = false;
  return fallback;
}

namespace {

/// Decodes with code extensions: two designations that begin anew behind each delimiter.
class Iso2022Decoder {
 public:
  Iso2022Decoder(const CharacterSet& set, Kind kind, Repertoire guess, Decoded& out)
      : set_(set), kind_(kind), guess_(guess), out_(out) {
    reset();
  }

  void run(std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size();) at += take(bytes.substr(at));
  }

 private:
  void reset() {
    g0_ = set_.g0();
    g1_ = set_.g1();
  }

  void put(char32_t character) {
    if (character == detail::kReplacement) out_.was_lossy = true;
    detail::append_utf8(out_.text, character);
  }

  /// Decodes what stands first and tells how many bytes that were.
  std::size_t take(std::string_view bytes) {
    const unsigned byte = static_cast<unsigned char>(bytes.front());
    if (bytes.front() == kEscape) return take_escape(bytes);
    if (byte >= 0x80) return take_right(bytes, byte);
    if (byte <= 0x20 || byte == 0x7F) return take_control(byte);
    if (detail::is_double_byte(g0_)) return take_pair(g0_, bytes);
    if (is_delimiter(byte)) {
      reset();
      put(byte);
    } else {
      put(detail::character_of(g0_, byte));
    }
    return 1;
  }

  bool is_delimiter(unsigned byte) const {
    if (byte == '\\') return kind_ != Kind::text;
    return kind_ == Kind::person_name && (byte == '^' || byte == '=');
  }

  std::size_t take_control(unsigned byte) {
    if (byte != ' ') reset();
    put(byte == 0 ? detail::kReplacement : byte);
    return 1;
  }

  std::size_t take_escape(std::string_view bytes) {
    const detail::Escape* escape = detail::escape_at(bytes);
    if (escape == nullptr) {
      put(detail::kReplacement);
      return 1;
    }
    (escape->is_g1 ? g1_ : g0_) = escape->repertoire;
    return 1 + escape->sequence.size();
  }

  std::size_t take_right(std::string_view bytes, unsigned byte) {
    Repertoire repertoire = g1_;
    if (repertoire == Repertoire::none) {
      repertoire = guess_;
      out_.was_guessed = true;
    }
    if (detail::is_double_byte(repertoire)) return take_pair(repertoire, bytes);
    if (byte < 0xA0) {
      const bool is_latin1 = repertoire == Repertoire::latin1;
      put(is_latin1 ? detail::windows_latin1_of(byte) : detail::kReplacement);
      out_.was_guessed = out_.was_guessed || is_latin1;
    } else {
      put(detail::character_of(repertoire, byte));
    }
    return 1;
  }

  std::size_t take_pair(Repertoire repertoire, std::string_view bytes) {
    const auto half = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]) & 0x80u; };
    const bool is_pair = bytes.size() >= 2 && half(0) == half(1) && bytes[1] != kEscape &&
                         (static_cast<unsigned char>(bytes[1]) & 0x7F) > 0x20;
    if (!is_pair) {
      put(detail::kReplacement);
      return 1;
    }
    put(detail::character_of(repertoire, static_cast<unsigned char>(bytes[0]),
                             static_cast<unsigned char>(bytes[1])));
    return 2;
  }

  const CharacterSet& set_;
  Kind kind_;
  Repertoire guess_;
  Decoded& out_;
  Repertoire g0_ = Repertoire::ascii;
  Repertoire g1_ = Repertoire::none;
};

bool is_plain_ascii(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return static_cast<unsigned char>(c) - 1u < 0x7F && c != kEscape;
  });
}

void decode_utf8(std::string_view bytes, Decoded& out) {
  for (std::size_t at = 0; at < bytes.size();) {
    const detail::Utf8Character character = detail::utf8_at(bytes, at);
    const bool is_readable = character.is_valid && character.value != 0;
    detail::append_utf8(out.text, is_readable ? character.value : char32_t{detail::kReplacement});
    out.was_lossy = out.was_lossy || !is_readable;
    at += character.length;
  }
}

void decode_chinese(const char* icu_name, std::string_view bytes, Decoded& out) {
  const std::optional<std::string> utf8 = detail::to_utf8(icu_name, bytes);
  // The second pass takes out NUL; without a converter it keeps what is ASCII.
  decode_utf8(utf8 ? std::string_view(*utf8) : bytes, out);
  out.was_lossy = out.was_lossy || out.text.find("\xEF\xBF\xBD") != std::string::npos;
}

}  // namespace

Decoded decode(std::string_view bytes, const CharacterSet& set, Kind kind) {
  while (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  Decoded out;
  if (is_plain_ascii(bytes) && set.g0() == Repertoire::ascii) {
    out.text = bytes;
    return out;
  }
  switch (set.base()) {
    case CharacterSet::Base::utf8:
      decode_utf8(bytes, out);
      break;
    case CharacterSet::Base::gb18030:
      decode_chinese("gb18030", bytes, out);
      break;
    case CharacterSet::Base::gbk:
      decode_chinese("GBK", bytes, out);
      break;
    case CharacterSet::Base::iso2022: {
      const bool is_open = set.g1() == Repertoire::none && bytes.find(kEscape) == bytes.npos;
      if (is_open && detail::is_utf8(bytes)) {
        decode_utf8(bytes, out);
        out.was_guessed = !is_plain_ascii(bytes);
        break;
      }
      const Repertoire likely = set.likely_g1();
      const Repertoire guess = likely == Repertoire::none ? Repertoire::latin1 : likely;
      Iso2022Decoder(set, kind, guess, out).run(bytes);
      break;
    }
  }
  if (!set.is_declared() && !is_plain_ascii(bytes)) out.was_guessed = true;
  return out;
}

namespace {

/// GB18030 and GBK: one, two or four bytes.
std::size_t chinese_length(std::string_view bytes) {
  const unsigned lead = static_cast<unsigned char>(bytes.front());
  if (lead < 0x81 || lead == 0xFF || bytes.size() < 2) return 1;
  const unsigned second = static_cast<unsigned char>(bytes[1]);
  if (second >= 0x30 && second <= 0x39) return std::min<std::size_t>(4, bytes.size());
  return second >= 0x40 ? 2 : 1;
}

/// Bytes of the character or escape that stands first. An escape changes `g0`.
std::size_t unit_length(std::string_view bytes, CharacterSet::Base base, Repertoire& g0) {
  if (base == CharacterSet::Base::gb18030 || base == CharacterSet::Base::gbk)
    return chinese_length(bytes);
  if (bytes.front() == kEscape) {
    const detail::Escape* escape = detail::escape_at(bytes);
    if (escape == nullptr) return 1;
    if (!escape->is_g1) g0 = escape->repertoire;
    return 1 + escape->sequence.size();
  }
  const bool is_pair =
      detail::is_double_byte(g0) && bytes.size() >= 2 && bytes[0] > ' ' && bytes[1] > ' ';
  return is_pair ? 2 : 1;
}

}  // namespace

std::vector<std::string_view> split_values(std::string_view bytes, const CharacterSet& set) {
  std::vector<std::string_view> values;
  if (bytes.empty()) return values;
  Repertoire g0 = set.g0();
  std::size_t start = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = unit_length(bytes.substr(at), set.base(), g0);
    if (length == 1 && bytes[at] == '\\') {
      values.push_back(bytes.substr(start, at - start));
      start = at + 1;
      g0 = set.g0();
    }
    at += length;
  }
  values.push_back(bytes.substr(start));
  return values;
}

std::optional<std::string> encode(std::string_view utf8, const CharacterSet& set) {
  if (!detail::is_utf8(utf8)) return std::nullopt;
  switch (set.base()) {
    case CharacterSet::Base::utf8:
      return std::string(utf8);
    case CharacterSet::Base::gb18030:
      return detail::from_utf8("gb18030", utf8);
    case CharacterSet::Base::gbk:
      return detail::from_utf8("GBK", utf8);
    case CharacterSet::Base::iso2022:
      break;
  }
  std::string bytes;
  for (std::size_t at = 0; at < utf8.size();) {
    const detail::Utf8Character character = detail::utf8_at(utf8, at);
    at += character.length;
    if (character.value < 0x80) {
      bytes += static_cast<char>(character.value);
      continue;
    }
    const std::optional<char> byte = detail::byte_of(set.g1(), character.value);
    if (!byte) return std::nullopt;
    bytes += *byte;
  }
  return bytes;
}

CharacterSet choose_reply_character_set(std::span<const std::string> values) {
  const auto fits = [&](const CharacterSet& set) {
    return std::all_of(values.begin(), values.end(),
                       [&](const std::string& value) { return encode(value, set).has_value(); });
  };
  if (const CharacterSet ascii; fits(ascii)) return ascii;
  if (const CharacterSet latin1 = CharacterSet::parse("ISO_IR 100"); fits(latin1)) return latin1;
  return CharacterSet::parse("ISO_IR 192");
}

}  // namespace latent::dicom::text
