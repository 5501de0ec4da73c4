// Rows, counters and identities in a real PostgreSQL.
#include "storage/catalog/instances.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "storage/catalog/attributes.h"
#include "storage/catalog/review.h"
#include "tests/support/new_instance.h"
#include "tests/support/private_database.h"

namespace latent::storage::catalog {
namespace {

using namespace std::chrono_literals;
namespace tags = dicom::model::tags;
using database::Transaction;
using test::Attributes;
using test::new_instance;

const std::string kInstancesOfStudy =
    "(SELECT sum(part.instances) FROM series AS part WHERE part.study = study.id)";
const std::string kInstancesOfPatient =
    "(SELECT sum(part.instances) FROM study AS whole JOIN series AS part ON part.study = whole.id"
    " WHERE whole.patient = patient.id)";

class CatalogTest : public ::testing::Test {
 protected:
  Transaction begin() {
    auto transaction = Transaction::begin(*pool_, deadline_in(10s));
    if (!transaction) throw std::runtime_error(transaction.error().text);
    return std::move(*transaction);
  }
  Result<void> try_insert(const std::vector<NewInstance>& group) {
    auto transaction = begin();
    LATENT_TRY_VOID(insert_instances(transaction, group, {}));
    return transaction.commit();
  }
  void insert(const std::vector<NewInstance>& group) {
    const auto done = try_insert(group);
    if (!done) throw std::runtime_error(done.error().text);
  }
  /// All cells of all rows, "a|b" a row, rows divided by ';'.
  std::string rows(const std::string& sql) {
    auto transaction = begin();
    const auto rows = transaction.execute("SELECT concat_ws('|', " + sql);
    if (!rows) throw std::runtime_error(rows.error().text);
    std::string all;
    for (int row = 0; row < rows->size(); ++row)
      all += (row == 0 ? "" : ";") + std::string(rows->text(row, 0));
    return all;
  }

  test::PrivateDatabase database_;
  std::unique_ptr<database::Pool> pool_ = database_.open_pool(12);
};

const Attributes kDoe = {{tags::kSpecificCharacterSet, "ISO_IR 100"},
                         {tags::kPatientId, "P1"},
                         {tags::kPatientName,
                          "D\xF6"
                          "e^John "},
                         {tags::kPatientBirthDate, "19700131"},
                         {tags::kModality, "CT"},
                         {tags::kStudyDate, "20240229"},
                         {tags::kStudyTime, "101112.5"}};

Attributes with(Attributes base, const Attributes& more) {
  for (const auto& [tag, value] : more) base[tag] = value;
  return base;
}

TEST_F(CatalogTest, EveryIndexedAttributeHasItsColumn) {
  const std::map<Level, std::string> tables = {{Level::patient, "patient"},
                                               {Level::study, "study"},
                                               {Level::series, "series"},
                                               {Level::image, "instance"}};
  for (const Attribute& attribute : attributes()) {
    if (attribute.origin == Origin::summed) continue;
    const std::string type = rows(fmt::format(
        "data_type) FROM information_schema.columns WHERE table_name = '{}' AND column_name = '{}'",
        tables.at(attribute.level), attribute.column));
    const bool is_array = attribute.kind == Kind::texts || attribute.kind == Kind::uids;
    const bool is_number = attribute.kind == Kind::integer;
    if (is_array) {
      EXPECT_EQ(type, "ARRAY") << attribute.column;
    } else if (attribute.kind == Kind::sequence) {
      EXPECT_EQ(type, "jsonb") << attribute.column;
    } else if (is_number) {
      EXPECT_TRUE(type == "integer" || type == "bigint") << attribute.column;
    } else {
      EXPECT_EQ(type, "text") << attribute.column;
    }
  }
}

TEST_F(CatalogTest, AnInsertedInstanceIsFoundAsItWasGiven) {
  NewInstance instance = new_instance("1.1", "1.1.1", "1.1.1.1", 7, kDoe);
  instance.stored.digest.bytes.fill(std::byte{0xAB});
  instance.stored.key.bytes.fill(std::byte{0xCD});
  instance.stored.received_us = 1'700'000'000'123'457;
  insert({instance});

  auto transaction = begin();
  const InstanceUid uids[] = {instance.stored.sop_instance, InstanceUid::parse("9.9").value()};
  const auto found = find_instances(transaction, uids);

  ASSERT_TRUE(found) << found.error().text;
  ASSERT_EQ(found->size(), 1u);
  const StoredInstance& stored = found->front();
  EXPECT_EQ(stored.sop_instance, instance.stored.sop_instance);
  EXPECT_EQ(stored.sop_class, instance.stored.sop_class);
  EXPECT_EQ(stored.study, instance.stored.study);
  EXPECT_EQ(stored.series, instance.stored.series);
  EXPECT_EQ(stored.transfer_syntax, instance.stored.transfer_syntax);
  EXPECT_EQ(stored.blob, instance.stored.blob);
  EXPECT_EQ(stored.key, instance.stored.key);
  EXPECT_EQ(stored.location, instance.stored.location);
  EXPECT_EQ(stored.digest, instance.stored.digest);
  EXPECT_EQ(stored.plaintext_bytes, instance.stored.plaintext_bytes);
  EXPECT_EQ(stored.data_set_offset, instance.stored.data_set_offset);
  EXPECT_EQ(stored.version, 0u);
  EXPECT_EQ(stored.received_us, instance.stored.received_us);
}

TEST_F(CatalogTest, TextIsKeptInUtf8AsItCameAndAlsoAsRealTypes) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe)});

  EXPECT_EQ(rows("patient_id, patient_name, patient_name_key, birth_date, birth_date_value)"
                 " FROM patient"),
            "P1|Döe^John|doe^john^|19700131|1970-01-31");
  EXPECT_EQ(rows("study_date, study_date_value, study_time, study_time_value) FROM study"),
            "20240229|2024-02-29|101112.5|10:11:12.5");
}

TEST_F(CatalogTest, NonsenseInDatesAndNumbersIsKeptAsTextOnly) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1,
                       with(kDoe, {{tags::kStudyDate, "2024-99-99"},
                                   {tags::kStudyTime, "noon"},
                                   {Tag{0x0020, 0x0013}, " one"},
                                   {Tag{0x0020, 0x0011}, "99999999999"}}))});
  EXPECT_EQ(rows("study_date, study_time, study_date_value, study_time_value) FROM study"),
            "2024-99-99|noon");
  EXPECT_EQ(rows("series_number, series_number_value) FROM series"), "99999999999");
  EXPECT_EQ(rows("instance_number, instance_number_value) FROM instance"), "one");
}

TEST_F(CatalogTest, ValuesThatLookLikeSqlAreOnlyText) {
  const std::string nasty = "'; DROP TABLE study; -- \" {a,b} NULL $1 %_";
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1,
                       with(kDoe, {{tags::kPatientName, nasty},
                                   {Tag{0x0008, 0x1030}, nasty},
                                   {Tag{0x0008, 0x1080}, "a\\b'\"{}"},
                                   {tags::kPatientId, "NULL"}}))});
  EXPECT_EQ(rows("patient_id, patient_name) FROM patient"), "NULL|" + nasty);
  EXPECT_EQ(rows("study_description, admitting_diagnoses[1], admitting_diagnoses[2]) FROM study"),
            nasty + "|a|b'\"{}");
}

TEST_F(CatalogTest, OverlongValuesAreCutForTheIndexAndDoNotFail) {
  const std::string long_text(10'000, 'x');
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1,
                       {{tags::kPatientName, long_text},
                        {tags::kPatientId, long_text},
                        {tags::kIssuerOfPatientId, long_text},
                        {tags::kAccessionNumber, long_text}})});
  EXPECT_EQ(rows("length(patient_id), length(issuer), length(patient_name)) FROM patient"),
            "512|512|2048");
}

TEST_F(CatalogTest, CountersAndUnionsFollowTheInstances) {
  const Attributes mr = with(kDoe, {{tags::kModality, "MR"}});
  NewInstance other_class = new_instance("1.1", "1.1.2", "1.1.2.1", 4, mr);
  other_class.stored.sop_class = SopClassUid::parse("1.2.840.10008.5.1.4.1.1.4").value();
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe),
          new_instance("1.1", "1.1.1", "1.1.1.2", 2, kDoe),
          new_instance("1.2", "1.2.1", "1.2.1.1", 3, kDoe)});
  insert({other_class, new_instance("1.1", "1.1.1", "1.1.1.3", 5, kDoe)});

  EXPECT_EQ(rows("study_uid, series, " + kInstancesOfStudy +
                 ", modalities, sop_classes) FROM study"
                 " ORDER BY study_uid"),
            "1.1|2|4|{CT,MR}|{1.2.840.10008.5.1.4.1.1.2,1.2.840.10008.5.1.4.1.1.4};"
            "1.2|1|1|{CT}|{1.2.840.10008.5.1.4.1.1.2}");
  EXPECT_EQ(rows("series_uid, instances) FROM series ORDER BY series_uid"),
            "1.1.1|3;1.1.2|1;1.2.1|1");
  EXPECT_EQ(rows("studies, series, " + kInstancesOfPatient + ") FROM patient"), "2|3|5");
}

TEST_F(CatalogTest, TheSameInstanceAgainIsAConflictAndLeavesNothing) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe)});

  const auto again = try_insert({new_instance("1.1", "1.1.1", "1.1.1.2", 2, kDoe),
                                 new_instance("1.5", "1.5.1", "1.1.1.1", 3, kDoe)});

  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  EXPECT_EQ(rows("count(*)) FROM instance"), "1");
  EXPECT_EQ(rows("study_uid) FROM study"), "1.1");
}

TEST_F(CatalogTest, AKnownSeriesThatIsNoLongerThereIsAConflictAndWorksWithoutTheHint) {
  KnownSeries known;
  const auto insert_known = [&](const NewInstance& instance) -> Result<void> {
    auto transaction = begin();
    LATENT_TRY([[maybe_unused]] const auto made,
               insert_instances(transaction, std::span(&instance, 1), {}, &known));
    return transaction.commit();
  };
  ASSERT_TRUE(insert_known(new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe)));
  ASSERT_NE(known.find(*StudyUid::parse("1.1"), *SeriesUid::parse("1.1.1")), nullptr);
  ASSERT_TRUE(insert_known(new_instance("1.1", "1.1.1", "1.1.1.2", 2, kDoe)));
  EXPECT_EQ(rows("series, " + kInstancesOfStudy + ") FROM study"), "1|2");

  {
    auto transaction = begin();
    for (const char* sql : {"DELETE FROM instance", "DELETE FROM series", "DELETE FROM study"})
      ASSERT_TRUE(transaction.execute(sql));
    ASSERT_TRUE(transaction.commit());
  }
  const NewInstance next = new_instance("1.1", "1.1.1", "1.1.1.3", 3, kDoe);
  const auto stale = insert_known(next);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::conflict);
  EXPECT_EQ(rows("count(*)) FROM instance"), "0");

  known.clear();
  ASSERT_TRUE(insert_known(next));
  EXPECT_EQ(rows("series, " + kInstancesOfStudy + ") FROM study"), "1|1");
}

TEST_F(CatalogTest, WhatWasEmptyIsFilledByLaterInstancesAndTheRestStays) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1,
                       {{tags::kPatientId, "P1"}, {Tag{0x0008, 0x1030}, "first"}})});
  insert({new_instance(
      "1.1", "1.1.1", "1.1.1.2", 2,
      with(kDoe, {{Tag{0x0008, 0x1030}, "second"}, {Tag{0x0008, 0x103E}, "a series"}}))});
  EXPECT_EQ(rows("study_description, study_date, study_date_value) FROM study"),
            "first|20240229|2024-02-29");
  EXPECT_EQ(rows("series_description, modality) FROM series"), "a series|CT");
  EXPECT_EQ(rows("patient_name, birth_date_value, " + kInstancesOfPatient + ") FROM patient"),
            "Döe^John|1970-01-31|2");
  EXPECT_EQ(rows("count(*)) FROM patient_conflict"), "0");
}

TEST_F(CatalogTest, IssuerIsPartOfThePatientsIdentity) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe),
          new_instance("1.2", "1.2.1", "1.2.1.1", 2,
                       with(kDoe, {{tags::kIssuerOfPatientId, "OTHER"}}))});
  EXPECT_EQ(rows("patient_id, issuer, studies) FROM patient ORDER BY issuer"), "P1||1;P1|OTHER|1");
  auto transaction = begin();
  EXPECT_TRUE(patient_conflicts(transaction, {})->empty());
}

TEST_F(CatalogTest, AnEmptyPatientIdMakesAPatientOfItsOwnForEachStudy) {
  Attributes nobody = kDoe;
  nobody[tags::kPatientId] = "  ";
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, nobody),
          new_instance("1.1", "1.1.2", "1.1.2.1", 2, nobody),
          new_instance("1.2", "1.2.1", "1.2.1.1", 3, nobody)});
  nobody.erase(tags::kPatientId);
  insert({new_instance("1.2", "1.2.2", "1.2.2.1", 4, nobody)});
  EXPECT_EQ(rows("patient_id, studies, " + kInstancesOfPatient + ") FROM patient ORDER BY id"),
            "|1|2;|1|2");
  auto transaction = begin();
  EXPECT_TRUE(patient_conflicts(transaction, {})->empty());
}

TEST_F(CatalogTest, OneIdUnderTwoNamesIsNeverJoinedAndIsListed) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe)});
  insert(
      {new_instance("1.2", "1.2.1", "1.2.1.1", 2, with(kDoe, {{tags::kPatientName, "Roe^Jane"}}))});
  // The same person written otherwise, and one who only lacks the date, are no conflict.
  insert(
      {new_instance("1.3", "1.3.1", "1.3.1.1", 3, with(kDoe, {{tags::kPatientName, "DOE^JOHN"}})),
       new_instance("1.4", "1.4.1", "1.4.1.1", 4, with(kDoe, {{tags::kPatientBirthDate, ""}}))});

  EXPECT_EQ(rows("patient_name, studies) FROM patient ORDER BY patient_name"),
            "Döe^John|3;Roe^Jane|1");
  auto transaction = begin();
  const auto conflicts = patient_conflicts(transaction, {});
  ASSERT_TRUE(conflicts) << conflicts.error().text;
  ASSERT_EQ(conflicts->size(), 2u);
  EXPECT_EQ((*conflicts)[0].patient_id.reveal(), "P1");
  EXPECT_EQ((*conflicts)[0].patient_name.reveal(), "Döe^John");
  EXPECT_EQ((*conflicts)[1].patient_name.reveal(), "Roe^Jane");
  EXPECT_FALSE((*conflicts)[0].study);
}

TEST_F(CatalogTest, OneIdUnderTwoBirthDatesIsNeverJoined) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe),
          new_instance("1.2", "1.2.1", "1.2.1.1", 2,
                       with(kDoe, {{tags::kPatientBirthDate, "19700130"}}))});
  EXPECT_EQ(rows("birth_date, studies) FROM patient ORDER BY birth_date"), "19700130|1;19700131|1");
}

TEST_F(CatalogTest, AnotherPatientInsideOneStudyIsStoredThereAndListed) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe)});
  insert({new_instance("1.1", "1.1.2", "1.1.2.1", 2,
                       with(kDoe, {{tags::kPatientId, "P2"}, {tags::kPatientName, "Roe^Jane"}}))});

  EXPECT_EQ(rows("patient_id, " + kInstancesOfPatient + ") FROM patient"), "P1|2");
  auto transaction = begin();
  const auto conflicts = patient_conflicts(transaction, {});
  ASSERT_TRUE(conflicts) << conflicts.error().text;
  ASSERT_EQ(conflicts->size(), 1u);
  EXPECT_EQ(conflicts->front().patient_id.reveal(), "P2");
  EXPECT_EQ(conflicts->front().study->text(), "1.1");
}

TEST_F(CatalogTest, ANewVersionReplacesAndTheOldOneIsListedForReview) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe),
          new_instance("1.1", "1.1.1", "1.1.1.2", 2, kDoe)});
  NewInstance second = new_instance("1.1", "1.1.3", "1.1.1.1", 3, kDoe);
  second.stored.version = 1;
  const Tag differing[] = {tags::kPatientName, tags::kStudyDate};
  {
    auto transaction = begin();
    const auto added = add_version(transaction, second, differing);
    ASSERT_TRUE(added) << added.error().text;
    ASSERT_TRUE(transaction.commit());
  }

  EXPECT_EQ(rows("series_uid, instances) FROM series ORDER BY series_uid"), "1.1.1|1;1.1.3|1");
  EXPECT_EQ(rows("series, " + kInstancesOfStudy + ") FROM study"), "2|2");
  EXPECT_EQ(rows("studies, series, " + kInstancesOfPatient + ") FROM patient"), "1|2|2");
  auto transaction = begin();
  const auto found = find_instances(transaction, std::span(&second.stored.sop_instance, 1));
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().version, 1u);
  EXPECT_EQ(found->front().blob, second.stored.blob);
  const auto reviews = versions_to_review(transaction, {});
  ASSERT_TRUE(reviews) << reviews.error().text;
  ASSERT_EQ(reviews->size(), 1u);
  EXPECT_EQ(reviews->front().kept.version, 0u);
  EXPECT_EQ(reviews->front().superseded_by, 1u);
  EXPECT_EQ(reviews->front().differing_tags,
            (std::vector<Tag>{tags::kPatientName, tags::kStudyDate}));
}

TEST_F(CatalogTest, AVersionInTheSameSeriesLeavesTheCounters) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe)});
  NewInstance second = new_instance("1.1", "1.1.1", "1.1.1.1", 3, kDoe);
  second.stored.version = 1;
  auto transaction = begin();
  ASSERT_TRUE(add_version(transaction, second, {}));
  ASSERT_TRUE(transaction.commit());
  EXPECT_EQ(rows("studies, series, " + kInstancesOfPatient + ") FROM patient"), "1|1|1");
  EXPECT_EQ(rows("series, " + kInstancesOfStudy + ") FROM study"), "1|1");
}

TEST_F(CatalogTest, AVersionOfWhatIsNotThereIsAConflict) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe)});
  auto transaction = begin();
  const auto added = add_version(transaction, new_instance("1.2", "1.2.1", "1.1.1.1", 2, kDoe), {});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::conflict);
}

TEST_F(CatalogTest, SegmentsAreSummedUpByTheirLastByte) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, kDoe),
          new_instance("1.1", "1.1.1", "1.1.1.2", 5, kDoe),
          new_instance("1.1", "1.1.1", "1.1.1.3", 3003, kDoe)});
  auto transaction = begin();
  const auto extents = segment_extents(transaction);
  ASSERT_TRUE(extents) << extents.error().text;
  EXPECT_EQ(*extents, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{
                          {1, 64 + 5 * 4096 + 2048}, {4, 64 + 3 * 4096 + 2048}}));
  EXPECT_EQ(highest_segment(transaction).value(), 4u);
  EXPECT_EQ(last_in_segment(transaction, 1).value()->offset, 64u + 5 * 4096);
  EXPECT_FALSE(last_in_segment(transaction, 2).value());
}

TEST_F(CatalogTest, EveryRowIsVisitedOnceInSegmentOrder) {
  std::vector<NewInstance> group;
  for (unsigned i = 0; i < 2500; ++i)
    group.push_back(new_instance("1.1", "1.1.1", fmt::format("1.1.1.{}", i), 2500 - i, kDoe));
  insert(group);

  std::vector<blobs::BlobLocation> seen;
  const auto visited = for_each_instance(*pool_, [&](const StoredInstance& instance) {
    seen.push_back(instance.location);
    return true;
  });

  ASSERT_TRUE(visited) << visited.error().text;
  EXPECT_EQ(seen.size(), 2500u);
  EXPECT_TRUE(std::ranges::is_sorted(seen, {}, [](const blobs::BlobLocation& location) {
    return std::pair(location.segment, location.offset);
  }));
}

TEST_F(CatalogTest, ParallelSendersOfTheSameStudiesNeitherDeadlockNorMiscount) {
  constexpr unsigned kThreads = 8;
  constexpr unsigned kGroups = 12;
  constexpr unsigned kGroupInstances = 9;
  std::latch start(kThreads);
  std::atomic<unsigned> failed = 0;
  const auto send = [&](unsigned thread) {
    start.arrive_and_wait();
    for (unsigned g = 0; g < kGroups; ++g) {
      std::vector<NewInstance> group;
      for (unsigned i = 0; i < kGroupInstances; ++i) {
        // Each group touches three studies of two patients, in an order of its own.
        const unsigned study = (i + thread + g) % 3;
        const unsigned number = (thread * kGroups + g) * kGroupInstances + i;
        group.push_back(
            new_instance(fmt::format("1.{}", study), fmt::format("1.{}.{}", study, g % 4),
                         fmt::format("1.9.{}", number), number,
                         with(kDoe, {{tags::kPatientId, study == 0 ? "P1" : "P2"},
                                     {Tag{0x0008, 0x1030}, thread % 2 == 0 ? "even" : "odd"}})));
      }
      if (!try_insert(group)) ++failed;
    }
  };
  {
    std::vector<std::jthread> senders;
    for (unsigned t = 0; t < kThreads; ++t) senders.emplace_back(send, t);
  }

  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(rows("studies, series, " + kInstancesOfPatient + ") FROM patient ORDER BY patient_id"),
            "1|4|288;2|8|576");
  EXPECT_EQ(rows("count(*)) FROM study WHERE study.series <> (SELECT count(*) FROM series WHERE "
                 "series.study = study.id)"),
            "0");
  EXPECT_EQ(rows("count(*)) FROM series WHERE instances <> (SELECT count(*) FROM instance"
                 " WHERE instance.series = series.id)"),
            "0");
}

}  // namespace
}  // namespace latent::storage::catalog
