#include "tests/support/source_directory.h"

namespace latent::test {

// Told by CMake: a compiler cache may make __FILE__ a path relative to the build.
std::filesystem::path source_directory() { return LATENT_SOURCE_DIRECTORY; }

}  // namespace latent::test
