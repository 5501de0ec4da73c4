#include "storage/keyring/detail/key_cache.h"

#include <utility>

namespace latent::storage::keyring::detail {

using security::keys::StudyKeyPtr;

StudyKeyPtr KeyCache::touch(Order::iterator place) {
  order_.splice(order_.begin(), order_, place);
  return place->key;
}

StudyKeyPtr KeyCache::find(const StudyUid& study) {
  const MutexLock lock(mutex_);
  const auto found = by_study_.find(study);
  return found == by_study_.end() ? nullptr : touch(found->second);
}

StudyKeyPtr KeyCache::find(const KeyId& id) {
  const MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : touch(found->second);
}

void KeyCache::put(const std::optional<StudyUid>& study, StudyKeyPtr key) {
  const MutexLock lock(mutex_);
  if (by_id_.contains(key->id())) return;
  order_.push_front({study, std::move(key)});
  const auto place = order_.begin();
  by_id_[place->key->id()] = place;
  if (study) by_study_[*study] = place;  // a destroyed key's study may have a new one
  if (order_.size() <= keys_max_) return;

  const auto oldest = std::prev(order_.end());
  by_id_.erase(oldest->key->id());
  if (oldest->study) {
    const auto named = by_study_.find(*oldest->study);
    if (named != by_study_.end() && named->second == oldest) by_study_.erase(named);
  }
  order_.erase(oldest);
}

}  // namespace latent::storage::keyring::detail
