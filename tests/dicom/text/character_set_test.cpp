#include "dicom/text/character_set.h"

#include <gtest/gtest.h>

namespace latent::dicom::text {
namespace {

using namespace std::string_literals;

void check(std::string_view terms, const std::string& bytes, const std::string& expected,
           Kind kind = Kind::person_name) {
  const Decoded decoded = decode(bytes, CharacterSet::parse(terms), kind);
  EXPECT_EQ(decoded.text, expected) << terms;
  EXPECT_FALSE(decoded.was_lossy) << terms;
  EXPECT_FALSE(decoded.was_guessed) << terms;
}

TEST(CharacterSet, ReadsTheJapaneseExamplesOfAnnexH) {
  check("\\ISO 2022 IR 87",
        "Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B=\033$B$d$^$@\033(B^\033$B$?$m$&\033(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう");
  check("ISO 2022 IR 13\\ISO 2022 IR 87",
        "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\033$B;3ED\033(J^\033$BB@O:\033(J=\033$B$d$^$@\033(J^"
        "\033$B$?$m$&\033(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
  check("ISO_IR 13", "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3", "ﾔﾏﾀﾞ^ﾀﾛｳ");
}

TEST(CharacterSet, ReadsTheKoreanExampleOfAnnexI) {
  check("\\ISO 2022 IR 149",
        "Hong^Gildong=\033$)C\373\363^\033$)C\321\316\324\327=\033$)C\310\253^\033$)"
        "C\261\346\265\277",
        "Hong^Gildong=洪^吉洞=홍^길동");
}

TEST(CharacterSet, ReadsTheChineseExamplesOfAnnexesJAndK) {
  check("ISO_IR 192", "Wang^XiaoDong=王^小東", "Wang^XiaoDong=王^小東");
  check("GB18030", "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB", "Wang^XiaoDong=王^小东");
  check("GB18030", "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\x96\x7C", "Wang^XiaoDong=王^小東");
  check("GBK", "\xCD\xF5^\xD0\xA1\x96\x7C", "王^小東");
  check("GB18030", "\x83\x36\x84\x33", "한");
  check("\\ISO 2022 IR 58",
        "Zhang^XiaoDong=\033$)A\xD5\xC5^\033$)A\xD0\xA1\xB6\xAB=", "Zhang^XiaoDong=张^小东=");
}

TEST(CharacterSet, ReadsEachSingleByteSet) {
  check("ISO_IR 100", "\xC4neas^R\xFC\x64iger", "Äneas^Rüdiger");
  check("ISO_IR 101", "Wa\xB3\xEAsa^\xA3\xF3\x64\xBC", "Wałęsa^Łódź");
  check("ISO_IR 109", "\xD8\xE6", "Ĝĉ");
  check("ISO_IR 110", "\xE0\xD3", "āĶ");
  check("ISO_IR 126", "\xCB\xE9\xEF\xFD\xF0\xE7\xF2", "Λιούπης");
  check("ISO_IR 127", "\xD9\xC8\xC7\xCF", "عباد");
  check("ISO_IR 138", "\xF9\xF8\xE5\xEF^\xE3\xE1\xE5\xF8\xE4", "שרון^דבורה");
  check("ISO_IR 144", "\xBB\xEE\xDA\x63\x65\xDC\xD1\x79\x70\xD3", "Люкceмбypг");
  check("ISO_IR 148", "\xC7\x61vu\xFE", "Çavuş");
  check("ISO_IR 166", "\xB9\xD2\xC1\xCA\xA1\xD8\xC5", "นามสกุล");
  check("ISO_IR 203", "\xA4\xBD", "€œ");
}

TEST(CharacterSet, SwitchesSetsByEscapeAndForgetsThemAtDelimiters) {
  check("ISO 2022 IR 100\\ISO 2022 IR 126\\ISO 2022 IR 144",
        "Dionysios=\033-F\xC4\xE9\xEF\xED=\033-L\xBB\xEE\xDA", "Dionysios=Διον=Люк");
  // Behind the ^ the first set holds again, so 0xE9 is é and not ι.
  check("ISO 2022 IR 100\\ISO 2022 IR 126", "\033-F\xE9^\xE9", "ι^é");
  check("ISO 2022 IR 100\\ISO 2022 IR 126", "\033-F\xE9\\\xE9", "ι\\é", Kind::values);
  check("ISO 2022 IR 100\\ISO 2022 IR 126", "\033-F\xE9^\xE9", "ι^ι", Kind::values);
  check("ISO 2022 IR 100\\ISO 2022 IR 126", "\033-F\xE9\\\xE9\r\n\xE9", "ι\\ι\r\né", Kind::text);
  check("\\ISO 2022 IR 159", "\033$(D0!\033(B", "丂", Kind::text);
}

TEST(CharacterSet, UnderstandsTheIllegalTermsOfRealEquipment) {
  for (const char* term : {"ISO-IR 100", "ISO_IR 100 ", "iso_ir 100", "ISO IR 100",
                           "ISO 2022 IR 100", "ISO2022 IR 100", "ISO_IR_100", "IR 100"})
    check(term, "M\xFCller", "Müller");
  check("UTF-8", "Müller", "Müller");
  check("ISO 2022 IR 149", "\310\253^\261\346", "홍^길");
  check("ISO_IR 100\\NO SUCH SET", "M\xFCller", "Müller");
}

TEST(CharacterSet, TakesTheOperatorsWordWhenNoneIsGiven) {
  for (const char* term : {"", "ISO_IR 6", "NO SUCH SET", "ISO 2022 IR 6"}) {
    const CharacterSet set = CharacterSet::parse(term, "ISO_IR 144");
    const Decoded decoded = decode("\xBB\xEE\xDA", set, Kind::values);
    EXPECT_EQ(decoded.text, "Люк") << term;
    EXPECT_TRUE(decoded.was_guessed) << term;
    EXPECT_FALSE(decode("plain", set, Kind::values).was_guessed);
  }
  EXPECT_EQ(decode("\xBB", CharacterSet::parse("ISO_IR 100", "ISO_IR 144"), Kind::text).text, "»");
}

TEST(CharacterSet, GuessesUtf8OrLatin1WhenNobodySays) {
  const CharacterSet set = CharacterSet::parse("");
  EXPECT_EQ(decode("Müller", set, Kind::values).text, "Müller");
  EXPECT_EQ(decode("M\xFCller", set, Kind::values).text, "Müller");
  EXPECT_TRUE(decode("M\xFCller", set, Kind::values).was_guessed);
  EXPECT_EQ(decode("1\x96"
                   "2",
                   CharacterSet::parse("ISO_IR 100"), Kind::values)
                .text,
            "1–2");
  // Code extensions announced, no escape written.
  EXPECT_EQ(
      decode("\310\253^\261\346", CharacterSet::parse("\\ISO 2022 IR 149"), Kind::person_name).text,
      "홍^길");
}

TEST(CharacterSet, TurnsTheUnreadableIntoReplacementCharactersAndSaysSo) {
  const auto lossy = [](std::string_view terms, const std::string& bytes,
                        const std::string& expected) {
    const Decoded decoded = decode(bytes, CharacterSet::parse(terms), Kind::person_name);
    EXPECT_EQ(decoded.text, expected) << terms;
    EXPECT_TRUE(decoded.was_lossy) << terms;
  };
  lossy("ISO_IR 192",
        "a\xFF"
        "b\xC3",
        "a\uFFFDb\uFFFD");
  lossy("ISO_IR 192", "\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD");
  lossy("ISO_IR 192", "\xC0\x80", "\uFFFD\uFFFD");
  lossy("ISO_IR 127", "\xA1", "\uFFFD");
  lossy("\\ISO 2022 IR 87", "\033$B;", "\uFFFD");
  lossy("\\ISO 2022 IR 87", "\033$B;\033(Bx", "\uFFFDx");
  lossy("\\ISO 2022 IR 149", "\033$)C\373", "\uFFFD");
  lossy("ISO_IR 100", "\033%Gx", "\uFFFD%Gx");
  lossy("ISO_IR 100", "a\0b"s, "a\uFFFDb");
  lossy("ISO_IR 192", "a\0b"s, "a\uFFFDb");
  lossy("GB18030", "\x81", "\uFFFD");
}

TEST(CharacterSet, EveryByteStringGivesValidTextOfBoundedLength) {
  std::uint32_t state = 7;
  for (const char* terms :
       {"", "ISO_IR 13", "ISO_IR 100", "ISO_IR 166", "ISO_IR 192", "GB18030", "GBK",
        "\\ISO 2022 IR 87\\ISO 2022 IR 159", "\\ISO 2022 IR 149\\ISO 2022 IR 58"}) {
    const CharacterSet set = CharacterSet::parse(terms);
    for (int round = 0; round < 2000; ++round) {
      std::string bytes;
      for (int i = 0; i < 24; ++i) {
        state = state * 1664525 + 1013904223;
        constexpr std::string_view kSpice = "\033$)(-BCDAJI\\^=";
        const unsigned dice = state >> 24;
        bytes +=
            dice % 3 == 0 ? kSpice[(state >> 16) % kSpice.size()] : static_cast<char>(state >> 13);
      }
      const Decoded decoded = decode(bytes, set, Kind::person_name);
      ASSERT_LE(decoded.text.size(), 3 * bytes.size());
      ASSERT_EQ(decoded.text.find('\0'), std::string::npos);
      ASSERT_TRUE(encode(decoded.text, CharacterSet::parse("ISO_IR 192"))) << terms;
      std::size_t total = 0;
      const auto values = split_values(bytes, set);
      for (const std::string_view value : values) total += value.size();
      ASSERT_EQ(total + values.size() - 1, bytes.size());
    }
  }
}

TEST(SplitValues, LeavesASecondByteThatLooksLikeABackslashAlone) {
  const auto split = [](std::string_view terms, std::string_view bytes) {
    std::vector<std::string> values;
    for (const auto value : split_values(bytes, CharacterSet::parse(terms)))
      values.emplace_back(value);
    return values;
  };
  using List = std::vector<std::string>;

  EXPECT_EQ(split("GB18030", "\x81\x5C\\b"), (List{"\x81\x5C", "b"}));
  EXPECT_EQ(split("GBK", "a\\\x96\x5C"), (List{"a", "\x96\x5C"}));
  EXPECT_EQ(split("GB18030", "\x81\x30\x81\x30\\"), (List{"\x81\x30\x81\x30", ""}));
  EXPECT_EQ(split("\\ISO 2022 IR 87", "\033$B!\\\033(B\\x"), (List{"\033$B!\\\033(B", "x"}));
  EXPECT_EQ(split("ISO_IR 100", "a\\\\c"), (List{"a", "", "c"}));
  EXPECT_EQ(split("ISO_IR 192", ""), (List{}));
  EXPECT_EQ(split("ISO_IR 192", "\\"), (List{"", ""}));
}

TEST(Encode, GivesBytesOnlyWhenTheSetHoldsThem) {
  EXPECT_EQ(encode("Rüdiger", CharacterSet::parse("ISO_IR 100")), "R\xFC\x64iger");
  EXPECT_EQ(encode("Люк", CharacterSet::parse("ISO_IR 144")), "\xBB\xEE\xDA");
  EXPECT_EQ(encode("王^小東", CharacterSet::parse("GB18030")), "\xCD\xF5^\xD0\xA1\x96\x7C");
  EXPECT_EQ(encode("ﾔﾏ", CharacterSet::parse("ISO_IR 13")), "\xD4\xCF");
  EXPECT_EQ(encode("Люк", CharacterSet::parse("ISO_IR 100")), std::nullopt);
  EXPECT_EQ(encode("é", CharacterSet()), std::nullopt);
  EXPECT_EQ(encode("홍", CharacterSet::parse("GBK")), std::nullopt);
  EXPECT_EQ(encode("\xFF", CharacterSet::parse("ISO_IR 192")), std::nullopt);
}

TEST(ReplyCharacterSet, IsTheSmallestThatHoldsAllValues) {
  const auto chosen = [](std::vector<std::string> values) {
    return choose_reply_character_set(values).term();
  };
  EXPECT_EQ(chosen({"Smith^John", "CT"}), "");
  EXPECT_EQ(chosen({"Smith", "Müller"}), "ISO_IR 100");
  EXPECT_EQ(chosen({"Müller", "山田"}), "ISO_IR 192");
  EXPECT_EQ(chosen({}), "");
}

}  // namespace
}  // namespace latent::dicom::text
