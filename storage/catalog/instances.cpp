#include "storage/catalog/instances.h"

#include <algorithm>

#include "storage/catalog/detail/arrivals.h"
#include "storage/catalog/detail/insert_sql.h"
#include "storage/catalog/detail/stored_row.h"
#include "storage/catalog/detail/study_news.h"
#include "storage/catalog/pixel_layout.h"

namespace latent::storage::catalog {
namespace {

using database::Params;
using database::Statement;
using database::Transaction;
using detail::Arrivals;
using detail::insert_sql;
using detail::StudyNews;

constexpr int kPageRows = 1000;
constexpr auto kDatabaseWait = std::chrono::milliseconds(10'000);

constexpr std::string_view kWentAway =
    "a series or study went away while an instance was added to it; send it again";

/// Rows of patients, studies and series exist and are merged; what was new is returned.
Result<std::vector<StudyNews>> prepare(Transaction& transaction, Arrivals& arrivals) {
  std::vector<StudyNews> news;
  if (arrivals.all_known()) return news;
  const Statement find = arrivals.find_series();
  LATENT_TRY(const auto found, transaction.execute(find.sql, find.params));
  LATENT_TRY_VOID(arrivals.take_found(found));
  news = news_of(arrivals.series);
  if (news.empty()) return news;

  auto statements = merge_statements(news, arrivals);
  statements.push_back(find);
  LATENT_TRY(const auto answers, transaction.execute_all(statements));
  for (std::size_t i = 0; i < news.size(); ++i)
    news[i].is_new = answers[news.size() + i].affected() == 1;
  // What is news is decided by the rows as they were, so the new ids go into a copy.
  Arrivals merged = arrivals;
  LATENT_TRY_VOID(merged.take_found(answers.back()));
  for (std::size_t i = 0; i < arrivals.series.size(); ++i) {
    if (merged.series[i].series_id == 0)
      return fail(ErrorCode::unavailable, std::string(kWentAway), "catalog");
    arrivals.series[i].series_id = merged.series[i].series_id;
    arrivals.series[i].study_id = merged.series[i].study_id;
  }
  return news;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> insert_session_settings() {
  return {{"plan_cache_mode", "force_generic_plan"},
          {"enable_seqscan", "off"},
          {"enable_hashjoin", "off"},
          {"enable_mergejoin", "off"}};
}

Result<std::vector<StoredInstance>> find_instances(Transaction& transaction,
                                                   std::span<const InstanceUid> instances) {
  static const std::string kSql =
      "SELECT " + std::string(detail::kStoredColumns) + std::string(detail::kFromInstance) +
      " WHERE instance.sop_instance = ANY($1::text[]) AND instance.superseded_at IS NULL";
  std::vector<std::optional<std::string>> uids;
  uids.reserve(instances.size());
  for (const InstanceUid& uid : instances) uids.emplace_back(uid.str());
  LATENT_TRY(auto rows, transaction.execute(kSql, Params().text_array(uids)));
  return detail::stored_instances(rows);
}

Result<std::vector<StudyUid>> insert_instances(Transaction& transaction,
                                               std::span<const NewInstance> instances,
                                               std::span<const Statement> with,
                                               KnownSeries* known) {
  std::vector<StudyUid> new_studies;
  if (instances.empty()) {
    LATENT_TRY([[maybe_unused]] auto answers, transaction.execute_all(with));
    return new_studies;
  }
  Arrivals arrivals(instances);
  if (known != nullptr) arrivals.take_known(*known);
  LATENT_TRY(const auto news, prepare(transaction, arrivals));
  std::vector<Statement> statements = arrivals.count();
  const std::size_t counts = statements.size();
  // With news, the merge has locked them.
  if (news.empty() && !arrivals.all_known())
    statements.insert(statements.begin(), arrivals.lock_studies());
  const std::size_t first_count = statements.size() - counts;
  for (const StudyNews& study : news) statements.push_back(fill_patient(study));
  for (std::size_t i = 0; i < instances.size(); ++i)
    statements.push_back(arrivals.insert_instance(i));
  statements.insert(statements.end(), with.begin(), with.end());
  LATENT_TRY(auto answers, transaction.execute_all(statements));
  for (std::size_t i = 0; i < counts; ++i)
    if (answers[first_count + i].affected() != 1)
      return fail(known != nullptr ? ErrorCode::conflict : ErrorCode::unavailable,
                  std::string(kWentAway), "catalog");
  if (known != nullptr) arrivals.teach(*known);
  for (const StudyNews& study : news)
    if (study.is_new) new_studies.push_back(study.uid);
  return new_studies;
}

Result<void> add_version(Transaction& transaction, const NewInstance& instance,
                         std::span<const Tag> differing_tags) {
  constexpr std::string_view kSupersede =
      "UPDATE instance SET superseded_at = timestamptz 'epoch' + $2::bigint *"
      " interval '1 microsecond', superseded_by = $3, differing_tags = $4::bigint[]"
      " FROM series, study WHERE instance.sop_instance = $1 AND instance.superseded_at IS NULL"
      " AND series.id = instance.series AND study.id = series.study AND study.study_uid = $5"
      " RETURNING instance.series";
  // Takes one instance off the counters; a series that is empty now no longer counts.
  constexpr std::string_view kDiscount =
      "WITH counted AS (UPDATE series SET instances = series.instances - 1 WHERE series.id = $1"
      "  RETURNING series.study, (series.instances = 0)::integer AS is_gone),"
      " studied AS (UPDATE study SET series = study.series - counted.is_gone FROM counted"
      "  WHERE study.id = counted.study AND counted.is_gone > 0"
      "  RETURNING study.patient, counted.is_gone)"
      " UPDATE patient SET series = patient.series - studied.is_gone FROM studied"
      " WHERE patient.id = studied.patient";

  const StoredInstance& stored = instance.stored;
  std::vector<std::optional<std::int64_t>> tags;
  for (const Tag tag : differing_tags) tags.emplace_back(tag.value());
  std::vector<std::optional<std::string>> study{stored.study.str()};
  const Statement supersede[] = {
      {insert_sql().lock_studies, Params().text_array(study)},
      {std::string(kSupersede), Params()
                                    .text(stored.sop_instance.text())
                                    .integer(stored.received_us)
                                    .integer(static_cast<std::int64_t>(stored.version))
                                    .integer_array(tags)
                                    .text(stored.study.text())}};
  LATENT_TRY(auto superseded, transaction.execute_all(supersede));
  if (superseded.back().empty())
    return fail(ErrorCode::conflict,
                "the instance that a new version should follow is not in this study", "catalog");
  const Statement discount[] = {
      {std::string(kDiscount), Params().integer(superseded.back().integer(0, 0))}};
  LATENT_TRY([[maybe_unused]] const auto new_studies,
             insert_instances(transaction, {&instance, 1}, discount));
  return {};
}

Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> segment_extents(
    Transaction& transaction) {
  // Hops from segment to segment along the index instead of reading every entry.
  constexpr std::string_view kSql =
      "WITH RECURSIVE hop AS (SELECT min(segment) AS segment FROM instance"
      "  UNION ALL SELECT (SELECT min(segment) FROM instance WHERE segment > hop.segment)"
      "  FROM hop WHERE hop.segment IS NOT NULL)"
      " SELECT hop.segment, last.behind FROM hop CROSS JOIN LATERAL (SELECT"
      "  segment_offset + sealed_bytes AS behind FROM instance"
      "  WHERE instance.segment = hop.segment ORDER BY segment_offset DESC LIMIT 1) AS last"
      " ORDER BY hop.segment";
  LATENT_TRY(auto rows, transaction.execute(kSql));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;
  for (int row = 0; row < rows.size(); ++row)
    extents.emplace_back(static_cast<std::uint64_t>(rows.integer(row, 0)),
                         static_cast<std::uint64_t>(rows.integer(row, 1)));
  return extents;
}

Result<std::uint64_t> highest_segment(Transaction& transaction) {
  LATENT_TRY(auto rows, transaction.execute("SELECT coalesce(max(segment), 0) FROM instance"));
  return static_cast<std::uint64_t>(rows.integer(0, 0));
}

Result<std::optional<blobs::BlobLocation>> last_in_segment(Transaction& transaction,
                                                           std::uint64_t segment) {
  LATENT_TRY(auto rows,
             transaction.execute("SELECT segment_offset, sealed_bytes FROM instance"
                                 " WHERE segment = $1 ORDER BY segment_offset DESC LIMIT 1",
                                 Params().integer(static_cast<std::int64_t>(segment))));
  if (rows.empty()) return std::optional<blobs::BlobLocation>();
  return std::optional(
      blobs::BlobLocation{.segment = segment,
                          .offset = static_cast<std::uint64_t>(rows.integer(0, 0)),
                          .bytes = static_cast<std::uint64_t>(rows.integer(0, 1))});
}

Result<void> for_each_instance(database::Pool& pool,
                               const std::function<bool(const StoredInstance&)>& visit) {
  static const std::string kSql = "SELECT " + std::string(detail::kStoredColumns) +
                                  std::string(detail::kFromInstance) +
                                  " WHERE (instance.segment, instance.segment_offset) > ($1, $2)"
                                  " ORDER BY instance.segment, instance.segment_offset LIMIT " +
                                  std::to_string(kPageRows);
  std::int64_t segment = -1;
  std::int64_t offset = -1;
  while (true) {
    LATENT_TRY(auto transaction,
               Transaction::begin(pool, deadline_in(kDatabaseWait), Transaction::Mode::read_only));
    LATENT_TRY(auto rows, transaction.execute(kSql, Params().integer(segment).integer(offset)));
    LATENT_TRY_VOID(transaction.commit());  // no connection is held while somebody looks
    for (int row = 0; row < rows.size(); ++row) {
      LATENT_TRY(auto instance, detail::stored_instance(rows, row));
      if (!visit(instance)) return {};
      segment = static_cast<std::int64_t>(instance.location.segment);
      offset = static_cast<std::int64_t>(instance.location.offset);
    }
    if (rows.size() < kPageRows) return {};
  }
}

Result<std::vector<InstanceDetails>> find_details(Transaction& transaction,
                                                  std::span<const InstanceUid> instances) {
  std::vector<std::optional<std::string>> uids;
  uids.reserve(instances.size());
  for (const InstanceUid& uid : instances) uids.emplace_back(uid.str());
  LATENT_TRY(auto rows,
             transaction.execute(
                 "SELECT sop_instance, pixel_layout, attributes, assumed_character_set"
                 " FROM instance WHERE sop_instance = ANY($1::text[]) AND superseded_at IS NULL",
                 Params().text_array(uids)));
  std::vector<InstanceDetails> details;
  details.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    const auto uid = InstanceUid::parse(rows.text(row, 0));
    if (!uid) return fail(ErrorCode::corrupt, "an instance row holds no UID", "catalog");
    LATENT_TRY(auto pixels, unpack_pixel_layout(rows.bytes(row, 1)));
    details.push_back({.sop_instance = *uid,
                       .pixels = std::move(pixels),
                       .sealed_attributes = rows.bytes(row, 2),
                       .assumed_character_set = std::string(rows.text(row, 3))});
  }
  return details;
}

}  // namespace latent::storage::catalog
