// Mutex with clang's capability attributes, so that `clang++ -Wthread-safety` finds an unguarded
// access even with libstdc++ (CI compiles once with clang for it).
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define LATENT_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define LATENT_THREAD_ATTRIBUTE(x)
#endif
#define LATENT_GUARDED_BY(x) LATENT_THREAD_ATTRIBUTE(guarded_by(x))
#define LATENT_REQUIRES(...) LATENT_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))

namespace latent {

class LATENT_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() LATENT_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() LATENT_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  std::mutex& native() { return mutex_; }

 private:
  std::mutex mutex_;
};

class LATENT_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) LATENT_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : lock_(mutex.native()) {}
  ~MutexLock() LATENT_THREAD_ATTRIBUTE(release_capability()) = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  /// For std::condition_variable::wait and friends.
  std::unique_lock<std::mutex>& native() { return lock_; }
  /// Give the lock up for a while; the guarded state may have changed after relock().
  void unlock() LATENT_THREAD_ATTRIBUTE(release_capability()) { lock_.unlock(); }
  void relock() LATENT_THREAD_ATTRIBUTE(acquire_capability()) { lock_.lock(); }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace latent
