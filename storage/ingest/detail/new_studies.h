// Studies whose first instance came a moment ago, by us: all their instances are known, so that
// most newcomers need not be looked up before they are written. A hint and no more: the unique
// index over SOP Instance UIDs decides what is new. Thread safe.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "security/base/identifiers.h"
#include "security/base/mutex.h"

namespace latent::storage::ingest::detail {

class NewStudies {
 public:
  /// False when it is there already, or when that is not known.
  bool surely_lacks(const StudyUid& study, const InstanceUid& instance) const;
  /// The study's row was made by a transaction of ours, which is committed.
  void began(const StudyUid& study);
  /// An instance of it was committed; before anybody else may ask for the same.
  void took(const StudyUid& study, const InstanceUid& instance);

 private:
  /// 8 bytes each and the set's own: some 10 MB at most.
  static constexpr std::size_t kInstancesMax = 200'000;

  mutable Mutex mutex_;
  std::unordered_map<StudyUid, std::unordered_set<std::uint64_t>> instances_
      LATENT_GUARDED_BY(mutex_);  ///< hashes of UIDs: equal ones only cost a look-up
  std::deque<StudyUid> oldest_first_ LATENT_GUARDED_BY(mutex_);
  std::size_t count_ LATENT_GUARDED_BY(mutex_) = 0;
};

}  // namespace latent::storage::ingest::detail
