// Gives every file of corpus/<target>/ to that target. A violated fuzz_check() or a crash ends the
// program, as it ends the fuzzer; the file at work stands in the output before it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#define LATENT_FUZZ_TARGET(name) \
  extern "C" int latent_fuzz_##name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef LATENT_FUZZ_TARGET

namespace {

struct Target {
  std::string name;
  int (*run)(const std::uint8_t*, std::size_t);
};
const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
#define LATENT_FUZZ_TARGET(name) {#name, latent_fuzz_##name},
#include "fuzz_targets.inc"
#undef LATENT_FUZZ_TARGET
  };
  return all;
}

class FuzzCorpora : public testing::TestWithParam<Target> {};

TEST_P(FuzzCorpora, EveryInputIsTakenWithoutBreakingAnInvariant) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(LATENT_FUZZ_CORPUS) / GetParam().name))
    files.push_back(entry.path());
  std::ranges::sort(files);

  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    ASSERT_TRUE(in) << file;
    const std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    // A copy of exact size, so that AddressSanitizer sees a read beyond the end.
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    std::cout << "corpus " << GetParam().name << ": " << file.filename().string() << std::endl;
    EXPECT_EQ(GetParam().run(bytes.data(), bytes.size()), 0) << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpora, testing::ValuesIn(targets()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
