#include "security/audit/canonical_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace latent::security::audit {
namespace {

std::string encoded(std::string_view text) {
  CanonicalObject object;
  object.text("k", text);
  return object.str();
}

TEST(CanonicalJson, KeysAreSortedAndNothingIsBetween) {
  CanonicalObject inner;
  inner.integer("z", -1).integer("a", 0);
  const std::vector<std::string> list = {"y", "x"};

  CanonicalObject object;
  object.text("b", "2").null("a_b").object("ab", inner).texts("a", list).texts("A", {});

  EXPECT_EQ(object.str(), R"({"A":[],"a":["y","x"],"a_b":null,"ab":{"a":0,"z":-1},"b":"2"})");
}

TEST(CanonicalJson, OnlyWhatJsonDemandsIsEscaped) {
  EXPECT_EQ(encoded("\"\\/\n\r\t\b\f"), R"({"k":"\"\\/\n\r\t\b\f"})");
  EXPECT_EQ(encoded(std::string_view("\0\x01\x1f\x7f", 4)),
            "{\"k\":\"\\u0000\\u0001\\u001f\x7f\"}");
  EXPECT_EQ(encoded("Müller 王 \xF0\x9F\xA9\xBB \xE2\x80\xA8"),
            "{\"k\":\"Müller 王 \xF0\x9F\xA9\xBB \xE2\x80\xA8\"}");
}

TEST(CanonicalJson, WhatIsNotUtf8BecomesTheReplacementCharacter) {
  const std::string sign = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("a\xFFz"), "a" + sign + "z");
  EXPECT_EQ(valid_utf8("\xC0\x80"), sign + sign) << "overlong NUL";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), sign + sign + sign) << "surrogate";
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), sign + sign + sign + sign) << "above U+10FFFF";
  EXPECT_EQ(valid_utf8("\xE7\x8E"), sign + sign) << "cut off";
  EXPECT_EQ(valid_utf8("\xF4\x8F\xBF\xBF"), "\xF4\x8F\xBF\xBF");
}

TEST(CanonicalJson, IntegersStopWhereJsonReadersLoseThem) {
  CanonicalObject object;
  object.integer("a", std::numeric_limits<std::int64_t>::max())
      .integer("b", std::numeric_limits<std::int64_t>::min())
      .integer("c", 9007199254740991);

  EXPECT_EQ(object.str(), R"({"a":9007199254740991,"b":-9007199254740991,"c":9007199254740991})");
}

}  // namespace
}  // namespace latent::security::audit
