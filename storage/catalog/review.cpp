#include "storage/catalog/review.h"

#include <charconv>

#include "storage/catalog/detail/stored_row.h"

namespace latent::storage::catalog {
namespace {

using database::Params;

/// "{1048592,2097184}" → tags.
std::vector<dicom::model::Tag> tags_of(std::string_view array) {
  std::vector<dicom::model::Tag> tags;
  const char* at = array.data();
  const char* const end = at + array.size();
  while (at != end) {
    std::uint32_t number = 0;
    const auto [behind, error] = std::from_chars(at, end, number);
    if (error == std::errc()) tags.push_back(dicom::model::Tag::from(number));
    at = behind == at ? at + 1 : behind;
  }
  return tags;
}

}  // namespace

Result<std::vector<PatientConflict>> patient_conflicts(database::Transaction& transaction,
                                                       ReviewPage page) {
  constexpr std::string_view kSql =
      "SELECT patient_id, issuer, patient_name, birth_date, NULL AS study_uid, studies,"
      "  1 AS kind, id AS place FROM patient WHERE studies > 0 AND patient_id <> ''"
      "  AND EXISTS (SELECT FROM patient AS other WHERE other.patient_id = patient.patient_id"
      "   AND other.issuer = patient.issuer AND other.id <> patient.id AND other.studies > 0)"
      " UNION ALL SELECT said.patient_id, said.issuer, said.patient_name, said.birth_date,"
      "  study.study_uid, 0, 2, study.id FROM patient_conflict AS said"
      "  JOIN study ON study.id = said.study"
      " ORDER BY kind, patient_id, issuer, place, patient_name OFFSET $1 LIMIT $2";
  LATENT_TRY(auto rows,
             transaction.execute(kSql, Params().integer(page.offset).integer(page.limit)));
  std::vector<PatientConflict> conflicts;
  for (int row = 0; row < rows.size(); ++row) {
    const auto text = [&](int column) {
      return Phi<std::string>(std::string(rows.text(row, column)));
    };
    conflicts.push_back({.patient_id = text(0),
                         .issuer = text(1),
                         .patient_name = text(2),
                         .birth_date = text(3),
                         .study = StudyUid::parse(rows.text(row, 4)),
                         .studies = rows.integer(row, 5)});
  }
  return conflicts;
}

Result<std::vector<VersionReview>> versions_to_review(database::Transaction& transaction,
                                                      ReviewPage page) {
  static const std::string kSql =
      "SELECT " + std::string(detail::kStoredColumns) +
      ", instance.superseded_by, (extract(epoch FROM instance.superseded_at) * 1000000)::bigint,"
      " instance.differing_tags" +
      std::string(detail::kFromInstance) +
      " WHERE instance.superseded_at IS NOT NULL AND instance.reviewed_at IS NULL"
      " ORDER BY instance.sop_instance, instance.version OFFSET $1 LIMIT $2";
  LATENT_TRY(auto rows,
             transaction.execute(kSql, Params().integer(page.offset).integer(page.limit)));
  std::vector<VersionReview> reviews;
  for (int row = 0; row < rows.size(); ++row) {
    LATENT_TRY(auto kept, detail::stored_instance(rows, row));
    constexpr int kMore = detail::kStoredColumnCount;
    reviews.push_back({.kept = kept,
                       .superseded_by = static_cast<std::uint32_t>(rows.integer(row, kMore)),
                       .superseded_us = rows.integer(row, kMore + 1),
                       .differing_tags = tags_of(rows.text(row, kMore + 2))});
  }
  return reviews;
}

}  // namespace latent::storage::catalog
