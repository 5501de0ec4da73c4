// Reading identifiers and parameters, and writing answers.
#include "retrieval/query/query.h"

#include <gmock/gmock.h>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/writer/element_writer.h"
#include "retrieval/query/answer.h"

namespace latent::retrieval::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace tags = dicom::model::tags;
namespace vrs = dicom::model::vrs;
namespace syntaxes = dicom::model::transfer_syntaxes;
using dicom::model::Encoding;
using dicom::writer::ElementWriter;

class Identifier {
 public:
  explicit Identifier(Encoding encoding = Encoding::implicit_little) : writer_(encoding, bytes_) {}
  Identifier& text(Tag tag, Vr vr, std::string_view value) {
    writer_.text(tag, vr, value);
    return *this;
  }
  Identifier& us(Tag tag, std::uint16_t value) {
    writer_.us(tag, value);
    return *this;
  }
  ElementWriter& writer() { return writer_; }
  Result<Query> parse(Root root = Root::study, const Options& options = {},
                      std::string_view syntax = syntaxes::kImplicitLittle,
                      std::string_view assumed = {}) const {
    return parse_identifier(bytes_, syntax, root, options, assumed, Limits());
  }

 private:
  Bytes bytes_;
  ElementWriter writer_;
};

const Key* find(const Query& query, Tag tag) {
  for (const Key& key : query.keys)
    if (key.tag == tag) return &key;
  return nullptr;
}

TEST(ParseIdentifier, KeysAreDecodedByTheirCharacterSetAndTrimmed) {
  const auto query = Identifier()
                         .text(tags::kSpecificCharacterSet, vrs::kCS, "ISO_IR 100")
                         .text(tags::kStudyDate, vrs::kDA, "20240101-")
                         .text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY ")
                         .text(tags::kPatientName, vrs::kPN, "M\xFCller*")
                         .text(tags::kPatientId, vrs::kLO, "  P1  ")
                         .text(tags::kStudyInstanceUid, vrs::kUI, "1.2\\1.3")
                         .parse();
  ASSERT_TRUE(query) << query.error().text;
  EXPECT_EQ(query->level, Level::study);
  EXPECT_THAT(find(*query, tags::kPatientName)->values, ElementsAre("Müller*"));
  EXPECT_THAT(find(*query, tags::kPatientId)->values, ElementsAre("P1"));
  EXPECT_THAT(find(*query, tags::kStudyInstanceUid)->values, ElementsAre("1.2", "1.3"));
  EXPECT_EQ(find(*query, tags::kSpecificCharacterSet), nullptr);
  EXPECT_EQ(find(*query, tags::kQueryRetrieveLevel), nullptr);
  EXPECT_THAT(query->habits, IsEmpty());
}

TEST(ParseIdentifier, TheAssumedCharacterSetServesDevicesThatNameNone) {
  const auto query = Identifier()
                         .text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY")
                         .text(tags::kPatientName, vrs::kPN, "\xC0\xEE*")
                         .parse(Root::study, {}, syntaxes::kImplicitLittle, "GB18030");
  ASSERT_TRUE(query);
  EXPECT_THAT(find(*query, tags::kPatientName)->values, ElementsAre("李*"));
}

TEST(ParseIdentifier, NumbersAreReadInEitherByteOrder) {
  for (const auto& [encoding, syntax] :
       {std::pair(Encoding::explicit_big, syntaxes::kExplicitBig),
        std::pair(Encoding::explicit_little, syntaxes::kExplicitLittle)}) {
    const auto query = Identifier(encoding)
                           .text(tags::kQueryRetrieveLevel, vrs::kCS, "IMAGE")
                           .text(tags::kSopInstanceUid, vrs::kUI, "1.2.3")
                           .us(tags::kRows, 512)
                           .parse(Root::study, {}, syntax);
    ASSERT_TRUE(query) << query.error().text;
    EXPECT_THAT(find(*query, tags::kRows)->values, ElementsAre("512"));
  }
}

TEST(ParseIdentifier, ItemKeysKnowTheirSequence) {
  constexpr Tag kSequence{0x0040, 0x0275};
  constexpr Tag kStep{0x0040, 0x0009};
  Identifier identifier;
  identifier.text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY");
  identifier.writer().begin_sequence(kSequence);
  identifier.writer().begin_item();
  identifier.text(kStep, vrs::kSH, "S1");
  identifier.writer().end_item();
  identifier.writer().end_sequence();
  const auto query = identifier.parse();
  ASSERT_TRUE(query) << query.error().text;
  const Key* step = find(*query, kStep);
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->sequence, kSequence);
  EXPECT_THAT(step->values, ElementsAre("S1"));
  EXPECT_THAT(find(*query, kSequence)->values, IsEmpty());
}

TEST(ParseIdentifier, TheLevelMustBeThereKnownAndOfTheModel) {
  const auto level = [](std::string_view value, Root root) {
    return Identifier().text(tags::kQueryRetrieveLevel, vrs::kCS, value).parse(root);
  };
  EXPECT_THAT(Identifier().parse().error().text, HasSubstr("(0008,0052)"));
  EXPECT_EQ(level("", Root::study).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(level("WARD", Root::study).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(level("PATIENT", Root::study).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(level("SERIES", Root::patient_study_only).error().code, ErrorCode::invalid_input);
  EXPECT_TRUE(level("PATIENT", Root::patient));
  const auto lower = level("study", Root::study);
  ASSERT_TRUE(lower);
  EXPECT_THAT(lower->habits, ElementsAre("query level in lower case"));
}

TEST(ParseIdentifier, UniqueKeysOfUpperLevelsAreNeededUnlessTheLowerOnesAreUnique) {
  const auto series = [](std::string_view study, std::string_view uid, const Options& options) {
    return Identifier()
        .text(tags::kQueryRetrieveLevel, vrs::kCS, "SERIES")
        .text(tags::kStudyInstanceUid, vrs::kUI, study)
        .text(tags::kSeriesInstanceUid, vrs::kUI, uid)
        .parse(Root::study, options);
  };
  EXPECT_TRUE(series("1.2", "", {}));
  const auto missing = series("", "", {});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text, HasSubstr("(0020,000D)"));
  EXPECT_FALSE(series("*", "*", {}));
  EXPECT_TRUE(series("", "", {.relational = true}));
  const auto tolerated = series("", "1.2.3", {});
  ASSERT_TRUE(tolerated);
  EXPECT_THAT(tolerated->habits, ElementsAre(HasSubstr("(0020,000D)")));

  const auto study = [](std::string_view patient, std::string_view uid) {
    return Identifier()
        .text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY")
        .text(tags::kPatientId, vrs::kLO, patient)
        .text(tags::kStudyInstanceUid, vrs::kUI, uid)
        .parse(Root::patient);
  };
  EXPECT_FALSE(study("", ""));
  EXPECT_TRUE(study("P1", ""));
  EXPECT_TRUE(study("", "1.2"));
}

TEST(ParseIdentifier, KeysOfLowerLevelsAreAHabitWorthNoting) {
  const auto query = Identifier()
                         .text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY")
                         .text(tags::kModality, vrs::kCS, "CT")
                         .parse();
  ASSERT_TRUE(query);
  EXPECT_THAT(query->habits, ElementsAre("key (0008,0060) of level SERIES at level STUDY"));
}

TEST(ParseIdentifier, RubbishAndTooLongIdentifiersAreRefused) {
  const Bytes rubbish(37, std::byte{0xFF});
  const auto parse = [](ByteSpan bytes) {
    return parse_identifier(bytes, syntaxes::kExplicitLittle, Root::study, {}, {}, Limits());
  };
  EXPECT_EQ(parse(rubbish).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(parse(Bytes(Limits().identifier_bytes_max + 1)).error().code, ErrorCode::invalid_input);
}

TEST(ParseIdentifier, EmptyValuesAmongOthersAskForNothing) {
  const auto query = Identifier()
                         .text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY")
                         .text(tags::kPatientName, vrs::kPN, "\\Doe^*\\ ")
                         .parse();
  ASSERT_TRUE(query) << query.error().text;
  EXPECT_THAT(find(*query, tags::kPatientName)->values, ElementsAre("Doe^*"));
}

TEST(ParseIdentifier, AKeyMoreThanOnceIsRefused) {
  Identifier twice;
  twice.text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY")
      .text(tags::kPatientId, vrs::kLO, "P1")
      .text(tags::kPatientId, vrs::kLO, "P2");
  const auto query = twice.parse();
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(query.error().text, HasSubstr("(0010,0020)"));
}

TEST(ParseParameters, KeywordsTagsAndPathsBecomeKeys) {
  const auto query = parse_parameters(
      Level::series, {"PatientName=Doe*", "StudyInstanceUID=1.2,1.3", "00080060=CT\\MR",
                      "RequestAttributesSequence.ScheduledProcedureStepID=S1"});
  ASSERT_TRUE(query) << query.error().text;
  EXPECT_THAT(find(*query, tags::kPatientName)->values, ElementsAre("Doe*"));
  EXPECT_THAT(find(*query, tags::kStudyInstanceUid)->values, ElementsAre("1.2", "1.3"));
  EXPECT_THAT(find(*query, tags::kModality)->values, ElementsAre("CT", "MR"));
  EXPECT_EQ(find(*query, Tag{0x0040, 0x0009})->sequence, (Tag{0x0040, 0x0275}));
  EXPECT_NE(find(*query, tags::kNumberOfSeriesRelatedInstances), nullptr);
  EXPECT_EQ(find(*query, tags::kSopInstanceUid), nullptr);
}

TEST(ParseParameters, AnUnknownKeywordIsNamed) {
  const auto query = parse_parameters(Level::study, {"PatientNmae=Doe"});
  ASSERT_FALSE(query);
  EXPECT_THAT(query.error().text, HasSubstr("PatientNmae"));
}

// ---- answers ----

Answer answer_with(std::string name, std::string description) {
  Answer answer;
  answer.attributes.push_back(
      {.tag = {0x0008, 0x1030}, .vr = vrs::kLO, .values = {std::move(description)}});
  answer.attributes.push_back(
      {.tag = tags::kPatientName, .vr = vrs::kPN, .values = {std::move(name)}});
  answer.attributes.push_back({.tag = tags::kRows, .vr = vrs::kUS, .values = {"512"}});
  answer.attributes.push_back(
      {.tag = {0x0040, 0x0275},
       .vr = vrs::kSQ,
       .items = {{{.tag = {0x0040, 0x0009}, .vr = vrs::kSH, .values = {"S"}}}}});
  return answer;
}

/// The answer read back as if it were a query, which reads the same elements.
Query read_back(const Answer& answer, const Query& query, std::string_view syntax) {
  const auto bytes = encode_answer(answer, query, {.retrieve_ae_title = "LATENT"}, syntax);
  EXPECT_TRUE(bytes);
  EXPECT_EQ(bytes->size() % 2, 0u);
  auto read = parse_identifier(*bytes, syntax, Root::patient, {.relational = true}, {}, Limits());
  EXPECT_TRUE(read) << read.error().text;
  return std::move(*read);
}

TEST(EncodeAnswer, ValuesComeThroughInEverySyntaxAndCharacterSet) {
  Query query;
  query.level = Level::study;
  query.keys = {{.tag = tags::kInstanceAvailability}};
  for (const std::string_view syntax :
       {syntaxes::kImplicitLittle, syntaxes::kExplicitLittle, syntaxes::kExplicitBig}) {
    for (const std::string name : {"Doe^John", "Müller^Hans", "Yamada=山田^太郎"}) {
      const Query read = read_back(answer_with(name, "x"), query, syntax);
      EXPECT_EQ(read.level, Level::study);
      EXPECT_THAT(find(read, tags::kPatientName)->values, ElementsAre(name));
      EXPECT_THAT(find(read, tags::kRows)->values, ElementsAre("512"));
      EXPECT_THAT(find(read, {0x0040, 0x0009})->values, ElementsAre("S"));
      EXPECT_THAT(find(read, tags::kRetrieveAeTitle)->values, ElementsAre("LATENT"));
      EXPECT_THAT(find(read, tags::kInstanceAvailability)->values, ElementsAre("ONLINE"));
    }
  }
}

TEST(EncodeAnswer, TheCharacterSetIsNamedOnlyWhenItIsNeeded) {
  const auto set_of = [](std::string name, std::string description) {
    const auto bytes = encode_answer(answer_with(std::move(name), std::move(description)), {}, {},
                                     syntaxes::kExplicitLittle);
    const std::string_view text = as_text(*bytes);
    const std::size_t at = text.find("ISO_IR");
    return at == std::string_view::npos ? std::string() : std::string(text.substr(at, 10));
  };
  EXPECT_EQ(set_of("Doe", "x"), "");
  EXPECT_EQ(set_of("Müller", "x"), "ISO_IR 100");
  EXPECT_EQ(set_of("Doe", "頭部"), "ISO_IR 192");
}

TEST(EncodeAnswer, ACompressedSyntaxIsNoneForIdentifiers) {
  EXPECT_FALSE(encode_answer({}, {}, {}, "1.2.840.10008.1.2.4.50"));
}

}  // namespace
}  // namespace latent::retrieval::query
