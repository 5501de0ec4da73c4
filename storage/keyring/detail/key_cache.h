// Unwrapped keys, the least recently used dropped first.
#pragma once

#include <list>
#include <optional>
#include <unordered_map>

#include "security/base/identifiers.h"
#include "security/base/mutex.h"
#include "security/keys/study_key.h"

namespace latent::storage::keyring::detail {

/// Threads: safe.
class KeyCache {
 public:
  explicit KeyCache(std::size_t keys_max) : keys_max_(keys_max) {}
  /// Null when not held.
  security::keys::StudyKeyPtr find(const StudyUid& study);
  security::keys::StudyKeyPtr find(const KeyId& id);
  /// `study` is nothing for keys of other purposes.
  void put(const std::optional<StudyUid>& study, security::keys::StudyKeyPtr key);

 private:
  struct Entry {
    std::optional<StudyUid> study{};
    security::keys::StudyKeyPtr key;
  };
  using Order = std::list<Entry>;
  security::keys::StudyKeyPtr touch(Order::iterator place) LATENT_REQUIRES(mutex_);

  const std::size_t keys_max_;
  Mutex mutex_;
  Order order_ LATENT_GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<StudyUid, Order::iterator> by_study_ LATENT_GUARDED_BY(mutex_);
  std::unordered_map<KeyId, Order::iterator> by_id_ LATENT_GUARDED_BY(mutex_);
};

}  // namespace latent::storage::keyring::detail
