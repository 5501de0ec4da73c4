// Every bound on what comes from outside, in one place (security.md §4). Configuration may lower
// them; raising one needs a reason in the configuration file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace latent {

struct Limits {
  std::uint32_t sequence_depth_max = 64;
  std::uint64_t elements_max = 4'000'000;          ///< in one data set, nested ones included
  std::uint32_t sequence_items_max = 1'000'000;
  std::uint64_t value_held_bytes_max = 1u << 20;   ///< a non-bulk value kept in memory
  std::uint64_t object_bytes_max = 16ull << 30;
  std::uint64_t inflated_bytes_max = 2ull << 30;   ///< a deflated data set, unpacked
  std::uint64_t head_bytes_max = 1u << 20;         ///< what may come before (0020,000D)

  std::uint32_t pdu_bytes_offered = 128u << 10;    ///< our Maximum Length, PS3.8 D.1
  std::uint32_t associate_pdu_bytes_max = 64u << 10;
  std::uint32_t command_set_bytes_max = 64u << 10;
  std::uint32_t identifier_bytes_max = 1u << 20;
};

}  // namespace latent
