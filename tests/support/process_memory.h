// What a process uses, from /proc.
#pragma once

#include <cstdint>

namespace latent::test {

/// Resident bytes now, and at most since it started; 0 when there is no such process.
std::uint64_t memory_of(int process);
std::uint64_t peak_memory_of(int process);
/// Open descriptors.
int descriptors_of(int process);
int threads_of(int process);

}  // namespace latent::test
