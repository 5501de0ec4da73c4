// What a fuzz target asserts, in every build type: a violated check ends the program, with its
// text.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace latent::fuzz {

inline void fuzz_check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz check violated: %s\n", what);
  std::abort();
}

}  // namespace latent::fuzz
