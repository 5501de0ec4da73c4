#include "storage/catalog/detail/arrivals.h"

#include <algorithm>
#include <map>
#include <set>

#include "security/crypto/sha256.h"
#include "storage/catalog/detail/insert_sql.h"
#include "storage/catalog/pixel_layout.h"

namespace latent::storage::catalog::detail {
namespace {

using database::Params;
using database::Statement;
using dicom::scanner::DatasetIndex;
using dicom::text::CharacterSet;
using security::crypto::Sha256;

using TextArray = std::vector<std::optional<std::string>>;
using IntegerArray = std::vector<std::optional<std::int64_t>>;
using BytesArray = std::vector<std::optional<Bytes>>;

void hash_with_length(Sha256& hash, ByteSpan bytes) {
  const std::uint64_t length = bytes.size();
  hash.update(std::as_bytes(std::span(&length, 1)));
  hash.update(bytes);
}

void hash_value(Sha256& hash, Tag tag, ByteSpan bytes) {
  const std::uint32_t number = tag.value();
  hash.update(std::as_bytes(std::span(&number, 1)));
  hash_with_length(hash, bytes);
}

/// Over the raw bytes, so that nothing is decoded for the many objects that say the same again.
std::int64_t observation_of(const NewInstance& instance) {
  const DatasetIndex& index = *instance.index;
  Sha256 hash;
  hash_with_length(hash, as_bytes(instance.assumed_character_set));
  for (const auto& [tag, raw] : index.attributes) {
    const Attribute* attribute = find_attribute(tag);
    const bool matters = attribute != nullptr ? attribute->level != Level::image
                                              : tag == dicom::model::tags::kSpecificCharacterSet;
    if (matters) hash_value(hash, tag, raw.bytes);
  }
  for (const auto& [tag, items] : index.sequences) {
    const Attribute* attribute = find_attribute(tag);
    if (attribute == nullptr || attribute->level == Level::image) continue;
    for (const auto& item : items) {
      hash_value(hash, tag, {});
      for (const auto& [item_tag, raw] : item) hash_value(hash, item_tag, raw.bytes);
    }
  }
  const Digest digest = hash.finish();
  return static_cast<std::int64_t>(load_le<std::uint64_t>(digest.bytes));
}

CharacterSet character_set_of(const NewInstance& instance) {
  const auto found = instance.index->attributes.find(dicom::model::tags::kSpecificCharacterSet);
  const std::string_view declared =
      found == instance.index->attributes.end() ? std::string_view() : as_text(found->second.bytes);
  return CharacterSet::parse(declared, instance.assumed_character_set);
}

Cells row_of(const NewInstance& instance, Level level) {
  return cells_of(*instance.index, character_set_of(instance), level);
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
    hash_with_length(hash, as_bytes(study.text()));
  } else {
    for (const std::string_view column :
         {"patient_id", "issuer", "patient_name_key", "birth_date_value"})
      hash_with_length(
          hash, as_bytes(cell_named(patient, Level::patient, column).value_or(std::string())));
  }
  const Digest digest = hash.finish();
  return Bytes(digest.bytes.begin(), digest.bytes.begin() + 16);
}

/// Rows of cells as one array parameter per column.
class CellArrays {
 public:
  explicit CellArrays(Level level) : level_(level), columns_(columns_of(level).size()) {}
  void add(const Cells& row) {
    for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].push_back(row[i]);
  }
  const TextArray& column(std::string_view name) const {
    const auto& columns = columns_of(level_);
    return columns_[static_cast<std::size_t>(std::ranges::find(columns, name, &Column::name) -
                                             columns.begin())];
  }
  void append_to(Params& params) const {
    for (const TextArray& column : columns_) params.text_array(column);
  }

 private:
  Level level_;
  std::vector<TextArray> columns_;
};

/// The rows of studies and patients that a group's news are about.
struct Merged {
  explicit Merged(const std::vector<SeriesArrival>& arrivals);

  TextArray studies;      ///< UIDs, one row each
  BytesArray identities;  ///< of the study's first saying
  IntegerArray received;
  CellArrays patient{Level::patient};
  CellArrays study{Level::study};

  /// Every pair of study and person said in the group.
  TextArray said_studies;
  BytesArray said_identities;
  CellArrays said_patient{Level::patient};
};

Merged::Merged(const std::vector<SeriesArrival>& arrivals) {
  struct StudyRow {
    Bytes identity;
    TimeUs received_us = 0;
    Cells patient;
    Cells study;
    std::set<Bytes> said;
  };
  std::map<StudyUid, StudyRow> rows;
  for (const SeriesArrival& arrival : arrivals) {
    if (!arrival.is_news()) continue;
    const StudyUid& uid = arrival.first->stored.study;
    for (const SeriesArrival::Saying& saying : arrival.sayings) {
      Cells patient_cells = row_of(*saying.instance, Level::patient);
      Cells study_cells = row_of(*saying.instance, Level::study);
      Bytes identity = identity_of(patient_cells, uid);
      auto [entry, is_first] = rows.try_emplace(uid);
      StudyRow& row = entry->second;
      if (row.said.insert(identity).second) {
        said_studies.emplace_back(uid.str());
        said_identities.emplace_back(identity);
        said_patient.add(patient_cells);
      }
      if (is_first) {
        row.identity = std::move(identity);
        row.received_us = saying.instance->stored.received_us;
        row.patient = std::move(patient_cells);
        row.study = std::move(study_cells);
      } else {
        if (identity == row.identity) merge(row.patient, patient_cells, Level::patient);
        merge(row.study, study_cells, Level::study);
      }
    }
  }
  for (const auto& [uid, row] : rows) {
    studies.emplace_back(uid.str());
    identities.emplace_back(row.identity);
    received.emplace_back(row.received_us);
    patient.add(row.patient);
    study.add(row.study);
  }
}

}  // namespace

bool SeriesArrival::is_news() const {
  return series_id == 0 || std::ranges::any_of(sayings, [this](const Saying& saying) {
           return saying.observation != known_observation;
         });
}

Arrivals::Arrivals(std::span<const NewInstance> group) : instances(group) {
  std::map<std::pair<StudyUid, SeriesUid>, std::size_t> places;
  for (const NewInstance& instance : group) {
    const auto [entry, is_first] =
        places.try_emplace({instance.stored.study, instance.stored.series}, series.size());
    if (is_first) series.emplace_back().first = &instance;
    SeriesArrival& arrival = series[entry->second];
    ++arrival.instances;
    const std::int64_t observation = observation_of(instance);
    if (std::ranges::find(arrival.sayings, observation, &SeriesArrival::Saying::observation) ==
        arrival.sayings.end())
      arrival.sayings.push_back({&instance, observation});
    series_of.push_back(entry->second);
  }
}

Statement Arrivals::find_series() const {
  TextArray study_uids;
  TextArray series_uids;
  for (const SeriesArrival& arrival : series) {
    study_uids.emplace_back(arrival.first->stored.study.str());
    series_uids.emplace_back(arrival.first->stored.series.str());
  }
  return {insert_sql().find_series, Params().text_array(study_uids).text_array(series_uids)};
}

Result<void> Arrivals::take_found(const database::Rows& rows) {
  for (int row = 0; row < rows.size(); ++row) {
    const auto place = static_cast<std::size_t>(rows.integer(row, 0));
    if (place < 1 || place > series.size())
      return fail(ErrorCode::corrupt, "the catalog found a series that was not asked for",
                  "catalog");
    SeriesArrival& arrival = series[place - 1];
    arrival.series_id = rows.integer(row, 1);
    arrival.study_id = rows.integer(row, 2);
    arrival.known_observation = rows.integer(row, 3);
  }
  return {};
}

std::vector<Statement> Arrivals::merge_statements() const {
  const InsertSql& sql = insert_sql();
  const Merged merged(series);
  std::vector<Statement> statements;

  Params patients;
  patients.text_array(merged.studies).bytes_array(merged.identities);
  merged.patient.append_to(patients);
  statements.push_back({sql.insert_patients, std::move(patients)});

  Params studies;
  studies.text_array(merged.studies)
      .bytes_array(merged.identities)
      .text_array(merged.patient.column("patient_id"))
      .text_array(merged.patient.column("issuer"))
      .text_array(merged.patient.column("patient_name_key"))
      .text_array(merged.patient.column("birth_date_value"))
      .integer_array(merged.received);
  merged.study.append_to(studies);
  statements.push_back({sql.insert_studies, std::move(studies)});

  TextArray all_studies;
  for (const SeriesArrival& arrival : series)
    all_studies.emplace_back(arrival.first->stored.study.str());
  statements.push_back({sql.lock_studies, Params().text_array(all_studies)});

  Params filled;
  filled.text_array(merged.studies);
  merged.study.append_to(filled);
  statements.push_back({sql.fill_studies, std::move(filled)});

  Params said;
  said.text_array(merged.said_studies)
      .bytes_array(merged.said_identities)
      .text_array(merged.said_patient.column("patient_id"))
      .text_array(merged.said_patient.column("issuer"))
      .text_array(merged.said_patient.column("patient_name"))
      .text_array(merged.said_patient.column("patient_name_key"))
      .text_array(merged.said_patient.column("birth_date"))
      .text_array(merged.said_patient.column("birth_date_value"));
  statements.push_back({sql.flag_other_patients, std::move(said)});

  TextArray study_uids;
  TextArray series_uids;
  IntegerArray observations;
  CellArrays cells(Level::series);
  for (const SeriesArrival& arrival : series) {
    if (!arrival.is_news()) continue;
    study_uids.emplace_back(arrival.first->stored.study.str());
    series_uids.emplace_back(arrival.first->stored.series.str());
    observations.emplace_back(arrival.sayings.back().observation);
    Cells row = row_of(*arrival.first, Level::series);
    for (const SeriesArrival::Saying& saying : arrival.sayings)
      merge(row, row_of(*saying.instance, Level::series), Level::series);
    cells.add(row);
  }
  Params news;
  news.text_array(study_uids).text_array(series_uids).integer_array(observations);
  cells.append_to(news);
  statements.push_back({sql.insert_series, std::move(news)});
  return statements;
}

Statement Arrivals::fill_patients() const {
  const Merged merged(series);
  Params params;
  params.text_array(merged.studies);
  merged.patient.append_to(params);
  return {insert_sql().fill_patients, std::move(params)};
}

Statement Arrivals::insert_instances() const {
  std::set<std::int64_t> studies;
  for (const SeriesArrival& arrival : series) studies.insert(arrival.study_id);
  const IntegerArray study_ids(studies.begin(), studies.end());

  IntegerArray series_ids, versions, segments, offsets, sealed_bytes, plaintext_bytes,
      data_set_offsets, received;
  TextArray uids, classes, syntaxes, sources, character_sets;
  BytesArray blobs, keys, digests, layouts, attribute_sets;
  CellArrays cells(Level::image);
  const auto bytes_of = [](ByteSpan bytes) { return Bytes(bytes.begin(), bytes.end()); };
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const NewInstance& instance = instances[i];
    const StoredInstance& stored = instance.stored;
    series_ids.emplace_back(series[series_of[i]].series_id);
    uids.emplace_back(stored.sop_instance.str());
    classes.emplace_back(stored.sop_class.str());
    syntaxes.emplace_back(stored.transfer_syntax.str());
    versions.emplace_back(stored.version);
    blobs.emplace_back(bytes_of(stored.blob.bytes));
    keys.emplace_back(bytes_of(stored.key.bytes));
    segments.emplace_back(static_cast<std::int64_t>(stored.location.segment));
    offsets.emplace_back(static_cast<std::int64_t>(stored.location.offset));
    sealed_bytes.emplace_back(static_cast<std::int64_t>(stored.location.bytes));
    digests.emplace_back(bytes_of(stored.digest.bytes));
    plaintext_bytes.emplace_back(static_cast<std::int64_t>(stored.plaintext_bytes));
    data_set_offsets.emplace_back(stored.data_set_offset);
    received.emplace_back(stored.received_us);
    sources.emplace_back(instance.source);
    character_sets.push_back(instance.assumed_character_set.empty()
                                 ? std::optional<std::string>()
                                 : instance.assumed_character_set);
    Bytes layout = pack_pixel_layout(instance.index->pixels);
    layouts.push_back(layout.empty() ? std::optional<Bytes>() : std::move(layout));
    attribute_sets.push_back(instance.sealed_attributes.empty() ? std::optional<Bytes>()
                                                                : instance.sealed_attributes);
    cells.add(row_of(instance, Level::image));
  }
  Params params;
  params.integer_array(study_ids)
      .integer_array(series_ids)
      .text_array(uids)
      .text_array(classes)
      .text_array(syntaxes)
      .integer_array(versions)
      .bytes_array(blobs)
      .bytes_array(keys)
      .integer_array(segments)
      .integer_array(offsets)
      .integer_array(sealed_bytes)
      .bytes_array(digests)
      .integer_array(plaintext_bytes)
      .integer_array(data_set_offsets)
      .integer_array(received)
      .text_array(sources)
      .text_array(character_sets)
      .bytes_array(layouts)
      .bytes_array(attribute_sets);
  cells.append_to(params);
  return {insert_sql().insert_instances, std::move(params)};
}

Statement Arrivals::count() const {
  IntegerArray series_ids;
  IntegerArray numbers;
  for (const SeriesArrival& arrival : series) {
    series_ids.emplace_back(arrival.series_id);
    numbers.emplace_back(arrival.instances);
  }
  std::set<std::pair<std::int64_t, SopClassUid>> pairs;
  TimeUs latest_us = 0;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    pairs.emplace(series[series_of[i]].study_id, instances[i].stored.sop_class);
    latest_us = std::max(latest_us, instances[i].stored.received_us);
  }
  IntegerArray study_ids;
  TextArray classes;
  for (const auto& [study, sop_class] : pairs) {
    study_ids.emplace_back(study);
    classes.emplace_back(sop_class.str());
  }
  Params params;
  params.integer_array(series_ids)
      .integer_array(numbers)
      .integer_array(study_ids)
      .text_array(classes)
      .integer(latest_us);
  return {insert_sql().count, std::move(params)};
}

}  // namespace latent::storage::catalog::detail
