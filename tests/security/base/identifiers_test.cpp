#include "security/base/identifiers.h"

#include <gtest/gtest.h>

#include "security/base/phi.h"

namespace latent {
namespace {

TEST(Uid, TakesWhatTheStandardAllowsAndCutsThePadding) {
  EXPECT_EQ(StudyUid::parse("1.2.840.10008.1")->text(), "1.2.840.10008.1");
  EXPECT_EQ(StudyUid::parse(std::string_view("1.2.3\0", 6))->text(), "1.2.3");
  EXPECT_TRUE(StudyUid::parse(std::string(64, '1')));
}

TEST(Uid, KeepsLeadingZerosOfRealEquipmentAndSaysSo) {
  ASSERT_TRUE(StudyUid::parse("1.02.3"));
  EXPECT_TRUE(has_leading_zero("1.02.3"));
  EXPECT_FALSE(has_leading_zero("1.0.3"));
  EXPECT_FALSE(has_leading_zero("1.20.0"));
}

TEST(Uid, RefusesEverythingElse) {
  for (std::string bad : {"", ".", "1.", ".1", "1..2", "../../../evil", "1.2a", "1 2", "1.2/3"})
    EXPECT_FALSE(StudyUid::parse(bad)) << bad;
  EXPECT_FALSE(StudyUid::parse(std::string(65, '1')));
  EXPECT_FALSE(StudyUid::parse(std::string_view("1.2\0.3", 6)));
}

TEST(AeTitle, CutsOuterSpacesAndRefusesBackslashAndControlCharacters) {
  EXPECT_EQ(AeTitle::parse("  LATENT  ")->text(), "LATENT");
  for (std::string bad : {"", "    ", "A\\B", "A\nB", "12345678901234567"}) EXPECT_FALSE(AeTitle::parse(bad));
}

TEST(Hex, GoesThereAndBack) {
  EXPECT_EQ(to_hex(as_bytes("\x01\xfe")), "01fe");
  EXPECT_EQ(as_text(*from_hex("4c41")), "LA");
  EXPECT_FALSE(from_hex("4"));
  EXPECT_FALSE(from_hex("zz"));
}

template <class T>
concept Printable = fmt::is_formattable<T>::value;
static_assert(Printable<std::string>);
static_assert(!Printable<Phi<std::string>>, "a patient's value must not be loggable");

}  // namespace
}  // namespace latent
