#include "dicom/text/person_name.h"

#include <gtest/gtest.h>

namespace latent::dicom::text {
namespace {

using Words = std::vector<std::string>;

TEST(PersonName, HasThreeGroupsOfFiveComponents) {
  const PersonName name =
      parse_person_name("Adams^John Robert Quincy^^Rev.^B.A. M.Div.=山田^太郎=やまだ");

  EXPECT_EQ(name.alphabetic.components[0], "Adams");
  EXPECT_EQ(name.alphabetic.components[1], "John Robert Quincy");
  EXPECT_EQ(name.alphabetic.components[3], "Rev.");
  EXPECT_EQ(name.alphabetic.components[4], "B.A. M.Div.");
  EXPECT_EQ(name.ideographic.text(), "山田^太郎");
  EXPECT_EQ(name.phonetic.components[0], "やまだ");
}

TEST(PersonName, IsStoredWithoutPaddingAndEmptyEnds) {
  EXPECT_EQ(normalised_name("  Doe ^ Jane^^^ "), "Doe^Jane");
  EXPECT_EQ(normalised_name("Doe^Jane=="), "Doe^Jane");
  EXPECT_EQ(normalised_name("^Jane"), "^Jane");
  EXPECT_EQ(normalised_name("=山田"), "=山田");
  EXPECT_EQ(normalised_name("A^B^C^D^E^F^G"), "A^B^C^D^E F G");
  EXPECT_EQ(normalised_name("a=b=c=d"), "a=b=c d");
  EXPECT_TRUE(parse_person_name(" ^^= ").empty());
  EXPECT_EQ(normalised_name(""), "");
}

TEST(CollationKey, MakesOneOfWhatPeopleTypeDifferently) {
  const auto same = [](std::string_view left, std::string_view right) {
    EXPECT_EQ(collation_key(left), collation_key(right));
  };
  same("MÜLLER", "muller");
  same("Mu\u0308ller", "Müller");
  same("Groß", "GROSS");
  same("GROẞ", "gross");
  same("Ærøskøbing", "aeroskobing");
  same("Łukasz", "lukasz");
  same("Jiménez", "JIMENEZ");
  same("Ｙａｍａｄａ", "yamada");
  same("ﾔﾏﾀﾞ", "ヤマダ");
  same("Ёлкин", "елкин");
  same("ΣΊΣΥΦΟΣ", "σισυφος");
  same("  van   der\tBerg ", "Van der Berg");
  same("Doe ^ Jane^^", "DOE^JANE");
  same("ﬁsher", "Fisher");
  same("שָׁלוֹם", "שלום");
}

TEST(CollationKey, KeepsApartWhatIsAnotherLetter) {
  EXPECT_NE(collation_key("かき"), collation_key("がき"));
  EXPECT_NE(collation_key("กา"), collation_key("กี"));
  EXPECT_NE(collation_key("Doe^Jane"), collation_key("Doe Jane"));
  EXPECT_EQ(collation_key("홍길동"), "홍길동");
}

TEST(CollationKey, LetsWildCardsThroughAndIsBounded) {
  EXPECT_EQ(collation_key("MÜ*^J?N"), "mu*^j?n");
  EXPECT_EQ(collation_key(""), "");
  EXPECT_EQ(collation_key(" ^^ "), "");
  EXPECT_EQ(collation_key("a\xFF"), "a\uFFFD");
  std::string ligatures;
  for (int i = 0; i < 5000; ++i) ligatures += "\uFDFA";  // 18 characters each
  EXPECT_LE(collation_key(ligatures).size(), 4096u);
}

TEST(NameWords, IgnoreOrderGroupsAndDoubles) {
  EXPECT_EQ(name_words("Müller^Hans Peter"), (Words{"hans", "muller", "peter"}));
  EXPECT_EQ(name_words("hans peter, MULLER"), name_words("Müller^Hans^Peter"));
  EXPECT_EQ(name_words("Yamada^Tarou=山田^太郎"), (Words{"tarou", "yamada", "太郎", "山田"}));
  EXPECT_EQ(name_words("Doe^Doe"), (Words{"doe"}));
  EXPECT_EQ(name_words(""), Words{});
  std::string many;
  for (int i = 0; i < 1000; ++i) many += std::to_string(i) + " ";
  EXPECT_LE(name_words(many).size(), 32u);
}

}  // namespace
}  // namespace latent::dicom::text
