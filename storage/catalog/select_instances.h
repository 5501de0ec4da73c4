// Which stored instances the unique keys of a retrieve mean (PS3.4 C.4.2.1.4).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "security/base/result.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/transaction.h"

namespace latent::storage::catalog {

/// Conditions are joined by AND; an empty list or a missing ID does not restrict.
struct UniqueKeys {
  std::optional<std::string> patient_id;
  std::vector<StudyUid> studies;
  std::vector<SeriesUid> series;
  std::vector<InstanceUid> instances;
};

/// Current versions only, ordered by study, series, instance number and UID.
Result<std::vector<StoredInstance>> select_instances(database::Transaction& transaction,
                                                     const UniqueKeys& keys);

/// What an audit event says of a study.
struct StudySubject {
  StudyUid study;
  std::optional<std::string> patient_id, patient_name, accession_number;
};
Result<std::vector<StudySubject>> study_subjects(database::Transaction& transaction,
                                                 std::span<const StudyUid> studies);

}  // namespace latent::storage::catalog
