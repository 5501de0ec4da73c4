// Read buffers that connections borrow while bytes are at hand and give back when they are idle.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "security/base/mutex.h"

namespace latent::server::dimse {

/// Measured (tech.md §1): 64 KiB reads fastest; smaller ones cost calls, larger ones the cache.
using ReadBuffer = std::array<std::byte, 64u << 10>;

/// Thread safe. What is lent is bounded by the number of connections that have unread bytes.
class BufferPool {
 public:
  std::unique_ptr<ReadBuffer> take() {
    {
      const MutexLock lock(mutex_);
      if (!free_.empty()) {
        auto buffer = std::move(free_.back());
        free_.pop_back();
        return buffer;
      }
    }
    return std::unique_ptr<ReadBuffer>(new ReadBuffer);  // not zeroed: it is written before read
  }
  void give_back(std::unique_ptr<ReadBuffer> buffer) {
    const MutexLock lock(mutex_);
    if (free_.size() < kKept) free_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kKept = 64;
  Mutex mutex_;
  std::vector<std::unique_ptr<ReadBuffer>> free_ LATENT_GUARDED_BY(mutex_);
};

}  // namespace latent::server::dimse
