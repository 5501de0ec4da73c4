// A wall clock that a test moves by hand. Thread safe.
#pragma once

#include <atomic>

#include "security/base/clock.h"

namespace latent::test {

class ManualClock final : public Clock {
 public:
  /// 2026-01-01 00:00:00 UTC.
  static constexpr TimeUs kStart = 1'767'225'600'000'000;

  explicit ManualClock(TimeUs now = kStart) : now_(now) {}
  TimeUs now_us() const override { return now_; }
  void set(TimeUs now) { now_ = now; }
  void advance_us(TimeUs by) { now_ += by; }

 private:
  std::atomic<TimeUs> now_;
};

}  // namespace latent::test
