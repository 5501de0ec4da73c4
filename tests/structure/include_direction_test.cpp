// The chain that the house stands on: a floor includes itself and what stands to its left, nobody
// includes another room's detail/, and a library's headers stay where they are allowed.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "tests/structure/source_files.h"

namespace latent::structure {
namespace {

const std::vector<std::string> kChain = {"security", "dicom", "storage", "retrieval", "server"};

std::ptrdiff_t place_of(const std::string& floor) {
  return std::ranges::find(kChain, floor) - kChain.begin();
}

/// What is wrong with `file` including `included`; empty when nothing is.
std::string wrong_include(const std::string& file, const std::string& included) {
  const std::string from = floor_of(file);
  const std::string to = floor_of(included);
  if (!from.empty() && included.starts_with("tests/")) return "includes a test";
  if (!from.empty() && !to.empty() && place_of(to) > place_of(from))
    return "points right along the chain";
  if (included.find("/detail/") == std::string::npos) return "";
  // A fuzz target takes a path through several rooms apart and stands for none of them.
  if (file.starts_with("tests/fuzz/")) return "";
  // tests/storage/blobs may look into storage/blobs/detail.
  const std::string room = from.empty()
                               ? room_of(file.substr(std::min(file.find('/') + 1, file.size())))
                               : room_of(file);
  return room == room_of(included) ? "" : "looks into another room's detail/";
}

TEST(IncludeDirection, TheRuleItselfTellsRightFromWrong) {
  EXPECT_EQ(wrong_include("storage/blobs/a.cpp", "security/base/bytes.h"), "");
  EXPECT_EQ(wrong_include("storage/blobs/a.cpp", "storage/blobs/detail/b.h"), "");
  EXPECT_EQ(wrong_include("tests/storage/blobs/a_test.cpp", "storage/blobs/detail/b.h"), "");
  EXPECT_EQ(wrong_include("tests/system/a_test.cpp", "server/app/config.h"), "");
  EXPECT_EQ(wrong_include("tests/fuzz/a_fuzz.cpp", "storage/blobs/detail/b.h"), "");
  EXPECT_NE(wrong_include("tests/system/a_test.cpp", "storage/blobs/detail/b.h"), "");
  EXPECT_NE(wrong_include("security/base/a.h", "dicom/model/tag.h"), "");
  EXPECT_NE(wrong_include("dicom/model/a.h", "server/app/config.h"), "");
  EXPECT_NE(wrong_include("storage/catalog/a.cpp", "storage/blobs/detail/b.h"), "");
  EXPECT_NE(wrong_include("tests/storage/catalog/a_test.cpp", "storage/blobs/detail/b.h"), "");
  EXPECT_NE(wrong_include("storage/blobs/a.cpp", "tests/support/shared_data.h"), "");
}

TEST(IncludeDirection, EveryIncludePointsLeft) {
  const std::regex include("^\\s*#\\s*include\\s+\"([a-z_]+/[^\"]+)\"");
  std::size_t seen = 0;
  for (const SourceFile& file : source_files()) {
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      std::smatch match;
      if (file.code[i].find("include") == std::string::npos ||
          !std::regex_search(file.code[i], match, include))
        continue;
      ++seen;
      const std::string wrong = wrong_include(file.path, match[1]);
      EXPECT_EQ(wrong, "") << file.path << ":" << i + 1 << " includes " << match[1];
    }
  }
  EXPECT_GT(seen, 50u) << "the test saw hardly an include: it reads the wrong folder";
}

TEST(IncludeDirection, LibrariesStayInTheirRooms) {
  struct Home {
    const char* pattern;  ///< of the header's name
    std::vector<std::string> rooms;
  };
  const std::vector<Home> homes = {
      {"^dcmtk/", {"dicom/model"}},
      {"^(libpq-fe|libpq/|postgres_ext)", {"storage/database"}},
      {"^openssl/", {"security/crypto", "security/keys", "security/base"}},
      {"^boost/asio", {"server/dimse", "server/control", "server/cli", "server/app"}},
      {"^toml\\+\\+/", {"server/settings"}},
      {"^CLI/", {"server/cli", "server/app"}},
      {"^spdlog/", {"security/base"}},
      {"^unicode/", {"dicom/text", "storage/catalog"}},
  };
  const std::regex include("^\\s*#\\s*include\\s+<([^>]+)>");
  std::size_t seen = 0;
  for (const SourceFile& file : source_files()) {
    if (!is_product(file)) continue;
    for (const std::string& line : file.code) {
      std::smatch match;
      if (line.find("include") == std::string::npos || !std::regex_search(line, match, include))
        continue;
      for (const Home& home : homes) {
        if (!std::regex_search(match[1].str(), std::regex(home.pattern))) continue;
        ++seen;
        EXPECT_NE(std::ranges::find(home.rooms, room_of(file.path)), home.rooms.end())
            << file.path << " includes " << match[1] << ", which is another room's library";
      }
    }
  }
  EXPECT_GT(seen, 3u) << "the test saw no library header at all";
}

}  // namespace
}  // namespace latent::structure
