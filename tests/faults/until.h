// Waits for something that another process does and that gives no signal.
#pragma once

#include <poll.h>

#include <chrono>

namespace latent::test {

/// True when `condition` held before time was up; it is looked at every 50 ms.
template <class Condition>
bool until(Condition condition, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    ::poll(nullptr, 0, 50);
  }
  return true;
}

}  // namespace latent::test
