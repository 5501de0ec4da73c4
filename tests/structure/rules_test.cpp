// Rules of the house that a compiler does not know (style.md, "not allowed" in ARCHITECTURE.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/structure/source_files.h"
#include "tests/support/source_directory.h"

namespace latent::structure {
namespace {

namespace fs = std::filesystem;

/// "path:line" of each line of code that holds one of `words` and matches `pattern`; the words are
/// there because searching them is a hundred times faster. The tests of the rules themselves are
/// left out: they must spell what they forbid.
template <class Wanted>
std::vector<std::string> places_of(std::initializer_list<std::string_view> words,
                                   const std::regex& pattern, Wanted wanted) {
  std::vector<std::string> places;
  for (const SourceFile& file : source_files()) {
    if (file.path.starts_with("tests/structure/") || !wanted(file)) continue;
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      const std::string& line = file.code[i];
      const auto held = [&](std::string_view word) { return line.find(word) != std::string::npos; };
      if (std::ranges::any_of(words, held) && std::regex_search(line, pattern))
        places.push_back(file.path + ":" + std::to_string(i + 1) + ": " + line);
    }
  }
  return places;
}
bool everywhere(const SourceFile&) { return true; }

const std::vector<std::string> kNone;

TEST(Rules, NobodyWaitsBySleeping) {
  const std::regex sleep(
      "\\b(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep|sleep)\\s*\\(");
  EXPECT_TRUE(std::regex_search("std::this_thread::sleep_for(1ms);", sleep));
  EXPECT_EQ(places_of({"sleep"}, sleep, everywhere), kNone);
}

TEST(Rules, NoThreadIsLetGo) {
  const std::regex detach("(\\.|->)detach\\(\\)|\\bdetached\\b");
  EXPECT_TRUE(std::regex_search("worker.detach();", detach));
  EXPECT_EQ(places_of({"detach"}, detach, everywhere), kNone);
}

TEST(Rules, SqlIsSpokenInStorageOnly) {
  // A text literal that begins like a statement. Upper case: that is how ours are written, and
  // sentences are not.
  const std::regex sql(
      "\"\\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE "
      "(TABLE|INDEX|ROLE|DATABASE|EXTENSION)|ALTER|DROP|"
      "BEGIN|COMMIT|ROLLBACK|LISTEN|NOTIFY|VACUUM)\\b[^\"]*[ ;\"]");
  EXPECT_TRUE(std::regex_search("run(\"SELECT 1\");", sql));
  EXPECT_FALSE(std::regex_search("log(\"select a study\");", sql));
  EXPECT_EQ(places_of({"\""}, sql,
                      [](const SourceFile& file) {
                        return is_product(file) && floor_of(file.path) != "storage";
                      }),
            kNone);
}

TEST(Rules, NoShellIsStarted) {
  const std::regex shell("\\b(system|popen)\\s*\\(|\"/bin/(ba|da)?sh\"");
  EXPECT_TRUE(std::regex_search("std::system(command);", shell));
  EXPECT_EQ(places_of({"system", "popen", "sh\""}, shell, is_product), kNone);
}

TEST(Rules, EnvironmentIsReadByMainOnly) {
  // Fail points are for tests and must reach the process before anything else does; a key source is
  // named by the configuration, and two of its kinds are variables.
  const std::regex getenv("\\b(secure_)?getenv\\s*\\(");
  EXPECT_EQ(places_of({"getenv"}, getenv,
                      [](const SourceFile& file) {
                        return is_product(file) &&
                               !file.path.starts_with("security/base/fail_point") &&
                               !file.path.starts_with("security/keys/") &&
                               !file.path.starts_with("server/app/") &&
                               !file.path.starts_with("server/cli/");
                      }),
            kNone);
}

TEST(Rules, NoPromiseIsLeftInTheCode) {
  std::vector<std::string> places;
  const std::vector<std::string_view> words = {"TODO", "FIXME", "XXX", "HACK"};
  const std::regex promise("\\b(TODO|FIXME|XXX|HACK)\\b");
  for (const SourceFile& file : source_files()) {
    if (file.path.starts_with("tests/structure/")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      if (std::ranges::any_of(words,
                              [&](std::string_view word) {
                                return file.lines[i].find(word) != std::string::npos;
                              }) &&
          std::regex_search(file.lines[i], promise))
        places.push_back(file.path + ":" + std::to_string(i + 1));
  }
  EXPECT_EQ(places, kNone);
}

TEST(Rules, CoroutinesAvoidWhatTheCompilerBreaks) {
  // g++ 12.2 miscompiles braces and lambdas inside a full expression with co_await.
  const std::regex broken("co_await[^;]*[{\\[]");
  EXPECT_TRUE(std::regex_search("co_await f({a, b});", broken));
  EXPECT_EQ(places_of({"co_await"}, broken, everywhere), kNone);
}

TEST(Rules, FilesAreReadInOneSitting) {
  constexpr std::size_t kLinesMax = 500;
  for (const SourceFile& file : source_files()) {
    // A table has no second thing in it: half of its lines and more are rows.
    const auto rows = std::ranges::count_if(file.lines, [](const std::string& line) {
      const std::size_t at = line.find_first_not_of(' ');
      return at != std::string::npos && (line[at] == '{' || line[at] == '"');
    });
    const bool is_table = static_cast<std::size_t>(rows) * 2 > file.lines.size();
    EXPECT_TRUE(is_table || file.lines.size() <= kLinesMax)
        << file.path << " has " << file.lines.size() << " lines: look for the second thing in it";
  }
}

TEST(Rules, HeadersHaveAGuardAndSayWhatTheyAreFor) {
  for (const SourceFile& file : source_files()) {
    if (!file.path.ends_with(".h")) continue;
    EXPECT_NE(std::ranges::find(file.lines, "#pragma once"), file.lines.end()) << file.path;
    EXPECT_TRUE(!file.lines.empty() && file.lines.front().starts_with("//")) << file.path;
  }
}

TEST(Rules, FolderNamesSayWhatIsInside) {
  const std::regex nameless("(^|/)(utils?|helpers?|common|misc|manager)(/|\\.|_|$)");
  for (const SourceFile& file : source_files())
    EXPECT_FALSE(std::regex_search(file.path, nameless)) << file.path;
}

TEST(Rules, EveryFuzzTargetHasACorpus) {
  const fs::path fuzz = test::source_directory() / "tests" / "fuzz";
  if (!fs::is_directory(fuzz)) GTEST_SKIP() << "no fuzz targets in this tree";
  std::size_t targets = 0;
  for (const auto& entry : fs::directory_iterator(fuzz)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".cpp" || !name.ends_with("_fuzz")) continue;
    ++targets;
    const fs::path corpus = fuzz / "corpus" / name.substr(0, name.size() - 5);
    EXPECT_TRUE(fs::is_directory(corpus) && !fs::is_empty(corpus))
        << corpus << " is missing or empty";
  }
  EXPECT_GT(targets, 0u);
}

TEST(Rules, NoMachineIsNamed) {
  // What is committed works on any machine: no path of the one it was written on.
  const std::regex machine("/work/(main|shared|build|notes)|/root/|/home/");
  const std::vector<std::string> files = {"run", "test", ".ci/run", "packages.txt",
                                          "CMakeLists.txt"};
  for (const std::string& name : files) {
    std::ifstream stream(test::source_directory() / name);
    ASSERT_TRUE(stream.is_open()) << name;
    for (std::string line; std::getline(stream, line);)
      EXPECT_FALSE(std::regex_search(line, machine)) << name << ": " << line;
  }
  EXPECT_EQ(places_of({"/work/", "/root/", "/home/"}, machine, is_product), kNone);
}

}  // namespace
}  // namespace latent::structure
