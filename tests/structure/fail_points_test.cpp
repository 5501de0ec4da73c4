// The places where a test may kill the process: one table in code, which the crash tests run
// through, the calls, and the table that people read.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "security/base/fail_point.h"
#include "tests/structure/source_files.h"
#include "tests/support/source_directory.h"

namespace latent::structure {
namespace {

std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

const std::set<std::string>& places() {
  static const std::set<std::string> all(fail_point::kPlaces.begin(), fail_point::kPlaces.end());
  return all;
}

TEST(FailPoints, EachPlaceOfTheTableIsReachedSomewhereInTheProduct) {
  std::set<std::string> reached;
  for (const SourceFile& file : source_files()) {
    if (!is_product(file) || file.path.starts_with("security/base/fail_point")) continue;
    for (const std::string& line : file.code) {
      if (line.find("fail_point::reach") == std::string::npos) continue;
      reached.merge(matches(line, std::regex("fail_point::reach\\(\"([^\"]+)\"\\)")));
    }
  }
  EXPECT_EQ(reached, places());
}

TEST(FailPoints, TheTableOfTheFormatsSaysWhatIsFoundAfterEach) {
  std::ifstream file(test::source_directory() / "docs" / "formats.md");
  ASSERT_TRUE(file.is_open());
  std::set<std::string> documented;
  bool in_table = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| place |")) in_table = true;
    if (line.empty()) in_table = false;
    if (!in_table) continue;
    const std::string cell = line.substr(0, line.find('|', 1));
    documented.merge(matches(cell, std::regex("`([^`]+)`")));
  }
  EXPECT_EQ(documented, places());
}

}  // namespace
}  // namespace latent::structure
