#include "storage/catalog/detail/study_news.h"

#include <algorithm>
#include <map>

#include "security/crypto/sha256.h"
#include "storage/catalog/detail/insert_sql.h"

namespace latent::storage::catalog::detail {
namespace {

using database::Params;
using database::Statement;
using dicom::text::CharacterSet;
using security::crypto::Sha256;

CharacterSet character_set_of(const NewInstance& instance) {
  const auto found = instance.index->attributes.find(dicom::model::tags::kSpecificCharacterSet);
  const std::string_view declared =
      found == instance.index->attributes.end() ? std::string_view() : as_text(found->second.bytes);
  return CharacterSet::parse(declared, instance.assumed_character_set);
}

const Cell& cell_named(const Cells& cells, Level level, std::string_view name) {
  const auto& columns = columns_of(level);
  const auto column = std::ranges::find(columns, name, &Column::name);
  return cells[static_cast<std::size_t>(column - columns.begin())];
}

/// What is empty in `into` is filled; a typed value goes with the text it was read from.
void merge(Cells& into, const Cells& from, Level level) {
  const auto& columns = columns_of(level);
  bool fills = false;
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (columns[i].name == columns[i].attribute) fills = !into[i];
    if (fills) into[i] = from[i];
  }
}

/// What makes a row of patient one person: see migration 0002.
Bytes identity_of(const Cells& patient, const StudyUid& study) {
  Sha256 hash;
  const Cell& id = cell_named(patient, Level::patient, "patient_id");
  if (!id) {
    hash.update_with_length(as_bytes(study.text()));
  } else {
    for (const std::string_view column :
         {"patient_id", "issuer", "patient_name_key", "birth_date_value"})
      hash.update_with_length(
          as_bytes(cell_named(patient, Level::patient, column).value_or(std::string())));
  }
  const Digest digest = hash.finish();
  return Bytes(digest.bytes.begin(), digest.bytes.begin() + 16);
}

void add(Params& params, const Cells& cells) {
  for (const Cell& cell : cells) params.text(cell);
}
void add(Params& params, const Cells& patient, std::initializer_list<std::string_view> columns) {
  for (const std::string_view column : columns)
    params.text(cell_named(patient, Level::patient, column));
}

void take_saying(StudyNews& news, const NewInstance& instance) {
  Cells patient = row_of(instance, Level::patient);
  Cells study = row_of(instance, Level::study);
  Bytes identity = identity_of(patient, news.uid);
  if (std::ranges::find(news.said, identity, &StudyNews::Said::identity) == news.said.end())
    news.said.push_back({identity, patient});
  if (news.study.empty()) {
    news.identity = std::move(identity);
    news.received_us = instance.stored.received_us;
    news.patient = std::move(patient);
    news.study = std::move(study);
    return;
  }
  if (identity == news.identity) merge(news.patient, patient, Level::patient);
  merge(news.study, study, Level::study);
}

Statement insert_patient(const StudyNews& news) {
  Params params;
  params.text(news.uid.text()).bytes(news.identity);
  add(params, news.patient);
  return {insert_sql().insert_patient, std::move(params)};
}

Statement insert_study(const StudyNews& news) {
  Params params;
  params.text(news.uid.text()).bytes(news.identity);
  add(params, news.patient, {"patient_id", "issuer", "patient_name_key", "birth_date_value"});
  params.integer(news.received_us);
  add(params, news.study);
  return {insert_sql().insert_study, std::move(params)};
}

Statement fill_study(const StudyNews& news) {
  Params params;
  params.text(news.uid.text());
  add(params, news.study);
  return {insert_sql().fill_study, std::move(params)};
}

Statement flag_other_patient(const StudyNews& news, const StudyNews::Said& said) {
  Params params;
  params.text(news.uid.text()).bytes(said.identity);
  add(params, said.patient,
      {"patient_id", "issuer", "patient_name", "patient_name_key", "birth_date",
       "birth_date_value"});
  return {insert_sql().flag_other_patient, std::move(params)};
}

Statement insert_series(const SeriesArrival& arrival) {
  Cells row = row_of(*arrival.first, Level::series);
  for (const SeriesArrival::Saying& saying : arrival.sayings)
    merge(row, row_of(*saying.instance, Level::series), Level::series);
  Params params;
  params.text(arrival.first->stored.study.text())
      .text(arrival.first->stored.series.text())
      .integer(arrival.observation());
  add(params, row);
  return {insert_sql().insert_series, std::move(params)};
}

}  // namespace

Cells row_of(const NewInstance& instance, Level level) {
  return cells_of(*instance.index, character_set_of(instance), level);
}

std::vector<StudyNews> news_of(const std::vector<SeriesArrival>& series) {
  std::map<StudyUid, StudyNews> by_uid;
  for (const SeriesArrival& arrival : series) {
    if (!arrival.is_news()) continue;
    const StudyUid& uid = arrival.first->stored.study;
    StudyNews& news = by_uid.try_emplace(uid, StudyNews{uid, {}, {}, {}, {}, {}}).first->second;
    for (const SeriesArrival::Saying& saying : arrival.sayings) take_saying(news, *saying.instance);
  }
  std::vector<StudyNews> all;
  for (auto& [uid, news] : by_uid) all.push_back(std::move(news));
  return all;
}

std::vector<Statement> merge_statements(const std::vector<StudyNews>& news,
                                        const Arrivals& arrivals) {
  std::vector<const StudyNews*> by_identity;
  for (const StudyNews& study : news) by_identity.push_back(&study);
  std::ranges::sort(by_identity, {}, [](const StudyNews* study) { return study->identity; });

  std::vector<Statement> statements;
  for (const StudyNews* study : by_identity) statements.push_back(insert_patient(*study));
  for (const StudyNews& study : news) statements.push_back(insert_study(study));
  statements.push_back(arrivals.lock_studies());
  for (const StudyNews& study : news) {
    statements.push_back(fill_study(study));
    for (const StudyNews::Said& said : study.said)
      statements.push_back(flag_other_patient(study, said));
  }
  for (const SeriesArrival& arrival : arrivals.series)
    if (arrival.is_news()) statements.push_back(insert_series(arrival));
  return statements;
}

Statement fill_patient(const StudyNews& news) {
  Params params;
  params.text(news.uid.text());
  add(params, news.patient);
  return {insert_sql().fill_patient, std::move(params)};
}

}  // namespace latent::storage::catalog::detail
