// The time, as something a test can hold in its hand.
#pragma once

#include <chrono>
#include <cstdint>

namespace latent {

/// Microseconds since 1970-01-01 UTC: the unit of every stored time.
using TimeUs = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeUs now_us() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimeUs now_us() const override {
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  }
};

/// When waiting must end. Monotonic, so a changed wall clock does not matter.
using Deadline = std::chrono::steady_clock::time_point;
inline Deadline deadline_in(std::chrono::milliseconds span) {
  return std::chrono::steady_clock::now() + span;
}

}  // namespace latent
