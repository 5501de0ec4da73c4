#include "retrieval/query/query_service.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "retrieval/query/answer.h"
#include "tests/retrieval/query/archive_fixture.h"

namespace latent::retrieval::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
namespace tags = dicom::model::tags;

constexpr Tag kStudyDescription{0x0008, 0x1030};
constexpr Tag kSeriesDescription{0x0008, 0x103E};
constexpr Tag kRequestAttributes{0x0040, 0x0275};
constexpr Tag kStepId{0x0040, 0x0009};
constexpr Tag kProcedureId{0x0040, 0x1001};

class QueryTest : public ArchiveFixture {
 protected:
  /// A study of one instance.
  void add(const std::string& study, Attributes attributes) {
    attributes.try_emplace(tags::kSpecificCharacterSet, "ISO_IR 192");
    attributes.try_emplace(tags::kPatientId, "P" + study);
    insert({new_instance(study, study + ".1", study + ".1.1", ++places_, attributes)});
  }
  std::vector<std::string> studies(std::vector<Key> keys, Options options = {}) {
    Query query = query_at(Level::study, std::move(keys));
    query.options = options;
    return found(query, tags::kStudyInstanceUid);
  }
  std::uint64_t places_ = 0;
};

TEST_F(QueryTest, NamesMatchWithoutRegardToCaseAndAccentsInAnyGroup) {
  add("1.1", {{tags::kPatientName, "Müller^Hans"}});
  add("1.2", {{tags::kPatientName, "Yamada^Tarou=山田^太郎=やまだ^たろう"}});
  add("1.3", {{tags::kPatientName, "MULLER"}});
  const auto by_name = [this](std::string name) {
    return studies({{.tag = tags::kPatientName, .values = {std::move(name)}}});
  };
  EXPECT_THAT(by_name("muller^hans"), UnorderedElementsAre("1.1"));
  EXPECT_THAT(by_name("MÜLLER^*"), UnorderedElementsAre("1.1", "1.3"));
  EXPECT_THAT(by_name("mull*"), UnorderedElementsAre("1.1", "1.3"));
  EXPECT_THAT(by_name("muller"), UnorderedElementsAre("1.3"));
  EXPECT_THAT(by_name("m?ller"), UnorderedElementsAre("1.3"));
  EXPECT_THAT(by_name("*hans"), UnorderedElementsAre("1.1"));
  EXPECT_THAT(by_name("山田*"), UnorderedElementsAre("1.2"));
  EXPECT_THAT(by_name("=山田^太郎"), UnorderedElementsAre("1.2"));
  EXPECT_THAT(by_name("Yamada^*=山*"), UnorderedElementsAre("1.2"));
  EXPECT_THAT(by_name("山田*="), IsEmpty());
  EXPECT_THAT(by_name("*郎=*"), IsEmpty());
  EXPECT_THAT(by_name("*"), UnorderedElementsAre("1.1", "1.2", "1.3"));
}

TEST_F(QueryTest, WildcardsInNamesStayInsideTheirGroupAndLikesOwnSignsAreData) {
  add("1.1", {{tags::kPatientName, "Smithson^John=Tanaka^Jane"}});
  add("1.2", {{tags::kPatientName, "Smi%hson^John"}});
  add("1.3", {{tags::kPatientName, "Smi_hson^John"}});
  const auto by_name = [this](std::string name) {
    return studies({{.tag = tags::kPatientName, .values = {std::move(name)}}});
  };
  EXPECT_THAT(by_name("smithson*"), UnorderedElementsAre("1.1"));
  EXPECT_THAT(by_name("*mithso*"), UnorderedElementsAre("1.1"));
  EXPECT_THAT(by_name("tanaka^ja*"), UnorderedElementsAre("1.1"));
  EXPECT_THAT(by_name("smithson*jane"), IsEmpty());
  EXPECT_THAT(by_name("smithson"), IsEmpty());
  EXPECT_THAT(by_name("smi?hson^john"), UnorderedElementsAre("1.1", "1.2", "1.3"));
  EXPECT_THAT(by_name("smi%hson*"), UnorderedElementsAre("1.2"));
  EXPECT_THAT(by_name("smi_hson*"), UnorderedElementsAre("1.3"));
}

TEST_F(QueryTest, FuzzyNamesMatchWordsInAnyOrderAndNeverFewer) {
  add("1.1", {{tags::kPatientName, "van der Berg^Anna Maria"}});
  add("1.2", {{tags::kPatientName, "Berg^Anton"}});
  add("1.3", {{tags::kPatientName, "Aberg^Otto"}});
  const auto by_name = [this](std::string name) {
    return studies({{.tag = tags::kPatientName, .values = {std::move(name)}}},
                   {.fuzzy_names = true});
  };
  EXPECT_THAT(by_name("anna berg"), UnorderedElementsAre("1.1"));
  EXPECT_THAT(by_name("An^Ber"), UnorderedElementsAre("1.1", "1.2"));
  EXPECT_THAT(by_name("*berg^otto"), UnorderedElementsAre("1.3"));
  EXPECT_THAT(studies({{.tag = tags::kPatientName, .values = {"anna berg"}}}), IsEmpty());
}

TEST_F(QueryTest, QuotesAndSqlPatternsAreData) {
  add("1.1", {{kStudyDescription, "50% _off_ it's \"x\"; DROP TABLE study"}});
  add("1.2", {{kStudyDescription, "50 percent"}});
  add("1.3", {{kStudyDescription, "50% yoffy"}});
  const auto by_text = [this](std::string value) {
    return studies({{.tag = kStudyDescription, .values = {std::move(value)}}});
  };
  EXPECT_THAT(by_text("50% _off_*"), ElementsAre("1.1"));
  EXPECT_THAT(by_text("*it's \"x\"; DROP TABLE study"), ElementsAre("1.1"));
  EXPECT_THAT(by_text("50%"), IsEmpty());
  EXPECT_THAT(by_text("' OR '1'='1"), IsEmpty());
  EXPECT_THAT(by_text("50? ?off?*"), ElementsAre("1.1", "1.3"));
}

TEST_F(QueryTest, RegularExpressionsInNamesAreData) {
  add("1.1", {{tags::kPatientName, "A.B(C)[D]{2}|E+$^x"}});
  add("1.2", {{tags::kPatientName, "AxB"}});
  const auto by_name = [this](std::string name) {
    return studies({{.tag = tags::kPatientName, .values = {std::move(name)}}});
  };
  EXPECT_THAT(by_name("a.b*"), ElementsAre("1.1"));
  EXPECT_THAT(by_name("a.b(c)[d]{2}|e+$^X"), ElementsAre("1.1"));
  EXPECT_THAT(by_name("(?i)axb"), IsEmpty());
  EXPECT_THAT(by_name(".*"), IsEmpty());
}

TEST_F(QueryTest, DatesAndTimesMatchAsRangesSeparatelyOrCombined) {
  add("1.1", {{tags::kStudyDate, "20240101"}, {tags::kStudyTime, "090000"}});
  add("1.2", {{tags::kStudyDate, "20240102"}, {tags::kStudyTime, "230000.5"}});
  add("1.3", {{tags::kStudyDate, "20240103"}, {tags::kStudyTime, "0100"}});
  add("1.4", {{tags::kStudyDate, "2024.01.02"}});
  add("1.5", {});
  const auto by = [this](std::string date, std::string time, Options options = {}) {
    std::vector<Key> keys;
    if (!date.empty()) keys.push_back({.tag = tags::kStudyDate, .values = {date}});
    if (!time.empty()) keys.push_back({.tag = tags::kStudyTime, .values = {time}});
    return studies(std::move(keys), options);
  };
  EXPECT_THAT(by("20240102", ""), UnorderedElementsAre("1.2", "1.4"));
  EXPECT_THAT(by("20240102-", ""), UnorderedElementsAre("1.2", "1.3", "1.4"));
  EXPECT_THAT(by("-20240102", ""), UnorderedElementsAre("1.1", "1.2", "1.4"));
  EXPECT_THAT(by("", "01"), UnorderedElementsAre("1.3"));
  EXPECT_THAT(by("", "230000"), UnorderedElementsAre("1.2"));
  EXPECT_THAT(by("", "0900-2259"), UnorderedElementsAre("1.1"));
  EXPECT_THAT(by("20240101-20240103", "1200-0200"), IsEmpty());
  EXPECT_THAT(by("20240101-20240103", "1200-0200", {.combined_date_time = true}),
              UnorderedElementsAre("1.2", "1.3", "1.4"));
  EXPECT_THAT(by("20240101-20240102", "1200-2259", {.combined_date_time = true}),
              UnorderedElementsAre("1.4"));
}

TEST_F(QueryTest, NonsenseInADateFindsTheSameNonsense) {
  add("1.1", {{tags::kStudyDate, "20249999"}});
  add("1.2", {{tags::kStudyDate, "20240101"}});
  EXPECT_THAT(studies({{.tag = tags::kStudyDate, .values = {"20249999"}}}), ElementsAre("1.1"));
}

TEST_F(QueryTest, ValuesComeBackAsTheyCame) {
  add("1.1", {{tags::kStudyDate, "2024.01.02"},
              {tags::kPatientName, "Ångström^Åke"},
              {Tag{0x0020, 0x0011}, "007"}});
  const auto all = answers(query_at(
      Level::series,
      {{.tag = tags::kStudyDate}, {.tag = tags::kPatientName}, {.tag = Tag{0x0020, 0x0011}}}));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0].find(tags::kStudyDate)->values, ElementsAre("2024.01.02"));
  EXPECT_THAT(all[0].find(tags::kPatientName)->values, ElementsAre("Ångström^Åke"));
  EXPECT_THAT(all[0].find(Tag{0x0020, 0x0011})->values, ElementsAre("007"));
  EXPECT_THAT(all[0].find(tags::kSeriesInstanceUid)->values, ElementsAre("1.1.1"));
  EXPECT_TRUE(std::ranges::is_sorted(all[0].attributes, {}, &AnswerAttribute::tag));
}

TEST_F(QueryTest, IntegerStringsMatchByValue) {
  add("1.1", {{Tag{0x0020, 0x0011}, "007"}});
  add("1.2", {{Tag{0x0020, 0x0011}, "8"}});
  EXPECT_THAT(found(query_at(Level::series, {{.tag = Tag{0x0020, 0x0011}, .values = {"7"}}}),
                    tags::kSeriesInstanceUid),
              ElementsAre("1.1.1"));
}

TEST_F(QueryTest, ListsOfUidsAndSeveralValuesMatchAnyOfThem) {
  for (const char* study : {"1.1", "1.2", "1.3"}) add(study, {{tags::kModality, study + 2}});
  EXPECT_THAT(studies({{.tag = tags::kStudyInstanceUid, .values = {"1.3", "1.1", "9.9"}}}),
              UnorderedElementsAre("1.1", "1.3"));
  EXPECT_THAT(studies({{.tag = tags::kModalitiesInStudy, .values = {"2", "3", "CT"}}}),
              UnorderedElementsAre("1.2", "1.3"));
}

TEST_F(QueryTest, ModalitiesAndCountersOfAStudyAreAnswered) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1,
                       {{tags::kPatientId, "P"}, {tags::kModality, "CT"}}),
          new_instance("1.1", "1.1.1", "1.1.1.2", 2,
                       {{tags::kPatientId, "P"}, {tags::kModality, "CT"}}),
          new_instance("1.1", "1.1.2", "1.1.2.1", 3,
                       {{tags::kPatientId, "P"}, {tags::kModality, "SR"}})});
  const auto all =
      answers(query_at(Level::study, {{.tag = tags::kModalitiesInStudy, .values = {"SR"}},
                                      {.tag = tags::kModality},
                                      {.tag = tags::kNumberOfPatientRelatedStudies},
                                      {.tag = tags::kNumberOfStudyRelatedSeries},
                                      {.tag = tags::kNumberOfStudyRelatedInstances}}));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0].find(tags::kModalitiesInStudy)->values, ElementsAre("CT", "SR"));
  EXPECT_THAT(all[0].find(tags::kModality)->values, ElementsAre("CT", "SR"));
  EXPECT_THAT(all[0].find(tags::kNumberOfPatientRelatedStudies)->values, ElementsAre("1"));
  EXPECT_THAT(all[0].find(tags::kNumberOfStudyRelatedSeries)->values, ElementsAre("2"));
  EXPECT_THAT(all[0].find(tags::kNumberOfStudyRelatedInstances)->values, ElementsAre("3"));
}

TEST_F(QueryTest, SeriesKeysAskedOfStudiesHoldTogetherInOneSeries) {
  const auto series = [this](std::string uid, std::string modality, std::string description) {
    insert({new_instance("1.1", uid, uid + ".1", ++places_,
                         {{tags::kPatientId, "P"},
                          {tags::kModality, modality},
                          {kSeriesDescription, description}})});
  };
  series("1.1.1", "MR", "T1");
  series("1.1.2", "CT", "thorax");
  const auto by = [this](std::string modality, std::string description) {
    return studies({{.tag = tags::kModality, .values = {std::move(modality)}},
                    {.tag = kSeriesDescription, .values = {std::move(description)}}});
  };
  EXPECT_THAT(by("MR", "T?"), ElementsAre("1.1"));
  EXPECT_THAT(by("CT", "T1"), IsEmpty());
}

TEST_F(QueryTest, ItemsOfRequestAttributesMatchTogetherAndComeBack) {
  NewInstance instance = new_instance("1.1", "1.1.1", "1.1.1.1", 1, {{tags::kPatientId, "P"}});
  auto index = std::make_shared<dicom::scanner::DatasetIndex>(*instance.index);
  index->sequences[kRequestAttributes] = {{{kStepId, test::raw_value(kStepId, "S1 ")},
                                           {kProcedureId, test::raw_value(kProcedureId, "R1")}},
                                          {{kStepId, test::raw_value(kStepId, "S'\"2")}}};
  instance.index = index;
  insert({instance});
  const auto series_by = [this](std::string step, std::string procedure) {
    return answers(query_at(
        Level::series,
        {{.tag = kStepId, .values = {std::move(step)}, .sequence = kRequestAttributes},
         {.tag = kProcedureId, .values = {std::move(procedure)}, .sequence = kRequestAttributes}}));
  };
  EXPECT_THAT(series_by("S'*", "R1"), IsEmpty());
  const auto all = series_by("S1", "R*");
  ASSERT_EQ(all.size(), 1u);
  const AnswerAttribute* sequence = all[0].find(kRequestAttributes);
  ASSERT_EQ(sequence->items.size(), 2u);
  EXPECT_THAT(sequence->items[0][0].values, ElementsAre("S1"));
  EXPECT_THAT(sequence->items[0][1].values, ElementsAre("R1"));
  EXPECT_THAT(sequence->items[1][0].values, ElementsAre("S'\"2"));
  EXPECT_THAT(sequence->items[1][1].values, IsEmpty());
}

TEST_F(QueryTest, WhatIsNotIndexedOrLowerIsNamedAsUnsupported) {
  const auto cursor = open(query_at(Level::study, {{.tag = Tag{0x0008, 0x0056}},
                                                   {.tag = Tag{0x0009, 0x0010}},
                                                   {.tag = Tag{0x0018, 0x1400}},
                                                   {.tag = kSeriesDescription},
                                                   {.tag = tags::kModality},
                                                   {.tag = kStudyDescription}}));
  ASSERT_TRUE(cursor) << cursor.error().text;
  EXPECT_THAT((*cursor)->unsupported(),
              ElementsAre(Tag{0x0009, 0x0010}, Tag{0x0018, 0x1400}, kSeriesDescription));
}

TEST_F(QueryTest, ManyMatchesComePageByPageEachOnceWithLimitAndOffset) {
  constexpr int kStudies = 10'000;
  std::vector<NewInstance> group;
  for (int i = 0; i < kStudies; ++i) {
    const std::string study = fmt::format("1.{}", i);
    group.push_back(new_instance(study, study + ".1", study + ".1.1", static_cast<std::uint64_t>(i),
                                 {{tags::kPatientId, fmt::format("P{}", i % 700)},
                                  {tags::kStudyDate, fmt::format("2024{:02}01", 1 + i % 12)}}));
    if (group.size() == 1000) {
      insert(group);
      group.clear();
    }
  }
  const auto all = found(query_at(Level::study), tags::kStudyInstanceUid);
  EXPECT_EQ(all.size(), std::size_t{kStudies});
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), std::size_t{kStudies});

  Query ordered = query_at(Level::study);
  ordered.order = {{.tag = tags::kStudyDate, .descending = true}};
  ordered.limit = 2500;
  ordered.offset = 500;
  const auto dates = found(ordered, tags::kStudyDate);
  EXPECT_EQ(dates.size(), 2500u);
  EXPECT_TRUE(std::ranges::is_sorted(dates, std::greater<>()));
  EXPECT_EQ(dates.front(), "20241201");

  // Two windows that meet share nothing and miss nothing.
  ordered.limit = 1700;
  ordered.offset = 0;
  auto joined = found(ordered, tags::kStudyInstanceUid);
  ordered.offset = 1700;
  ordered.limit.reset();
  const auto rest = found(ordered, tags::kStudyInstanceUid);
  joined.insert(joined.end(), rest.begin(), rest.end());
  EXPECT_EQ(std::set(joined.begin(), joined.end()).size(), std::size_t{kStudies});
  EXPECT_EQ(joined.size(), std::size_t{kStudies});

  ordered.limit = 0;
  EXPECT_THAT(answers(ordered), IsEmpty());
}

TEST_F(QueryTest, OrderPutsMissingValuesLastAndGoesOnBehindThem) {
  for (int i = 0; i < 250; ++i)
    add(fmt::format("1.{}", i),
        i % 2 == 0 ? Attributes{{tags::kStudyDate, "20240101"}} : Attributes{});
  Query ordered = query_at(Level::study);
  ordered.order = {{.tag = tags::kStudyDate}};
  const auto dates = found(ordered, tags::kStudyDate);
  ASSERT_EQ(dates.size(), 250u);
  EXPECT_EQ(dates[124], "20240101");
  EXPECT_EQ(dates[125], "");
}

TEST_F(QueryTest, SupersededVersionsAndEmptyPatientsAreNotFound) {
  insert({new_instance("1.1", "1.1.1", "1.1.1.1", 1, {{tags::kPatientId, "P1"}})});
  NewInstance second = new_instance("1.1", "1.1.2", "1.1.1.1", 2, {{tags::kPatientId, "P1"}});
  second.stored.version = 1;
  {
    auto transaction = begin();
    ASSERT_TRUE(storage::catalog::add_version(transaction, second, {}));
    ASSERT_TRUE(transaction.commit());
  }
  EXPECT_THAT(found(query_at(Level::image), tags::kSopInstanceUid), ElementsAre("1.1.1.1"));
  EXPECT_THAT(found(query_at(Level::series), tags::kSeriesInstanceUid), ElementsAre("1.1.2"));
  EXPECT_THAT(found(query_at(Level::patient), tags::kPatientId), ElementsAre("P1"));
}

TEST_F(QueryTest, TheQuestionIsInTheAuditLogBeforeTheFirstAnswer) {
  const auto cursor = open(query_at(Level::study, {{.tag = tags::kPatientName, .values = {"DOE*"}},
                                                   {.tag = tags::kPatientId, .values = {"P7"}}}));
  ASSERT_TRUE(cursor) << cursor.error().text;

  auto transaction = begin();
  const auto rows = transaction.execute("SELECT code, actor, subject FROM audit_event");
  ASSERT_EQ(rows->size(), 1);
  EXPECT_EQ(rows->integer(0, 0), 110112);
  EXPECT_EQ(rows->text(0, 1), "dimse:WS1");
  EXPECT_THAT(std::string(rows->text(0, 2)),
              ::testing::HasSubstr("STUDY PatientName=DOE* PatientID=P7"));
}

TEST_F(QueryTest, AnotherActionsAuthorisationIsRefused) {
  using namespace security::access;
  const Policy policy({{.kind = Caller::Kind::peer, .name = {}, .actions = {Action::store}}});
  const auto may_store =
      policy.authorize({.kind = Caller::Kind::peer, .name = "dimse:CT", .ip = {}}, Action::store);
  const auto cursor = service_.open(*may_store, query_at(Level::study), {});
  ASSERT_FALSE(cursor);
  EXPECT_EQ(cursor.error().code, ErrorCode::refused);
}

TEST_F(QueryTest, ACancelledQueryGivesNoFurtherAnswer) {
  add("1.1", {});
  add("1.2", {});
  std::stop_source stop;
  const auto cursor = open(query_at(Level::study), stop.get_token());
  ASSERT_TRUE((*cursor)->next());
  stop.request_stop();
  const auto next = (*cursor)->next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::cancelled);
}

TEST_F(QueryTest, TooManyOrTooLongValuesAreRefusedNamingTheTag) {
  for (const std::vector<std::string>& values :
       {std::vector<std::string>(65, "x"), std::vector<std::string>{std::string(1025, 'x')}}) {
    const auto cursor =
        open(query_at(Level::study, {{.tag = kStudyDescription, .values = values}}));
    ASSERT_FALSE(cursor);
    EXPECT_EQ(cursor.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(cursor.error().text, ::testing::HasSubstr("(0008,1030)"));
  }
}

}  // namespace
}  // namespace latent::retrieval::query
