#include "storage/catalog/detail/arrivals.h"

#include <algorithm>
#include <map>
#include <set>

#include "security/crypto/sha256.h"
#include "storage/catalog/detail/insert_sql.h"
#include "storage/catalog/detail/study_news.h"
#include "storage/catalog/pixel_layout.h"

namespace latent::storage::catalog::detail {
namespace {

using database::Params;
using database::Statement;
using dicom::scanner::DatasetIndex;
using security::crypto::Sha256;

using TextArray = std::vector<std::optional<std::string>>;

void hash_value(Sha256& hash, Tag tag, ByteSpan bytes) {
  const std::uint32_t number = tag.value();
  hash.update(std::as_bytes(std::span(&number, 1)));
  hash.update_with_length(bytes);
}

bool contains(const std::vector<SopClassUid>& uids, const SopClassUid& uid) {
  return std::ranges::find(uids, uid) != uids.end();
}

/// Over the raw bytes, so that nothing is decoded for the many objects that say the same again.
std::int64_t observation_of(const NewInstance& instance) {
  const DatasetIndex& index = *instance.index;
  Sha256 hash;
  hash.update_with_length(as_bytes(instance.assumed_character_set));
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
    if (!contains(arrival.sop_classes, instance.stored.sop_class))
      arrival.sop_classes.push_back(instance.stored.sop_class);
    const std::int64_t observation = observation_of(instance);
    if (std::ranges::find(arrival.sayings, observation, &SeriesArrival::Saying::observation) ==
        arrival.sayings.end())
      arrival.sayings.push_back({&instance, observation});
    series_of.push_back(entry->second);
  }
}

void Arrivals::take_known(const KnownSeries& known) {
  for (SeriesArrival& arrival : series) {
    const auto* entry = known.find(arrival.first->stored.study, arrival.first->stored.series);
    if (entry == nullptr) continue;
    const auto says_the_same = [&](const SeriesArrival::Saying& saying) {
      return saying.observation == entry->observation;
    };
    const auto is_of_known_class = [&](const SopClassUid& uid) {
      return contains(entry->sop_classes, uid);
    };
    if (!std::ranges::all_of(arrival.sayings, says_the_same) ||
        !std::ranges::all_of(arrival.sop_classes, is_of_known_class))
      continue;
    arrival.is_known = true;
    arrival.series_id = entry->series_id;
    arrival.study_id = entry->study_id;
    arrival.known_observation = entry->observation;
  }
}

void Arrivals::teach(KnownSeries& known) const {
  for (const SeriesArrival& arrival : series) {
    if (arrival.is_known) continue;
    KnownSeries::Entry entry{.series_id = arrival.series_id,
                             .study_id = arrival.study_id,
                             .observation = arrival.observation(),
                             .sop_classes = arrival.sop_classes};
    const StoredInstance& of = arrival.first->stored;
    if (const auto* before = known.find(of.study, of.series))
      for (const SopClassUid& uid : before->sop_classes)
        if (!contains(entry.sop_classes, uid)) entry.sop_classes.push_back(uid);
    known.learn(of.study, of.series, std::move(entry));
  }
}

bool Arrivals::all_known() const { return std::ranges::all_of(series, &SeriesArrival::is_known); }

Statement Arrivals::find_series() const {
  TextArray study_uids;
  TextArray series_uids;
  for (const SeriesArrival& arrival : series) {
    // A place in the arrays is a place in `series`, so those that are known stay as gaps.
    if (arrival.is_known) {
      study_uids.emplace_back();
      series_uids.emplace_back();
      continue;
    }
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

Statement Arrivals::insert_instance(std::size_t i) const {
  const NewInstance& instance = instances[i];
  const StoredInstance& stored = instance.stored;
  const Bytes layout = pack_pixel_layout(instance.index->pixels);
  Params params;
  params.integer(series[series_of[i]].series_id)
      .text(stored.sop_instance.text())
      .text(stored.sop_class.text())
      .text(stored.transfer_syntax.text())
      .integer(static_cast<std::int64_t>(stored.version))
      .bytes(stored.blob.bytes)
      .bytes(stored.key.bytes)
      .integer(static_cast<std::int64_t>(stored.location.segment))
      .integer(static_cast<std::int64_t>(stored.location.offset))
      .integer(static_cast<std::int64_t>(stored.location.bytes))
      .bytes(stored.digest.bytes)
      .integer(static_cast<std::int64_t>(stored.plaintext_bytes))
      .integer(static_cast<std::int64_t>(stored.data_set_offset))
      .integer(stored.received_us)
      .text(std::string_view(instance.source))
      .text(instance.assumed_character_set.empty() ? std::optional<std::string>()
                                                   : std::optional(instance.assumed_character_set));
  const auto bytes_or_null = [&](ByteSpan bytes) {
    if (bytes.empty())
      params.null();
    else
      params.bytes(bytes);
  };
  bytes_or_null(layout);
  bytes_or_null(instance.sealed_attributes);
  for (const Cell& cell : row_of(instance, Level::image)) params.text(cell);
  return {insert_sql().insert_instance, std::move(params)};
}

Statement Arrivals::lock_studies() const {
  std::set<StudyUid> studies;
  for (const SeriesArrival& arrival : series)
    if (!arrival.is_known) studies.insert(arrival.first->stored.study);
  TextArray uids;
  for (const StudyUid& uid : studies) uids.emplace_back(uid.str());
  return {insert_sql().lock_studies, Params().text_array(uids)};
}

std::vector<Statement> Arrivals::count() const {
  std::vector<const SeriesArrival*> in_order;
  for (const SeriesArrival& arrival : series) in_order.push_back(&arrival);
  std::ranges::sort(in_order, {}, &SeriesArrival::series_id);
  std::vector<Statement> statements;
  for (const SeriesArrival* arrival : in_order) {
    Params params;
    params.integer(arrival->series_id).integer(arrival->study_id).integer(arrival->instances);
    if (arrival->is_known) {
      statements.push_back({insert_sql().count_known, std::move(params)});
      continue;
    }
    TextArray classes;
    for (const SopClassUid& uid : arrival->sop_classes) classes.emplace_back(uid.str());
    params.text_array(classes);
    statements.push_back({insert_sql().count, std::move(params)});
  }
  return statements;
}

}  // namespace latent::storage::catalog::detail
