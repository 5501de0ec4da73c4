// Specific Character Set (0008,0005) in and out: bytes of a data set ↔ UTF-8 (PS3.5 6.1, PS3.3
// C.12.1.1.2, PS3.5 Annexes H to K).
//
// Decoding never fails: what cannot be read becomes U+FFFD and is reported. Output is at most three
// times as long as the input, and never holds NUL, which PostgreSQL text cannot. The mapping tables
// come from ICU, the one library of Debian that knows all of these sets (iconv of glibc has no
// dependable ISO-IR 159, and its result depends on installed modules); they are copied into flat
// tables at first use, so decoding takes no lock. All functions may be called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace latent::dicom::text {

/// A set of 94, 96 or 94×94 characters that ISO 2022 can invoke, by ISO registration number.
enum class Repertoire : std::uint8_t {
  none,
  ascii,      ///< ISO-IR 6
  jis_roman,  ///< ISO-IR 14: ASCII with ¥ and ‾
  jis_kanji,  ///< ISO-IR 87, JIS X 0208, two bytes
  jis_extra,  ///< ISO-IR 159, JIS X 0212, two bytes
  latin1,     ///< ISO-IR 100
  latin2,     ///< ISO-IR 101
  latin3,     ///< ISO-IR 109
  latin4,     ///< ISO-IR 110
  greek,      ///< ISO-IR 126
  arabic,     ///< ISO-IR 127
  hebrew,     ///< ISO-IR 138
  cyrillic,   ///< ISO-IR 144
  latin5,     ///< ISO-IR 148
  thai,       ///< ISO-IR 166
  latin9,     ///< ISO-IR 203
  katakana,   ///< ISO-IR 13, half width
  korean,     ///< ISO-IR 149, KS X 1001, two bytes
  chinese,    ///< ISO-IR 58, GB 2312, two bytes
};

/// What (0008,0005) says, understood. Small; copy it.
class CharacterSet {
 public:
  enum class Base : std::uint8_t { iso2022, utf8, gb18030, gbk };

  /// The default repertoire (ISO-IR 6): what an absent (0008,0005) means.
  CharacterSet() = default;
  /// `value` is the value as it stands in the data set, `\`-separated, padding allowed. Terms are
  /// read tolerantly: "ISO-IR 100", "iso_ir 100", "UTF-8" and code extension terms standing alone
  /// are real; an unknown one beside known ones is passed over. `assumed` is the operator's term
  /// for objects that name none or an unknown one.
  static CharacterSet parse(std::string_view value, std::string_view assumed = {});

  Base base() const { return base_; }
  Repertoire g0() const { return g0_; }  ///< invoked for 0x21–0x7E at the start of each value
  Repertoire g1() const { return g1_; }  ///< for 0xA0–0xFF; none when only escapes give one
  /// What bytes above 0x7F most likely are when g1() is none and nothing was designated.
  Repertoire likely_g1() const { return likely_g1_; }
  /// False when no term, only the default one, or none that we know was given: text outside ASCII
  /// is then read by `assumed` or by likelihood.
  bool is_declared() const { return declared_; }
  /// The value to write into (0008,0005); empty = leave the attribute out.
  const std::string& term() const { return term_; }

 private:
  void take_term(std::string_view term, bool first);

  Base base_ = Base::iso2022;
  Repertoire g0_ = Repertoire::ascii;
  Repertoire g1_ = Repertoire::none;
  Repertoire likely_g1_ = Repertoire::none;
  bool declared_ = false;
  std::string term_;
};

/// Which characters end a designation (PS3.5 6.1.2.5.3): control characters always, and
enum class Kind : std::uint8_t {
  values,       ///< LO SH UC: the backslash
  person_name,  ///< PN: backslash, ^ and =
  text,         ///< ST LT UT: nothing else; a backslash is text
};

struct Decoded {
  std::string text;          ///< valid UTF-8; padding is kept, trailing NULs are not
  bool was_lossy = false;    ///< some bytes became U+FFFD
  bool was_guessed = false;  ///< bytes outside what was declared were read by likelihood
};

Decoded decode(std::string_view bytes, const CharacterSet& set, Kind kind);

/// The values of a multi-valued element, still encoded. A 0x5C that is the second byte of a
/// character (GB18030, GBK, JIS X 0208) does not separate. Views into `bytes`; an empty input has
/// no values.
std::vector<std::string_view> split_values(std::string_view bytes, const CharacterSet& set);

/// UTF-8 to the initial repertoires of `set` (no code extensions), or nothing when a character has
/// no place there or the input is not UTF-8.
std::optional<std::string> encode(std::string_view utf8, const CharacterSet& set);

/// For an answer with these values: nothing when all is ASCII, ISO_IR 100 when Latin-1 holds it
/// (which old peers read), else ISO_IR 192.
CharacterSet choose_reply_character_set(std::span<const std::string> values);

}  // namespace latent::dicom::text
