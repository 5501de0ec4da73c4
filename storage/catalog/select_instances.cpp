#include "storage/catalog/select_instances.h"

#include "storage/catalog/detail/stored_row.h"

namespace latent::storage::catalog {
namespace {

template <class Uids>
std::vector<std::optional<std::string>> as_array(const Uids& uids) {
  std::vector<std::optional<std::string>> array;
  array.reserve(uids.size());
  for (const auto& uid : uids) array.emplace_back(uid.str());
  return array;
}

}  // namespace

Result<std::vector<StoredInstance>> select_instances(database::Transaction& transaction,
                                                     const UniqueKeys& keys) {
  database::Params params;
  int count = 0;
  std::string where = " WHERE instance.superseded_at IS NULL";
  const auto restrict = [&](std::string_view column, const auto& uids) {
    if (uids.empty()) return;
    params.text_array(as_array(uids));
    where += " AND " + std::string(column) + " = ANY($" + std::to_string(++count) + "::text[])";
  };
  if (keys.patient_id) {
    params.text(std::string_view(*keys.patient_id));
    where += " AND patient.patient_id = $" + std::to_string(++count);
  }
  restrict("study.study_uid", keys.studies);
  restrict("series.series_uid", keys.series);
  restrict("instance.sop_instance", keys.instances);
  const std::string sql = std::string("SELECT ") + std::string(detail::kStoredColumns) +
                          " FROM instance JOIN series ON series.id = instance.series"
                          " JOIN study ON study.id = series.study"
                          " JOIN patient ON patient.id = study.patient" +
                          where +
                          " ORDER BY study.study_uid, series.series_uid,"
                          " instance.instance_number_value, instance.sop_instance";
  LATENT_TRY(auto rows, transaction.execute(sql, params));
  return detail::stored_instances(rows);
}

Result<std::vector<StudySubject>> study_subjects(database::Transaction& transaction,
                                                 std::span<const StudyUid> studies) {
  if (studies.empty()) return std::vector<StudySubject>{};
  LATENT_TRY(auto rows, transaction.execute(
                            "SELECT study.study_uid, nullif(patient.patient_id, ''),"
                            " patient.patient_name, study.accession_number"
                            " FROM study JOIN patient ON patient.id = study.patient"
                            " WHERE study.study_uid = ANY($1::text[]) ORDER BY study.study_uid",
                            database::Params().text_array(as_array(studies))));
  std::vector<StudySubject> subjects;
  for (int row = 0; row < rows.size(); ++row) {
    const auto study = StudyUid::parse(rows.text(row, 0));
    if (!study) return fail(ErrorCode::corrupt, "catalog: a study row holds no UID", "catalog");
    subjects.push_back({.study = *study,
                        .patient_id = rows.optional_text(row, 1),
                        .patient_name = rows.optional_text(row, 2),
                        .accession_number = rows.optional_text(row, 3)});
  }
  return subjects;
}

}  // namespace latent::storage::catalog
