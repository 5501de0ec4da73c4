// What a power cut does to files: changes that no sync made durable are forgotten, some of them, in
// any order, torn at 512 bytes; names that no sync of their folder made durable come or stay away.
// Works on the journal of a process that was killed.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tests/faults/fault_shim.h"

namespace latent::test {

struct PowerCut {
  std::string style;               ///< what was forgotten, in words
  std::uint64_t sectors_lost = 0;  ///< brought back to what was there before
  std::uint64_t sectors_kept = 0;  ///< not synced, and there nevertheless
  std::uint64_t names_lost = 0;    ///< made, removed or renamed, and not any more
  std::uint64_t lengths_lost = 0;
};

/// Call while nothing runs on the folder. Throws std::runtime_error when the journal makes no
/// sense.
PowerCut cut_power(const FaultShim& shim, std::mt19937_64& random);

}  // namespace latent::test
