// conformance/requirements.csv names the test that proves each requirement; here is whether they
// exist.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "tests/structure/source_files.h"
#include "tests/support/source_directory.h"

namespace latent::structure {
namespace {

/// "Suite.Name" of every test in the tree.
std::set<std::string> all_tests() {
  const std::regex test("\\bTEST(?:_F|_P)?\\(\\s*(\\w+),\\s*(\\w+)\\s*\\)");
  const std::regex property("\\bRC_GTEST_(?:FIXTURE_)?PROP\\(\\s*(\\w+),\\s*(\\w+),");
  std::set<std::string> names;
  for (const SourceFile& file : source_files()) {
    if (!file.path.starts_with("tests/")) continue;
    std::string text;
    for (const std::string& line : file.code)
      if (!text.empty() || line.find("TEST") != std::string::npos) text += line + "\n";
    for (const auto& pattern : {test, property})
      for (std::sregex_iterator found(text.begin(), text.end(), pattern), end; found != end;
           ++found)
        names.insert((*found)[1].str() + "." + (*found)[2].str());
  }
  return names;
}

TEST(Requirements, EachNamesATestThatExists) {
  const std::set<std::string> tests = all_tests();
  ASSERT_TRUE(tests.contains("Requirements.EachNamesATestThatExists"));
  std::ifstream table(test::source_directory() / "conformance" / "requirements.csv");
  std::string line;
  ASSERT_TRUE(std::getline(table, line));
  EXPECT_EQ(line, "requirement,source,test");
  std::size_t rows = 0;
  for (; std::getline(table, line); ++rows) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), 2) << line;
    EXPECT_TRUE(tests.contains(line.substr(line.rfind(',') + 1))) << line;
  }
  EXPECT_GT(rows, 50u);
}

}  // namespace
}  // namespace latent::structure
