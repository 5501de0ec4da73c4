#include "storage/catalog/detail/insert_sql.h"

#include <fmt/format.h>

namespace latent::storage::catalog::detail {
namespace {

/// ", a, b, c" over the columns of a level.
template <class Text>
std::string each(Level level, Text text) {
  std::string all;
  for (const Column& column : columns_of(level)) all += ", " + text(column);
  return all;
}

std::string names(Level level) {
  return each(level, [](const Column& column) { return column.name; });
}
std::string expressions(Level level) {
  return each(level, [](const Column& column) { return column.of("n." + column.name); });
}
/// ", $8::text AS a, $9::date AS b …"
std::string parameters(Level level, int first) {
  return each(level, [&](const Column& column) {
    return fmt::format("${}::{} AS {}", first++, column.type, column.name);
  });
}

/// "a = coalesce(study.a, n.a), …"; a typed value goes with the text it was read from.
std::string fillings(Level level, std::string_view table) {
  std::string all = each(level, [&](const Column& column) {
    return fmt::format("{0} = CASE WHEN {1}.{2} IS NULL THEN {3} ELSE {1}.{0} END", column.name,
                       table, column.attribute, column.of("n." + column.name));
  });
  return all.substr(2);
}
std::string has_filling(Level level, std::string_view table) {
  std::string any;
  for (const Column& column : columns_of(level)) {
    if (column.name != column.attribute) continue;
    if (!any.empty()) any += " OR ";
    any += fmt::format("({0}.{1} IS NULL AND n.{1} IS NOT NULL)", table, column.name);
  }
  return any;
}

/// Patient ID and issuer are equal, and nothing known contradicts. NULL for an empty Patient ID.
constexpr std::string_view kSamePerson =
    "(patient.patient_id = n.patient_id AND patient.issuer = coalesce(n.issuer, '')"
    " AND (patient.patient_name_key = n.patient_name_key) IS NOT FALSE"
    " AND (patient.birth_date_value = n.birth_date_value) IS NOT FALSE)";

constexpr std::string_view kReceived = "timestamptz 'epoch' + {} * interval '1 microsecond'";

std::string patient_expressions() {
  return each(Level::patient, [](const Column& column) {
    const bool is_identity = column.name == "patient_id" || column.name == "issuer";
    const std::string value = column.of("n." + column.name);
    return is_identity ? "coalesce(" + value + ", '')" : value;
  });
}

std::string insert_patient() {
  return fmt::format(
      "INSERT INTO patient (identity{0}) SELECT n.identity{1}"
      " FROM (SELECT $1::text AS study_uid, $2::bytea AS identity{2}) AS n"
      " WHERE NOT EXISTS (SELECT FROM study WHERE study.study_uid = n.study_uid)"
      " AND NOT EXISTS (SELECT FROM patient WHERE patient.identity = n.identity)"
      " AND NOT EXISTS (SELECT FROM patient WHERE {3}) ON CONFLICT (identity) DO NOTHING",
      names(Level::patient), patient_expressions(), parameters(Level::patient, 3), kSamePerson);
}

std::string insert_study() {
  const std::string received = fmt::format(kReceived, "n.received");
  return fmt::format(
      "INSERT INTO study (patient, study_uid, received_first{0})"
      " SELECT coalesce((SELECT id FROM patient WHERE patient.identity = n.identity),"
      " (SELECT id FROM patient WHERE {1} ORDER BY id LIMIT 1)), n.study_uid, {2}{3}"
      " FROM (SELECT $1::text AS study_uid, $2::bytea AS identity, $3::text AS patient_id,"
      " $4::text AS issuer, $5::text AS patient_name_key, $6::date AS birth_date_value,"
      " $7::bigint AS received{4}) AS n"
      " WHERE NOT EXISTS (SELECT FROM study WHERE study.study_uid = n.study_uid)"
      " ON CONFLICT (study_uid) DO NOTHING",
      names(Level::study), kSamePerson, received, expressions(Level::study),
      parameters(Level::study, 8));
}

std::string fill_study() {
  return fmt::format(
      "UPDATE study SET {0} FROM (SELECT $1::text AS study_uid{1}) AS n"
      " WHERE study.study_uid = n.study_uid AND ({2})",
      fillings(Level::study, "study"), parameters(Level::study, 2),
      has_filling(Level::study, "study"));
}

std::string flag_other_patient() {
  return fmt::format(
      "INSERT INTO patient_conflict (study, identity, patient_id, issuer, patient_name, birth_date,"
      " first_seen) SELECT study.id, n.identity, coalesce(n.patient_id, ''),"
      " coalesce(n.issuer, ''), n.patient_name, n.birth_date, now()"
      " FROM (SELECT $1::text AS study_uid, $2::bytea AS identity, $3::text AS patient_id,"
      " $4::text AS issuer, $5::text AS patient_name, $6::text AS patient_name_key,"
      " $7::text AS birth_date, $8::date AS birth_date_value) AS n"
      " JOIN study ON study.study_uid = n.study_uid JOIN patient ON patient.id = study.patient"
      " WHERE patient.identity <> n.identity AND {0} IS NOT TRUE ON CONFLICT DO NOTHING",
      kSamePerson);
}

std::string insert_series() {
  const std::string filled = each(Level::series, [](const Column& column) {
    return fmt::format("{0} = CASE WHEN series.{1} IS NULL THEN EXCLUDED.{0} ELSE series.{0} END",
                       column.name, column.attribute);
  });
  return fmt::format(
      "INSERT INTO series (study, series_uid, observation{0})"
      " SELECT study.id, n.series_uid, n.observation{1}"
      " FROM (SELECT $1::text AS study_uid, $2::text AS series_uid, $3::bigint AS observation{2})"
      " AS n JOIN study ON study.study_uid = n.study_uid"
      " ON CONFLICT (study, series_uid) DO UPDATE SET observation = EXCLUDED.observation{3}",
      names(Level::series), expressions(Level::series), parameters(Level::series, 4), filled);
}

std::string insert_instance() {
  constexpr std::string_view kNames =
      "series, sop_instance, sop_class, transfer_syntax, version, blob, key, segment,"
      " segment_offset, sealed_bytes, digest, plaintext_bytes, data_set_offset, received, source,"
      " assumed_character_set, pixel_layout, attributes";
  int next = 19;
  const std::string cells = each(Level::image, [&](const Column& column) {
    return column.of(fmt::format("${}::{}", next++, column.type));
  });
  return fmt::format(
      "INSERT INTO instance ({}{}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
      " {}, $15, $16, $17, $18{})",
      kNames, names(Level::image), fmt::format(kReceived, "$14::bigint"), cells);
}

constexpr std::string_view kFindSeries =
    "SELECT n.place, series.id, series.study, series.observation"
    " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n(study_uid, series_uid, place)"
    " JOIN study ON study.study_uid = n.study_uid"
    " JOIN series ON series.study = study.id AND series.series_uid = n.series_uid";

constexpr std::string_view kLockStudies =
    "SELECT id FROM study WHERE study_uid = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE";

// A series is new to its parents' counters when all it holds now came with this group.
constexpr std::string_view kCount =
    "WITH counted AS (UPDATE series SET instances = series.instances + $3::bigint"
    "  WHERE series.id = $1::bigint AND series.study = $2::bigint"
    "  RETURNING series.study, series.modality,"
    "  (series.instances = $3::bigint)::integer AS is_new),"
    " studied AS (UPDATE study SET series = study.series + counted.is_new,"
    "  modalities = CASE WHEN counted.modality IS NULL"
    "    OR study.modalities @> ARRAY[counted.modality] THEN study.modalities"
    "   ELSE ARRAY(SELECT DISTINCT unnest(study.modalities || counted.modality) ORDER BY 1) END,"
    "  sop_classes = CASE WHEN study.sop_classes @> $4::text[] THEN study.sop_classes"
    "   ELSE ARRAY(SELECT DISTINCT unnest(study.sop_classes || $4::text[]) ORDER BY 1) END"
    "  FROM counted WHERE study.id = counted.study RETURNING study.patient, counted.is_new,"
    "  (study.series = counted.is_new)::integer AS is_first)"
    " UPDATE patient SET series = patient.series + studied.is_new,"
    "  studies = patient.studies + studied.is_first * studied.is_new"
    " FROM studied WHERE patient.id = studied.patient";

constexpr std::string_view kCountKnown =
    "UPDATE series SET instances = instances + $3::bigint"
    " WHERE id = $1::bigint AND study = $2::bigint AND instances > 0";

std::string fill_patient() {
  return fmt::format(
      "UPDATE patient SET {0} FROM (SELECT $1::text AS study_uid{1}) AS n"
      " JOIN study ON study.study_uid = n.study_uid"
      " WHERE patient.id = study.patient AND {2} AND ({3})",
      fillings(Level::patient, "patient"), parameters(Level::patient, 2), kSamePerson,
      has_filling(Level::patient, "patient"));
}

}  // namespace

const InsertSql& insert_sql() {
  static const InsertSql kSql = {.find_series = std::string(kFindSeries),
                                 .insert_patient = insert_patient(),
                                 .insert_study = insert_study(),
                                 .lock_studies = std::string(kLockStudies),
                                 .fill_study = fill_study(),
                                 .flag_other_patient = flag_other_patient(),
                                 .insert_series = insert_series(),
                                 .fill_patient = fill_patient(),
                                 .count = std::string(kCount),
                                 .count_known = std::string(kCountKnown),
                                 .insert_instance = insert_instance()};
  return kSql;
}

}  // namespace latent::storage::catalog::detail
