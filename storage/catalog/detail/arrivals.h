// A group of new instances, sorted into the series, studies and patients that they speak of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/catalog/detail/columns.h"
#include "storage/catalog/known_series.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/transaction.h"

namespace latent::storage::catalog::detail {

/// Instances of one series in a group.
struct SeriesArrival {
  const NewInstance* first = nullptr;
  std::int64_t instances = 0;
  /// One instance for each different saying about patient, study and series, and its hash.
  struct Saying {
    const NewInstance* instance = nullptr;
    std::int64_t observation = 0;
  };
  std::vector<Saying> sayings;
  std::vector<SopClassUid> sop_classes;  ///< each once

  // What the catalog knows; 0 = no row yet.
  std::int64_t series_id = 0;
  std::int64_t study_id = 0;
  std::int64_t known_observation = 0;

  /// Known from a group before: nothing is looked up, and only counters change.
  bool is_known = false;
  bool is_news() const;  ///< rows must be made or merged first
  /// What its row says of itself after this group.
  std::int64_t observation() const { return sayings.back().observation; }
};

struct Arrivals {
  explicit Arrivals(std::span<const NewInstance> instances);

  std::span<const NewInstance> instances;
  std::vector<SeriesArrival> series;
  std::vector<std::size_t> series_of;  ///< place in `series`, for each instance

  /// Marks what needs no look-up.
  void take_known(const KnownSeries& known);
  /// Tells what is known once the transaction is committed.
  void teach(KnownSeries& known) const;
  bool all_known() const;

  /// Looks up what is not known.
  database::Statement find_series() const;
  /// Errors: corrupt.
  Result<void> take_found(const database::Rows& rows);

  /// All studies with series that are not known, at once and before count(): the lock order.
  database::Statement lock_studies() const;
  /// Counters of each series, ascending by id; each touches one row, or none when the series is not
  /// as it was.
  std::vector<database::Statement> count() const;
  database::Statement insert_instance(std::size_t i) const;
};

}  // namespace latent::storage::catalog::detail
