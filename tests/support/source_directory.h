// The root of the source tree that this test was built from, for tests that read the code itself or
// files that ship beside it.
#pragma once

#include <filesystem>

namespace latent::test {

std::filesystem::path source_directory();

}  // namespace latent::test
