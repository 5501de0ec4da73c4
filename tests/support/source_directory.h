// The root of the source tree that this test was built from, for tests that read the code itself or
// files that ship beside it.
#pragma once

#include <filesystem>

namespace latent::test {

inline std::filesystem::path source_directory() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
}

}  // namespace latent::test
