// Series that were written to a moment ago: their row ids, so that the next group for them needs no
// look-up. A hint and no more: the statement that counts an instance checks each entry against the
// rows, and one that no longer holds makes the group fail with `conflict`, to be tried without it.
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "security/base/identifiers.h"

namespace latent::storage::catalog {

class KnownSeries {
 public:
  struct Entry {
    std::int64_t series_id = 0;
    std::int64_t study_id = 0;
    std::int64_t observation = 0;  ///< hash of what it said last of patient, study and itself
    std::vector<SopClassUid> sop_classes{};  ///< that its study is known to hold
  };

  /// Null when nothing is known; valid until the next call that changes something.
  const Entry* find(const StudyUid& study, const SeriesUid& series) const;
  /// Of rows that were committed, or are committed with the transaction under way: whoever rolls
  /// that back calls clear().
  void learn(const StudyUid& study, const SeriesUid& series, Entry entry);
  void clear() { entries_.clear(); }

 private:
  static constexpr std::size_t kEntriesMax = 4096;

  struct Key {
    StudyUid study;
    SeriesUid series;
    bool operator==(const Key&) const = default;
  };
  struct HashOfKey {
    std::size_t operator()(const Key& key) const;
  };
  std::unordered_map<Key, Entry, HashOfKey> entries_;
};

}  // namespace latent::storage::catalog
