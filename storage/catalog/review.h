// What a person should look at: patients that contradict each other, versions that differ.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dicom/model/tag.h"
#include "security/base/phi.h"
#include "security/base/result.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/transaction.h"

namespace latent::storage::catalog {

struct ReviewPage {
  std::int64_t offset = 0;
  std::int64_t limit = 1000;
};

/// Either one of several patients under one Patient ID and issuer (`study` empty), or a patient
/// that objects inside another patient's study name.
struct PatientConflict {
  Phi<std::string> patient_id;
  Phi<std::string> issuer;
  Phi<std::string> patient_name;
  Phi<std::string> birth_date;  ///< as it came
  std::optional<StudyUid> study;
  std::int64_t studies = 0;  ///< of the patient row; 0 for the second kind
};
/// The first kind first, each by ID and issuer, then in order of arrival.
Result<std::vector<PatientConflict>> patient_conflicts(database::Transaction& transaction,
                                                       ReviewPage page);

/// A version that another one superseded, and that nobody has looked at yet.
struct VersionReview {
  StoredInstance kept;
  std::uint32_t superseded_by = 0;
  TimeUs superseded_us = 0;
  std::vector<dicom::model::Tag> differing_tags;
};
/// By instance, then by version.
Result<std::vector<VersionReview>> versions_to_review(database::Transaction& transaction,
                                                      ReviewPage page);

}  // namespace latent::storage::catalog
