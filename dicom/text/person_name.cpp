#include "dicom/text/person_name.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

namespace latent::dicom::text {
namespace {

constexpr std::size_t kKeyBytesMax = 4096;
constexpr std::size_t kWordsMax = 32;

/// NFKC may make 18 characters of one, so input is cut well before the key's own limit.
constexpr std::size_t kKeyInputBytesMax = kKeyBytesMax;

std::string_view trimmed(std::string_view text) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0' || c == '\t'; };
  while (!text.empty() && is_padding(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_padding(text.front())) text.remove_prefix(1);
  return text;
}

void append_word(std::string& to, std::string_view more) {
  if (more.empty()) return;
  if (!to.empty()) to += ' ';
  to += more;
}

void add_components(NameGroup& group, std::string_view text) {
  for (std::size_t i = 0;; ++i) {
    const std::size_t at = text.find('^');
    append_word(group.components[std::min(i, group.components.size() - 1)],
                trimmed(text.substr(0, at)));
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + 1);
  }
}

/// Joins with `separator`, leaving out empty parts at the end.
template <class Parts>
std::string joined(const Parts& parts, char separator) {
  std::string text;
  for (const std::string& part : parts) {
    text += part;
    text += separator;
  }
  text.erase(text.find_last_not_of(separator) + 1);
  return text;
}

/// Accents and the like: marks over Latin, Greek and Cyrillic letters, Hebrew points, Arabic
/// vowels. Combining marks of other scripts are part of the word.
bool is_accent(UChar32 c) {
  return (c >= 0x0300 && c <= 0x036F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
         (c >= 0x1DC0 && c <= 0x1DFF) || (c >= 0x20D0 && c <= 0x20FF) ||
         (c >= 0xFE20 && c <= 0xFE2F) || (c >= 0x0591 && c <= 0x05C7) ||
         (c >= 0x064B && c <= 0x065F) || c == 0x0670;
}

/// Letters that Unicode does not take apart, folded already; null for all others.
const char* spelled_out(UChar32 c) {
  switch (c) {
    case 0x00E6:
      return "ae";
    case 0x00F0:
      return "d";
    case 0x00F8:
      return "o";
    case 0x00FE:
      return "th";
    case 0x0111:
      return "d";
    case 0x0127:
      return "h";
    case 0x0131:
      return "i";
    case 0x0142:
      return "l";
    case 0x0153:
      return "oe";
    case 0x0167:
      return "t";
    default:
      return nullptr;
  }
}

bool is_name_delimiter(UChar32 c) { return c == '^' || c == '='; }

icu::UnicodeString folded(std::string_view utf8) {
  const icu::UnicodeString text =
      icu::UnicodeString::fromUTF8(icu::StringPiece(utf8.data(), static_cast<int>(utf8.size())));
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(status);
  const icu::Normalizer2* decompose = icu::Normalizer2::getNFDInstance(status);
  if (U_FAILURE(status)) return text;
  return decompose->normalize(fold->normalize(text, status), status);
}

/// Accents and surplus spaces taken out of decomposed text.
icu::UnicodeString reduced(const icu::UnicodeString& text) {
  icu::UnicodeString kept;
  bool space_waits = false;
  bool after_delimiter = true;  // so that spaces at the start go too
  for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    const UChar32 c = text.char32At(at);
    if (is_accent(c)) continue;
    if (u_isUWhiteSpace(c) || c == 0) {
      space_waits = true;
      continue;
    }
    if (space_waits && !after_delimiter && !is_name_delimiter(c)) kept.append(u' ');
    space_waits = false;
    after_delimiter = is_name_delimiter(c);
    if (const char* spelling = spelled_out(c)) {
      kept.append(icu::UnicodeString(spelling, -1, US_INV));
    } else {
      kept.append(c);
    }
  }
  return kept;
}

/// At most `bytes_max`, without cutting a character.
std::string_view cut(std::string_view utf8, std::size_t bytes_max) {
  if (utf8.size() <= bytes_max) return utf8;
  while (bytes_max > 0 && (static_cast<unsigned char>(utf8[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return utf8.substr(0, bytes_max);
}

}  // namespace

bool NameGroup::empty() const {
  return std::all_of(components.begin(), components.end(),
                     [](const std::string& component) { return component.empty(); });
}

std::string NameGroup::text() const { return joined(components, '^'); }

std::string PersonName::text() const {
  return joined(std::array{alphabetic.text(), ideographic.text(), phonetic.text()}, '=');
}

PersonName parse_person_name(std::string_view utf8) {
  PersonName name;
  const std::array groups = {&name.alphabetic, &name.ideographic, &name.phonetic};
  for (std::size_t i = 0;; ++i) {
    const std::size_t at = utf8.find('=');
    add_components(*groups[std::min(i, groups.size() - 1)], utf8.substr(0, at));
    if (at == std::string_view::npos) return name;
    utf8.remove_prefix(at + 1);
  }
}

std::string normalised_name(std::string_view utf8) { return parse_person_name(utf8).text(); }

std::string collation_key(std::string_view utf8) {
  const icu::UnicodeString kept = reduced(folded(cut(utf8, kKeyInputBytesMax)));
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* compose = icu::Normalizer2::getNFCInstance(status);
  std::string key;
  (U_SUCCESS(status) ? compose->normalize(kept, status) : kept).toUTF8String(key);
  key.erase(key.find_last_not_of("^=") + 1);
  return std::string(cut(key, kKeyBytesMax));
}

std::vector<std::string> name_words(std::string_view utf8) {
  std::vector<std::string> words;
  const std::string key = collation_key(utf8);
  for (std::string_view rest = key; !rest.empty() && words.size() < kWordsMax;) {
    const std::size_t at = rest.find_first_of(" ^=,");
    if (at != 0) words.emplace_back(rest.substr(0, at));
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace latent::dicom::text
