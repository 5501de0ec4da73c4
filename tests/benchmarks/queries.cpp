// C-FIND's verb against a large catalog: search and durable audit row, everything but the network.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "dicom/text/date_time.h"
#include "retrieval/query/query_service.h"
#include "tests/benchmarks/benchmarks.h"
#include "tests/benchmarks/database.h"
#include "tests/benchmarks/invented_studies.h"
#include "tests/benchmarks/measure.h"
#include "tests/support/archive_process.h"

namespace latent::benchmarks {
namespace {

namespace query = retrieval::query;
using dicom::model::Tag;
using query::Level;
using storage::database::Statement;
using storage::database::Transaction;

constexpr Seconds kAtLeast{4};
/// Who gets more than this narrows his question.
constexpr std::uint64_t kMatchesMax = 2'000;

constexpr Tag kStudyDate{0x0008, 0x0020}, kAccessionNumber{0x0008, 0x0050},
    kModalitiesInStudy{0x0008, 0x0061}, kStudyDescription{0x0008, 0x1030},
    kPatientName{0x0010, 0x0010}, kPatientId{0x0010, 0x0020}, kBirthDate{0x0010, 0x0030},
    kStudyUid{0x0020, 0x000D};

using Values = std::vector<std::pair<Tag, std::string>>;

/// What viewers ask for.
query::Query query_of(Level level, const Values& values) {
  query::Query made;
  made.level = level;
  made.root = query::Root::study;
  made.limit = kMatchesMax;
  std::vector<Tag> tags = {kStudyDate,        {0x0008, 0x0030}, kAccessionNumber,
                           kStudyDescription, kPatientName,     kPatientId,
                           kBirthDate,        kStudyUid,        {0x0020, 0x0010}};
  if (level >= Level::series)
    tags = {{0x0008, 0x0060}, {0x0008, 0x103E}, kStudyUid, {0x0020, 0x000E}, {0x0020, 0x0011}};
  for (const auto& [tag, value] : values)
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(tag);
  std::ranges::sort(tags);
  for (const Tag tag : tags) made.keys.emplace_back().tag = tag;
  for (const auto& [tag, value] : values)
    std::ranges::find(made.keys, tag, &query::Key::tag)->values = {value};
  return made;
}

struct Kind {
  std::string name;
  std::function<query::Query(std::int64_t n)> make;  ///< for study number n
};

std::vector<Kind> kinds(storage::database::Pool& pool, std::int64_t studies) {
  // Words as they occur, common ones more often.
  auto transaction = value_of(Transaction::begin(pool, deadline_in(std::chrono::seconds(60)),
                                                 Transaction::Mode::read_only));
  const auto rows = value_of(transaction.execute(
      "SELECT split_part(patient_name_key, '^', 1), split_part(patient_name_key, '^', 2)"
      " FROM patient WHERE id % 997 = 0 LIMIT 400"));
  std::vector<std::pair<std::string, std::string>> names;
  for (int i = 0; i < rows.size(); ++i) names.emplace_back(rows.text(i, 0), rows.text(i, 1));
  const auto name = [names](std::int64_t n) {
    return names[static_cast<std::size_t>(n) % names.size()];
  };
  const auto study = [](const Values& values) { return query_of(Level::study, values); };
  const auto day = [](std::int64_t n) {
    return dicom::text::Days{static_cast<int>(15000 + n % 5400)};
  };
  const auto date = [](dicom::text::Days days) { return dicom::text::format_date(days); };
  const std::int64_t patients = studies * 2 / 5;
  return {
      {"patient ID",
       [=](auto n) {
         return study({{kPatientId, invented_patient_id(1 + n % patients)}});
       }},
      {"study UID",
       [=](auto n) {
         return study({{kStudyUid, invented_study_uid(n)}});
       }},
      {"accession number",
       [=](auto n) {
         return study({{kAccessionNumber, invented_accession_number(n)}});
       }},
      {"series of a study",
       [=](auto n) {
         return query_of(Level::series, {{kStudyUid, invented_study_uid(n)}});
       }},
      {"family^given*",
       [=](auto n) {
         return study({{kPatientName, name(n).first + "^" + name(n).second + "*"}});
       }},
      {"name abcd*",
       [=](auto n) {
         return study({{kPatientName, name(n).first.substr(0, 4) + "*"}});
       }},
      {"name abc*",
       [=](auto n) {
         return study({{kPatientName, name(n).first.substr(0, 3) + "*"}});
       }},
      {"name *abcd*",
       [=](auto n) {
         return study({{kPatientName, "*" + name(n).first.substr(1, 4) + "*"}});
       }},
      {"name ab* and birth date",
       [=](auto n) {
         return study({{kPatientName, name(n).first.substr(0, 2) + "*"},
                       {kBirthDate, date(dicom::text::Days{static_cast<int>(n % 14000)})}});
       }},
      {"one day and modality",
       [=](auto n) {
         return study({{kStudyDate, date(day(n))}, {kModalitiesInStudy, "CT"}});
       }},
      {"7 days",
       [=](auto n) {
         return study({{kStudyDate, date(day(n)) + "-" + date(day(n) + 6)}});
       }},
      {"7 days and modality",
       [=](auto n) {
         return study(
             {{kStudyDate, date(day(n)) + "-" + date(day(n) + 6)}, {kModalitiesInStudy, "MR"}});
       }},
      {"description *KNEE* and 7 days",
       [=](auto n) {
         return study(
             {{kStudyDate, date(day(n)) + "-" + date(day(n) + 6)}, {kStudyDescription, "*KNEE*"}});
       }},
  };
}

void measure_kinds(storage::database::Pool& pool, std::int64_t studies) {
  using namespace security::access;
  const Policy policy({{.kind = Caller::Kind::peer, .name = {}, .actions = {Action::query}}});
  const auto allowed = value_of(
      policy.authorize({.kind = Caller::Kind::peer, .name = "dimse:WS1", .ip = {}}, Action::query));
  const SystemClock clock;
  const storage::auditlog::Recorder recorder(clock, "0badcafe");
  const query::QueryService service(pool, recorder);

  Table table("benchmark-queries", fmt::format("C-FIND's verb with {} studies", studies),
              {"keys", "matches (mean)", "first page p50 / p95 ms", "all p50 / p95 ms"});
  std::mt19937_64 random(1);
  for (const Kind& kind : kinds(pool, studies)) {
    std::vector<Seconds> first;
    std::uint64_t matches = 0;
    const auto once = [&] {
      const auto n = static_cast<std::int64_t>(1 + random() % static_cast<std::uint64_t>(studies));
      std::unique_ptr<query::QueryCursor> cursor;
      first.push_back(time_of([&] { cursor = value_of(service.open(allowed, kind.make(n), {})); }));
      while (value_of(cursor->next())) ++matches;
    };
    for (int i = 0; i < 30; ++i) once();  // plans and pages as they are on a day of work
    first.clear();
    matches = 0;
    const auto all = times_of(once, kAtLeast);
    std::ranges::sort(first);
    table.row({kind.name, number(static_cast<double>(matches) / static_cast<double>(all.size())),
               milliseconds(quantile(first, 0.5)) + " / " + milliseconds(quantile(first, 0.95)),
               milliseconds(quantile(all, 0.5)) + " / " + milliseconds(quantile(all, 0.95))});
  }
  table.remark(fmt::format(
      "One caller; at most {} matches are read. Each time holds the commit of the audit row.",
      kMatchesMax));
  table.print();
}

void measure_sizes(storage::database::Pool& pool) {
  auto transaction = value_of(Transaction::begin(pool, deadline_in(std::chrono::seconds(60)),
                                                 Transaction::Mode::read_only));
  const auto rows = value_of(transaction.execute(
      "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relnamespace = "
      "'public'::regnamespace"
      " AND relkind IN ('r', 'i') AND pg_relation_size(oid) > 1000000 ORDER BY 2 DESC"));
  Table table("benchmark-sizes", "Tables and indexes", {"name", "MB"});
  for (int i = 0; i < rows.size(); ++i)
    table.row(
        {std::string(rows.text(i, 0)), number(static_cast<double>(rows.integer(i, 1)) / 1e6)});
  table.print();
}

}  // namespace

void measure_queries(std::int64_t studies) {
  test::ArchiveProcess archive;
  archive.stop();
  Seconds inventing{};
  {
    Database database(archive.data_dir() / "pg");
    inventing = time_of([&] { invent_studies(database.pool(), studies); });
    measure_sizes(database.pool());
    measure_kinds(database.pool(), studies);
  }
  Table table("benchmark-start",
              fmt::format("`latent serve` with {} studies, until `ready`", studies),
              {"start", "s"});
  table.row({"after a clean stop", number(time_of([&] { archive.start(); }).count())});
  archive.kill();
  table.row({"after kill -9, the database still there",
             number(time_of([&] { archive.start(); }).count())});
  archive.stop();
  table.remark(fmt::format("Inventing the rows took {} s.", number(inventing.count())));
  table.print();
}

}  // namespace latent::benchmarks
