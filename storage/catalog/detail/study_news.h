// What a group of new instances says of studies and patients that the catalog does not know yet, or
// knows otherwise: the statements that make or merge their rows.
#pragma once

#include <vector>

#include "storage/catalog/detail/arrivals.h"

namespace latent::storage::catalog::detail {

/// What the group says of one study.
struct StudyNews {
  StudyUid uid;
  Bytes identity;  ///< of the person that its first saying names
  TimeUs received_us = 0;
  Cells patient;
  Cells study;
  /// Every person that is named in it, by identity.
  struct Said {
    Bytes identity;
    Cells patient;
  };
  std::vector<Said> said;
  bool is_new = false;  ///< its row was made by the merge
};
/// Of all series with news, ascending by UID.
std::vector<StudyNews> news_of(const std::vector<SeriesArrival>& series);

/// Rows of patients, studies and series exist and are merged, and Arrivals::lock_studies() is done.
/// Statement news.size() + i inserts the study of news[i], when there is none.
std::vector<database::Statement> merge_statements(const std::vector<StudyNews>& news,
                                                  const Arrivals& arrivals);
/// What is still empty of the patient is filled; after the counting, which has locked the row.
database::Statement fill_patient(const StudyNews& news);

/// The cells of one level that an instance says.
Cells row_of(const NewInstance& instance, Level level);

}  // namespace latent::storage::catalog::detail
