#include "storage/ingest/detail/new_studies.h"

#include <functional>
#include <string_view>

namespace latent::storage::ingest::detail {
namespace {

std::uint64_t hash_of(const InstanceUid& instance) {
  return std::hash<std::string_view>()(instance.text());
}

}  // namespace

bool NewStudies::surely_lacks(const StudyUid& study, const InstanceUid& instance) const {
  const MutexLock lock(mutex_);
  const auto found = instances_.find(study);
  return found != instances_.end() && !found->second.contains(hash_of(instance));
}

void NewStudies::began(const StudyUid& study) {
  const MutexLock lock(mutex_);
  if (!instances_.try_emplace(study).second) return;
  oldest_first_.push_back(study);
  ++count_;  // an empty study takes room too
}

void NewStudies::took(const StudyUid& study, const InstanceUid& instance) {
  const MutexLock lock(mutex_);
  const auto found = instances_.find(study);
  if (found == instances_.end() || !found->second.insert(hash_of(instance)).second) return;
  ++count_;
  while (count_ > kInstancesMax) {
    const auto oldest = instances_.find(oldest_first_.front());
    count_ -= oldest->second.size() + 1;
    instances_.erase(oldest);
    oldest_first_.pop_front();
  }
}

}  // namespace latent::storage::ingest::detail
