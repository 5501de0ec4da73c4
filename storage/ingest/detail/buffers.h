// Sealed bytes of one object after the other: buffers that have their size already are used again,
// since growing a fresh one costs more page faults than sealing costs time.
#pragma once

#include <vector>

#include "security/base/bytes.h"
#include "security/base/mutex.h"

namespace latent::storage::ingest::detail {

class Buffers {
 public:
  static constexpr std::size_t kKeptMax = 32;
  static constexpr std::size_t kKeptCapacityMax = 2u << 20;

  Bytes take() {
    const MutexLock lock(mutex_);
    if (free_.empty()) return {};
    Bytes buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void give_back(Bytes buffer) {
    if (buffer.capacity() == 0 || buffer.capacity() > kKeptCapacityMax) return;
    buffer.clear();
    const MutexLock lock(mutex_);
    if (free_.size() < kKeptMax) free_.push_back(std::move(buffer));
  }

 private:
  Mutex mutex_;
  std::vector<Bytes> free_ LATENT_GUARDED_BY(mutex_);
};

}  // namespace latent::storage::ingest::detail
