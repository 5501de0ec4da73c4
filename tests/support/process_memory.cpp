#include "tests/support/process_memory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace latent::test {
namespace {

std::uint64_t status_of(int process, const std::string& key) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  return 0;
}

}  // namespace

std::uint64_t memory_of(int process) { return status_of(process, "VmRSS:") * 1024; }
std::uint64_t peak_memory_of(int process) { return status_of(process, "VmHWM:") * 1024; }
int threads_of(int process) { return static_cast<int>(status_of(process, "Threads:")); }

int descriptors_of(int process) {
  std::error_code gone;
  const std::filesystem::directory_iterator list("/proc/" + std::to_string(process) + "/fd", gone);
  return gone ? 0 : static_cast<int>(std::distance(begin(list), end(list)));
}

}  // namespace latent::test
