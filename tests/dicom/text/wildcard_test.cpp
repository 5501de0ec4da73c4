#include "dicom/text/wildcard.h"

#include <gtest/gtest.h>

namespace latent::dicom::text {
namespace {

TEST(Wildcard, BecomesALikePatternWithItsOwnCharactersEscaped) {
  EXPECT_EQ(like_pattern("SMI*^J?N"), "SMI%^J_N");
  EXPECT_EQ(like_pattern("100%_\\"), "100\\%\\_\\\\");
  EXPECT_EQ(like_pattern("a***b"), "a%b");
  EXPECT_EQ(like_pattern("%*"), "\\%%");
  EXPECT_EQ(like_pattern("*?*"), "%_%");
  EXPECT_FALSE(has_wildcard("%_"));
  EXPECT_TRUE(has_wildcard("a?"));
}

TEST(Wildcard, MatchesInMemory) {
  EXPECT_TRUE(matches_wildcard("", ""));
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("a*c", "abbbc"));
  EXPECT_TRUE(matches_wildcard("*a*b*", "xxaxxbxx"));
  EXPECT_TRUE(matches_wildcard("m?ller", "müller"));
  EXPECT_TRUE(matches_wildcard("?^太*", "山^太郎"));
  EXPECT_TRUE(matches_wildcard("a*ab", "aaaab"));
  EXPECT_FALSE(matches_wildcard("?", ""));
  EXPECT_FALSE(matches_wildcard("m??ller", "müller"));
  EXPECT_FALSE(matches_wildcard("a*c", "abcd"));
  EXPECT_FALSE(matches_wildcard("a", "ab"));
  EXPECT_FALSE(matches_wildcard("ab", "a"));
}

TEST(Wildcard, DoesNotExplodeOnManyStars) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(matches_wildcard(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace latent::dicom::text
