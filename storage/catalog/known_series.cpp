#include "storage/catalog/known_series.h"

#include <functional>
#include <string_view>
#include <utility>

namespace latent::storage::catalog {

std::size_t KnownSeries::HashOfKey::operator()(const Key& key) const {
  const std::hash<std::string_view> hash;
  return hash(key.study.text()) * 31 + hash(key.series.text());
}

const KnownSeries::Entry* KnownSeries::find(const StudyUid& study, const SeriesUid& series) const {
  const auto found = entries_.find({study, series});
  return found == entries_.end() ? nullptr : &found->second;
}

void KnownSeries::learn(const StudyUid& study, const SeriesUid& series, Entry entry) {
  // Emptied when full: what is still being sent is back after one group.
  if (entries_.size() >= kEntriesMax) entries_.clear();
  entries_.insert_or_assign({study, series}, std::move(entry));
}

}  // namespace latent::storage::catalog
