// A few threads and one bounded queue, for work that may block (SQL, file sync, comparing).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "security/base/mutex.h"

namespace latent {

class WorkerPool {
 public:
  WorkerPool(unsigned threads, std::size_t queue_max);
  /// Runs what is queued, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when the queue is full or the pool is stopping; the job is then not taken.
  [[nodiscard]] bool post(std::function<void()> job);

 private:
  void work();

  const std::size_t queue_max_;
  Mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_ LATENT_GUARDED_BY(mutex_);
  bool stopping_ LATENT_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace latent
