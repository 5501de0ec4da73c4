// The statements by which instances become visible, built once from the table of attributes.
//
// Lock order, the same for every group, so that parallel groups cannot deadlock: new patients by
// identity, new studies by UID, rows of study by id, new instances by UID, rows of patient by id.
// Whoever holds the row of a study is alone in changing its series and counters.
#pragma once

#include <string>

#include "storage/catalog/detail/columns.h"

namespace latent::storage::catalog::detail {

struct InsertSql {
  /// One plan for all calls, looking rows up by index: plans made while tables are still empty
  /// would otherwise scan them for as long as a connection lives.
  std::string fix_plans;
  /// $1 study UIDs, $2 series UIDs → place in the arrays (from 1), series id, study id,
  /// observation.
  std::string find_series;

  /// $1 study UIDs, $2 identities, then the patient cells. One row a study.
  std::string insert_patients;
  /// $1 study UIDs, $2 identities, $3 patient IDs, $4 issuers, $5 name keys, $6 birth dates,
  /// $7 received µs, then the study cells. One row a study.
  std::string insert_studies;
  /// $1 study UIDs.
  std::string lock_studies;
  /// $1 study UIDs, then the study cells: what is still empty is filled.
  std::string fill_studies;
  /// $1 study UIDs, $2 identities, $3 patient IDs, $4 issuers, $5 names, $6 name keys,
  /// $7 birth dates as they came, $8 as dates. One row a study and identity.
  std::string flag_other_patients;
  /// $1 study UIDs, $2 series UIDs, $3 observations, then the series cells.
  std::string insert_series;

  /// $1 ids of all studies; then see instance_params(). Locks the studies first.
  std::string insert_instances;
  /// $1 series ids, $2 numbers of new instances, $3 study ids and $4 SOP classes, pair by pair,
  /// $5 received µs.
  std::string count;
  /// $1 study UIDs, then the patient cells: what is still empty is filled. After `count`, which
  /// has locked the rows.
  std::string fill_patients;
};

const InsertSql& insert_sql();

}  // namespace latent::storage::catalog::detail
