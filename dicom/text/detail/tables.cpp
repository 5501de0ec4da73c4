#include "dicom/text/detail/tables.h"

#include <unicode/ucnv.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <vector>

#include "security/base/raii.h"

namespace latent::dicom::text::detail {
namespace {

using Converter = std::unique_ptr<UConverter, Deleter<ucnv_close>>;

/// ICU counts in int32; the longest values that we decode at all are far below this.
constexpr std::size_t kConvertedBytesMax = std::numeric_limits<std::int32_t>::max() / 8;

Converter open_converter(const char* icu_name) {
  UErrorCode status = U_ZERO_ERROR;
  Converter converter(ucnv_open(icu_name, &status));
  return U_SUCCESS(status) ? std::move(converter) : nullptr;
}

/// One character, or U+FFFD when the bytes give none or more than one unit.
char16_t convert_one(UConverter* converter, std::string_view bytes) {
  if (converter == nullptr) return kReplacement;
  std::array<char16_t, 4> units{};
  UErrorCode status = U_ZERO_ERROR;
  const int length = ucnv_toUChars(converter, units.data(), static_cast<int>(units.size()),
                                   bytes.data(), static_cast<int>(bytes.size()), &status);
  return U_SUCCESS(status) && length == 1 ? units[0] : kReplacement;
}

/// 0x20–0x7F of the right half.
using Single = std::array<char16_t, 96>;

Single single_table(const char* icu_name) {
  Single table{};
  const Converter converter = open_converter(icu_name);
  for (unsigned i = 0; i < table.size(); ++i) {
    const char byte = static_cast<char>(0xA0 + i);
    table[i] = convert_one(converter.get(), {&byte, 1});
  }
  return table;
}

constexpr unsigned kRow = 94;
using Double = std::vector<char16_t>;

/// All four sets are the right half of an EUC code; JIS X 0212 stands there behind 0x8F.
Double double_table(const char* icu_name, std::string_view prefix = {}) {
  Double table(kRow * kRow, kReplacement);
  const Converter converter = open_converter(icu_name);
  for (unsigned i = 0; i < table.size(); ++i) {
    std::string bytes(prefix);
    bytes += static_cast<char>(0xA1 + i / kRow);
    bytes += static_cast<char>(0xA1 + i % kRow);
    table[i] = convert_one(converter.get(), bytes);
  }
  return table;
}

const Double& double_of(Repertoire repertoire) {
  static const Double kanji = double_table("euc-jp-2007");
  static const Double extra = double_table("euc-jp-2007", "\x8F");
  static const Double korean = double_table("EUC-KR");
  static const Double chinese = double_table("GB2312");
  switch (repertoire) {
    case Repertoire::jis_extra:
      return extra;
    case Repertoire::korean:
      return korean;
    case Repertoire::chinese:
      return chinese;
    default:
      return kanji;
  }
}

const Single* single_of(Repertoire repertoire) {
  static constexpr std::array kNames = {"ISO-8859-1", "ISO-8859-2",  "ISO-8859-3", "ISO-8859-4",
                                        "ISO-8859-7", "ISO-8859-6",  "ISO-8859-8", "ISO-8859-5",
                                        "ISO-8859-9", "ISO-8859-11", "ISO-8859-15"};
  static const auto kTables = [] {
    std::array<Single, kNames.size()> tables;
    std::transform(kNames.begin(), kNames.end(), tables.begin(), single_table);
    return tables;
  }();
  constexpr auto kFirst = static_cast<std::size_t>(Repertoire::latin1);
  static_assert(static_cast<std::size_t>(Repertoire::latin9) - kFirst + 1 == kNames.size());
  const std::size_t at = static_cast<std::size_t>(repertoire) - kFirst;
  return at < kTables.size() ? &kTables[at] : nullptr;
}

}  // namespace

bool is_double_byte(Repertoire repertoire) {
  switch (repertoire) {
    case Repertoire::jis_kanji:
    case Repertoire::jis_extra:
    case Repertoire::korean:
    case Repertoire::chinese:
      return true;
    default:
      return false;
  }
}

char16_t character_of(Repertoire repertoire, unsigned byte) {
  const unsigned low = byte & 0x7F;
  switch (repertoire) {
    case Repertoire::ascii:
      return static_cast<char16_t>(low);
    case Repertoire::jis_roman:
      return low == 0x5C ? u'\u00A5' : low == 0x7E ? u'\u203E' : static_cast<char16_t>(low);
    case Repertoire::katakana:  // JIS X 0201: in the order of U+FF61–FF9F
      return low >= 0x21 && low <= 0x5F ? static_cast<char16_t>(0xFF40 + low) : kReplacement;
    default:
      break;
  }
  const Single* table = single_of(repertoire);
  return table != nullptr && low >= 0x20 ? (*table)[low - 0x20] : kReplacement;
}

char16_t character_of(Repertoire repertoire, unsigned first, unsigned second) {
  const unsigned row = (first & 0x7F) - 0x21;
  const unsigned cell = (second & 0x7F) - 0x21;
  if (row >= kRow || cell >= kRow || !is_double_byte(repertoire)) return kReplacement;
  return double_of(repertoire)[row * kRow + cell];
}

std::optional<char> byte_of(Repertoire repertoire, char32_t character) {
  const bool is_single = repertoire == Repertoire::katakana || single_of(repertoire) != nullptr;
  if (!is_single || character == kReplacement) return std::nullopt;
  for (unsigned byte = 0xA0; byte <= 0xFF; ++byte)
    if (character_of(repertoire, byte) == character) return static_cast<char>(byte);
  return std::nullopt;
}

char16_t windows_latin1_of(unsigned byte) {
  static constexpr std::array<char16_t, 32> kTable = {
      0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};
  return kTable[byte & 0x1F];
}

std::optional<std::string> to_utf8(const char* icu_name, std::string_view bytes) {
  const Converter converter = open_converter(icu_name);
  if (converter == nullptr || bytes.size() > kConvertedBytesMax) return std::nullopt;
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString text(bytes.data(), static_cast<int>(bytes.size()), converter.get(),
                                status);
  if (U_FAILURE(status)) return std::nullopt;
  std::string utf8;
  text.toUTF8String(utf8);
  return utf8;
}

std::optional<std::string> from_utf8(const char* icu_name, std::string_view utf8) {
  const Converter converter = open_converter(icu_name);
  if (converter == nullptr || utf8.size() > kConvertedBytesMax) return std::nullopt;
  UErrorCode status = U_ZERO_ERROR;
  ucnv_setFromUCallBack(converter.get(), UCNV_FROM_U_CALLBACK_STOP, nullptr, nullptr, nullptr,
                        &status);
  const icu::UnicodeString text =
      icu::UnicodeString::fromUTF8(icu::StringPiece(utf8.data(), static_cast<int>(utf8.size())));
  std::string bytes(static_cast<std::size_t>(text.length()) * 4 + 4, '\0');
  const int length =
      text.extract(bytes.data(), static_cast<int>(bytes.size()), converter.get(), status);
  if (U_FAILURE(status)) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(length));
  return bytes;
}

}  // namespace latent::dicom::text::detail
