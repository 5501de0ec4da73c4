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
  return each(level, [](const Column& column) { return column.expression; });
}
/// ", $8::text[], $9::date[] …"
std::string parameters(Level level, int first) {
  return each(level, [&](const Column& column) {
    return fmt::format("${}::{}", first++, column.array_type);
  });
}

/// "a = coalesce(study.a, n.a), …"; a typed value goes with the text it was read from.
std::string fillings(Level level, std::string_view table) {
  std::string all = each(level, [&](const Column& column) {
    return fmt::format("{0} = CASE WHEN {1}.{2} IS NULL THEN {3} ELSE {1}.{0} END", column.name,
                       table, column.attribute, column.expression);
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
    return is_identity ? "coalesce(" + column.expression + ", '')" : column.expression;
  });
}

std::string insert_patients() {
  return fmt::format(
      "INSERT INTO patient (identity{0}) SELECT DISTINCT ON (n.identity) n.identity{1}"
      " FROM unnest($1::text[], $2::bytea[]{2}) AS n(study_uid, identity{0})"
      " WHERE NOT EXISTS (SELECT FROM study WHERE study.study_uid = n.study_uid)"
      " AND NOT EXISTS (SELECT FROM patient WHERE patient.identity = n.identity)"
      " AND NOT EXISTS (SELECT FROM patient WHERE {3})"
      " ORDER BY n.identity ON CONFLICT (identity) DO NOTHING",
      names(Level::patient), patient_expressions(), parameters(Level::patient, 3), kSamePerson);
}

std::string insert_studies() {
  const std::string received = fmt::format(kReceived, "n.received");
  return fmt::format(
      "INSERT INTO study (patient, study_uid, received_first, received_last{0})"
      " SELECT coalesce((SELECT id FROM patient WHERE patient.identity = n.identity),"
      " (SELECT id FROM patient WHERE {1} ORDER BY id LIMIT 1)), n.study_uid, {2}, {2}{3}"
      " FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::date[],"
      " $7::bigint[]{4}) AS n(study_uid, identity, patient_id, issuer, patient_name_key,"
      " birth_date_value, received{0})"
      " WHERE NOT EXISTS (SELECT FROM study WHERE study.study_uid = n.study_uid)"
      " ORDER BY n.study_uid ON CONFLICT (study_uid) DO NOTHING",
      names(Level::study), kSamePerson, received, expressions(Level::study),
      parameters(Level::study, 8));
}

std::string fill_studies() {
  return fmt::format(
      "UPDATE study SET {0} FROM unnest($1::text[]{1}) AS n(study_uid{2})"
      " WHERE study.study_uid = n.study_uid AND ({3})",
      fillings(Level::study, "study"), parameters(Level::study, 2), names(Level::study),
      has_filling(Level::study, "study"));
}

std::string flag_other_patients() {
  return fmt::format(
      "INSERT INTO patient_conflict (study, identity, patient_id, issuer, patient_name, birth_date,"
      " first_seen) SELECT study.id, n.identity, coalesce(n.patient_id, ''),"
      " coalesce(n.issuer, ''), n.patient_name, n.birth_date, now()"
      " FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[],"
      " $7::text[], $8::date[]) AS n(study_uid, identity, patient_id, issuer, patient_name,"
      " patient_name_key, birth_date, birth_date_value)"
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
      " FROM unnest($1::text[], $2::text[], $3::bigint[]{2}) AS n(study_uid, series_uid,"
      " observation{0}) JOIN study ON study.study_uid = n.study_uid"
      " ORDER BY study.id, n.series_uid"
      " ON CONFLICT (study, series_uid) DO UPDATE SET observation = EXCLUDED.observation{3}",
      names(Level::series), expressions(Level::series), parameters(Level::series, 4), filled);
}

std::string insert_instances() {
  constexpr std::string_view kNames =
      "series, sop_instance, sop_class, transfer_syntax, version, blob, key, segment,"
      " segment_offset, sealed_bytes, digest, plaintext_bytes, data_set_offset, received, source,"
      " assumed_character_set, pixel_layout, attributes";
  return fmt::format(
      "WITH locked AS MATERIALIZED (SELECT id FROM study WHERE id = ANY($1::bigint[])"
      " ORDER BY id FOR NO KEY UPDATE)"
      " INSERT INTO instance ({0}{1})"
      " SELECT n.series, n.sop_instance, n.sop_class, n.transfer_syntax, n.version, n.blob, n.key,"
      " n.segment, n.segment_offset, n.sealed_bytes, n.digest, n.plaintext_bytes,"
      " n.data_set_offset, {2}, n.source, n.assumed_character_set, n.pixel_layout, n.attributes{3}"
      " FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bytea[],"
      " $8::bytea[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::bigint[],"
      " $14::bigint[], $15::bigint[], $16::text[], $17::text[], $18::bytea[], $19::bytea[]{4})"
      " AS n({0}{1})"
      " WHERE (SELECT count(*) FROM locked) = cardinality($1::bigint[]) ORDER BY n.sop_instance",
      kNames, names(Level::image), fmt::format(kReceived, "n.received"), expressions(Level::image),
      parameters(Level::image, 20));
}

constexpr std::string_view kFixPlans =
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true),"
    " set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true)";

constexpr std::string_view kFindSeries =
    "SELECT n.place, series.id, series.study, series.observation"
    " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n(study_uid, series_uid, place)"
    " JOIN study ON study.study_uid = n.study_uid"
    " JOIN series ON series.study = study.id AND series.series_uid = n.series_uid";

constexpr std::string_view kLockStudies =
    "SELECT id FROM study WHERE study_uid = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE";

// A series or study is new to its parent's counter when all it holds now came with this group.
constexpr std::string_view kCount =
    "WITH came AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS came(series, number)),"
    " counted AS (UPDATE series SET instances = series.instances + came.number FROM came"
    "  WHERE series.id = came.series RETURNING series.study, series.modality, came.number,"
    "  (series.instances = came.number)::integer AS is_new),"
    " by_study AS (SELECT counted.study, sum(number)::bigint AS instances,"
    "  sum(is_new)::bigint AS series,"
    "  array_agg(DISTINCT modality) FILTER (WHERE modality IS NOT NULL) AS modalities,"
    "  ARRAY(SELECT DISTINCT c.sop_class FROM unnest($3::bigint[], $4::text[])"
    "   AS c(study, sop_class) WHERE c.study = counted.study) AS sop_classes"
    "  FROM counted GROUP BY counted.study),"
    " studied AS (UPDATE study SET instances = study.instances + by_study.instances,"
    "  series = study.series + by_study.series,"
    "  modalities = CASE WHEN by_study.modalities IS NULL"
    "    OR study.modalities @> by_study.modalities THEN study.modalities"
    "   ELSE ARRAY(SELECT DISTINCT unnest(study.modalities || by_study.modalities) ORDER BY 1) END,"
    "  sop_classes = CASE WHEN study.sop_classes @> by_study.sop_classes THEN study.sop_classes"
    "   ELSE ARRAY(SELECT DISTINCT unnest(study.sop_classes || by_study.sop_classes)"
    "    ORDER BY 1) END,"
    "  received_last = greatest(study.received_last,"
    "   timestamptz 'epoch' + $5::bigint * interval '1 microsecond')"
    "  FROM by_study WHERE study.id = by_study.study RETURNING study.patient, by_study.instances,"
    "  by_study.series, (study.instances = by_study.instances)::integer AS is_new),"
    " by_patient AS (SELECT studied.patient, sum(instances)::bigint AS instances,"
    "  sum(series)::bigint AS series, sum(is_new)::bigint AS studies"
    "  FROM studied GROUP BY studied.patient),"
    " locked AS MATERIALIZED (SELECT patient.id FROM patient"
    "  WHERE patient.id IN (SELECT by_patient.patient FROM by_patient) ORDER BY patient.id"
    "  FOR NO KEY UPDATE)"
    " UPDATE patient SET instances = patient.instances + by_patient.instances,"
    "  series = patient.series + by_patient.series, studies = patient.studies + by_patient.studies"
    " FROM by_patient JOIN locked ON locked.id = by_patient.patient"
    " WHERE patient.id = locked.id";

std::string fill_patients() {
  return fmt::format(
      "UPDATE patient SET {0} FROM unnest($1::text[]{1}) AS n(study_uid{2})"
      " JOIN study ON study.study_uid = n.study_uid"
      " WHERE patient.id = study.patient AND {3} AND ({4})",
      fillings(Level::patient, "patient"), parameters(Level::patient, 2), names(Level::patient),
      kSamePerson, has_filling(Level::patient, "patient"));
}

}  // namespace

const InsertSql& insert_sql() {
  static const InsertSql kSql = {.fix_plans = std::string(kFixPlans),
                                 .find_series = std::string(kFindSeries),
                                 .insert_patients = insert_patients(),
                                 .insert_studies = insert_studies(),
                                 .lock_studies = std::string(kLockStudies),
                                 .fill_studies = fill_studies(),
                                 .flag_other_patients = flag_other_patients(),
                                 .insert_series = insert_series(),
                                 .insert_instances = insert_instances(),
                                 .count = std::string(kCount),
                                 .fill_patients = fill_patients()};
  return kSql;
}

}  // namespace latent::storage::catalog::detail
