// A group of new instances, sorted into the series, studies and patients that they speak of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/catalog/detail/columns.h"
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

  // What the catalog knows; 0 = no row yet.
  std::int64_t series_id = 0;
  std::int64_t study_id = 0;
  std::int64_t known_observation = 0;

  bool is_news() const;  ///< rows must be made or merged first
};

struct Arrivals {
  explicit Arrivals(std::span<const NewInstance> instances);

  std::span<const NewInstance> instances;
  std::vector<SeriesArrival> series;
  std::vector<std::size_t> series_of;  ///< place in `series`, for each instance

  database::Statement find_series() const;
  /// Errors: corrupt.
  Result<void> take_found(const database::Rows& rows);

  /// The statements that make and merge the rows of patients, studies and series with news.
  std::vector<database::Statement> merge_statements() const;
  database::Statement fill_patients() const;

  database::Statement insert_instances() const;
  database::Statement count() const;
};

}  // namespace latent::storage::catalog::detail
