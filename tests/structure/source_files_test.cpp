#include "tests/structure/source_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "tests/support/source_directory.h"

namespace latent::structure {
namespace {

constexpr std::string_view kFloors[] = {"security", "dicom", "storage", "retrieval", "server"};

std::vector<SourceFile> read_all() {
  std::vector<SourceFile> files;
  const auto root = test::source_directory();
  std::vector<std::string_view> folders(std::begin(kFloors), std::end(kFloors));
  folders.push_back("tests");
  for (std::string_view folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".cpp")) continue;
      SourceFile file;
      file.path = entry.path().lexically_relative(root).generic_string();
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
      file.code = without_comments(file.lines);
      files.push_back(std::move(file));
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

}  // namespace

const std::vector<SourceFile>& source_files() {
  static const std::vector<SourceFile> files = read_all();
  return files;
}

std::string floor_of(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('/'));
  return std::ranges::find(kFloors, first) == std::end(kFloors) ? "" : std::string(first);
}

std::string room_of(std::string_view path) {
  const std::size_t first = path.find('/');
  if (first == std::string_view::npos) return "";
  return std::string(path.substr(0, path.find('/', first + 1)));
}

bool is_product(const SourceFile& file) { return !floor_of(file.path).empty(); }

std::vector<std::string> without_comments(const std::vector<std::string>& lines) {
  enum class State { code, block_comment, text, character, raw };
  State state = State::code;
  std::string raw_end;
  std::vector<std::string> result;
  for (const std::string& line : lines) {
    std::string kept;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string_view rest = std::string_view(line).substr(i);
      if (state == State::block_comment) {
        if (rest.starts_with("*/")) {
          state = State::code;
          ++i;
        }
        continue;
      }
      if (state == State::raw) {
        if (rest.starts_with(raw_end)) {
          kept += raw_end;
          i += raw_end.size() - 1;
          state = State::code;
          continue;
        }
      } else if (state == State::code) {
        if (rest.starts_with("//")) break;
        if (rest.starts_with("/*")) {
          state = State::block_comment;
          ++i;
          continue;
        }
        if (rest.starts_with("R\"")) {
          const std::size_t open = rest.find('(');
          if (open != std::string_view::npos) {
            raw_end = ")" + std::string(rest.substr(2, open - 2)) + "\"";
            state = State::raw;
          }
        } else if (line[i] == '"') {
          state = State::text;
        } else if (line[i] == '\'' &&
                   (i == 0 || !std::isalnum(static_cast<unsigned char>(line[i - 1])))) {
          state = State::character;  // not the separator of 1'000
        }
      } else if (line[i] == '\\' && i + 1 < line.size()) {
        kept += line[i++];
      } else if (line[i] == (state == State::text ? '"' : '\'')) {
        state = State::code;
      }
      kept += line[i];
    }
    if (state == State::text || state == State::character) state = State::code;
    result.push_back(std::move(kept));
  }
  return result;
}

TEST(SourceFiles, CommentsAreBlankedAndLiteralsKept) {
  const auto code = without_comments({"a(\"//x\"); // sleep", "/* one", "two */ b('\"'); // c",
                                      "1'000; // d", "R\"(// \")\" // e"});
  EXPECT_EQ(code, (std::vector<std::string>{"a(\"//x\"); ", "", " b('\"'); ", "1'000; ",
                                            "R\"(// \")\" "}));
}

TEST(SourceFiles, AllFloorsAreSeen) {
  for (std::string_view floor : kFloors)
    EXPECT_TRUE(std::ranges::any_of(
        source_files(), [&](const SourceFile& file) { return floor_of(file.path) == floor; }))
        << "no file below " << floor;
}

}  // namespace latent::structure
