// Noise that is the same on every machine: a hash of a position instead of a random generator.
#pragma once

#include <cstdint>

namespace latent::server::demo::detail {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
constexpr std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
  value = (value ^ value >> 27) * 0x94D049BB133111EBu;
  return value ^ value >> 31;
}

/// About normal with mean 0 and deviation 1: four 16-bit uniform values from one hash, added.
/// Integers until the last step, so that no compiler rounds differently.
constexpr float normal(std::uint64_t position) {
  const std::uint64_t bits = mixed(position);
  std::int32_t sum = 0;
  for (unsigned i = 0; i < 4; ++i) sum += static_cast<std::int32_t>(bits >> (16 * i) & 0xFFFF);
  // Four uniform values of width 65536 have deviation 65536 / sqrt(3).
  return static_cast<float>(sum - 2 * 65535) * (1.7320508f / 65536.0f);
}

}  // namespace latent::server::demo::detail
