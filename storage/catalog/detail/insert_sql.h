// The statements by which instances become visible, built once from the table of attributes.
//
// Lock order, the same for every group, so that parallel groups cannot deadlock: new patients by
// identity, new studies by UID, rows of study by id, rows of series by id (each with its patient),
// new instances. Whoever holds the row of a study is alone in changing what it and its patient say;
// whoever holds the row of a series is alone in adding to it. Most groups need only the latter.
#pragma once

#include <string>

#include "storage/catalog/detail/columns.h"

namespace latent::storage::catalog::detail {

// Statements are for one row and sent many at a time: a plan over scalar parameters starts in a
// tenth of the time that one over dozens of arrays takes, and a group is seldom larger than ten.
struct InsertSql {
  /// $1 study UIDs, $2 series UIDs → place in the arrays (from 1), series id, study id,
  /// observation.
  std::string find_series;

  /// $1 study UID, $2 identity, then the patient cells.
  std::string insert_patient;
  /// $1 study UID, $2 identity, $3 patient ID, $4 issuer, $5 name key, $6 birth date, $7 received
  /// µs, then the study cells.
  std::string insert_study;
  /// $1 study UIDs. Before `fill_study` and `count`.
  std::string lock_studies;
  /// $1 study UID, then the study cells: what is still empty is filled.
  std::string fill_study;
  /// $1 study UID, $2 identity, $3 patient ID, $4 issuer, $5 name, $6 name key, $7 birth date as it
  /// came, $8 as a date.
  std::string flag_other_patient;
  /// $1 study UID, $2 series UID, $3 observation, then the series cells.
  std::string insert_series;
  /// $1 study UID, then the patient cells: what is still empty is filled. After `count`, which has
  /// locked the row.
  std::string fill_patient;

  /// $1 series id, $2 study id, $3 number of new instances, $4 their SOP classes. Touches one row,
  /// or none when the series is not there any more.
  std::string count;
  /// $1 series id, $2 study id, $3 number of new instances. For a series that is not empty, in a
  /// study that knows the SOP classes; touches one row, or none when it is not so.
  std::string count_known;
  /// One row; parameters as Arrivals::insert_instance() gives them.
  std::string insert_instance;
};

const InsertSql& insert_sql();

}  // namespace latent::storage::catalog::detail
