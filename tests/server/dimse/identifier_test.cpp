#include "server/dimse/detail/identifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/model/tag.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/writer/element_writer.h"

namespace latent::server::dimse {
namespace {

namespace tags = dicom::model::tags;
namespace vrs = dicom::model::vrs;
namespace syntaxes = dicom::model::transfer_syntaxes;
using dicom::model::Encoding;
using dicom::writer::ElementWriter;

struct Keys {
  std::string level, patient, study, series, instance;
};

Bytes encode(const Keys& keys, std::string_view syntax) {
  Bytes out;
  ElementWriter writer(dicom::model::assumed_encoding(syntax), out);
  if (!keys.instance.empty()) writer.text(tags::kSopInstanceUid, vrs::kUI, keys.instance);
  if (!keys.level.empty()) writer.text(tags::kQueryRetrieveLevel, vrs::kCS, keys.level);
  writer.text(tags::kPatientId, vrs::kLO, keys.patient);
  if (!keys.study.empty()) writer.text(tags::kStudyInstanceUid, vrs::kUI, keys.study);
  if (!keys.series.empty()) writer.text(tags::kSeriesInstanceUid, vrs::kUI, keys.series);
  return out;
}

Result<RetrieveIdentifier> parse(const Keys& keys, Root root = Root::patient) {
  return parse_retrieve_identifier(encode(keys, syntaxes::kExplicitLittle),
                                   syntaxes::kExplicitLittle, root, "", Limits{});
}

TEST(RetrieveIdentifier, ReadsListsOfUidsInEveryNativeSyntax) {
  for (const auto syntax :
       {syntaxes::kImplicitLittle, syntaxes::kExplicitLittle, syntaxes::kExplicitBig}) {
    const auto parsed = parse_retrieve_identifier(
        encode({"IMAGE", "P1", "1.2", "1.2.3", "1.2.3.4\\1.2.3.5"}, syntax), syntax, Root::patient,
        "", Limits{});
    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ(parsed->selection.patient_id, "P1");
    EXPECT_EQ(parsed->selection.studies.size(), 1u);
    EXPECT_EQ(parsed->selection.series.size(), 1u);
    ASSERT_EQ(parsed->selection.instances.size(), 2u);
    EXPECT_EQ(parsed->selection.instances[1].text(), "1.2.3.5");
    EXPECT_TRUE(parsed->habits.empty());
  }
}

TEST(RetrieveIdentifier, AKeyMoreThanOnceIsRefusedAndNeverJoinedToAnotherUid) {
  Bytes bytes = encode({"STUDY", "", "1.2", "", ""}, syntaxes::kExplicitLittle);
  ElementWriter(Encoding::explicit_little, bytes).text(tags::kStudyInstanceUid, vrs::kUI, "3");
  const auto parsed =
      parse_retrieve_identifier(bytes, syntaxes::kExplicitLittle, Root::study, "", Limits{});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_input);
  EXPECT_NE(parsed.error().text.find("(0020,000D)"), std::string::npos) << parsed.error().text;
}

TEST(RetrieveIdentifier, ADeflatedOneIsBoundedByWhatItInflatesTo) {
  Bytes plain = encode({"STUDY", "", "1.2", "", ""}, syntaxes::kExplicitLittle);
  ElementWriter(Encoding::explicit_little, plain)
      .element({0x0009, 0x0010}, vrs::kUT, Bytes(2u << 20, std::byte{' '}));
  const auto packed = pack_for_syntax(plain, syntaxes::kDeflated);
  ASSERT_TRUE(packed);
  ASSERT_LT(packed->size(), 16u << 10);
  const auto parsed =
      parse_retrieve_identifier(*packed, syntaxes::kDeflated, Root::study, "", Limits{});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_input);
}

TEST(RetrieveIdentifier, KeysBelowTheLevelDoNotRestrict) {
  const auto parsed = parse({"STUDY", "", "1.2", "1.2.3", "1.2.3.4"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->selection.studies.size(), 1u);
  EXPECT_TRUE(parsed->selection.series.empty());
  EXPECT_TRUE(parsed->selection.instances.empty());
}

TEST(RetrieveIdentifier, MissingKeysAboveAreAHabitAndNoError) {
  const auto parsed = parse({"SERIES", "", "", "1.2.3", ""});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->selection.studies.empty());
  EXPECT_EQ(parsed->habits.size(), 1u);
}

TEST(RetrieveIdentifier, ThePatientIdRestrictsOnlyWhereItIsAUniqueKey) {
  EXPECT_EQ(parse({"STUDY", "P1", "1.2", "", ""}, Root::patient)->selection.patient_id, "P1");
  EXPECT_FALSE(parse({"STUDY", "P1", "1.2", "", ""}, Root::study)->selection.patient_id);
}

TEST(RetrieveIdentifier, RefusesWhatNamesNothing) {
  for (const Keys& keys :
       {Keys{"", "P1", "1.2", "", ""}, Keys{"STUDIES", "P1", "1.2", "", ""},
        Keys{"STUDY", "P1", "", "", ""}, Keys{"PATIENT", "", "1.2", "", ""},
        Keys{"STUDY", "", "1.2.*", "", ""}, Keys{"IMAGE", "", "1.2", "1.3", ""}}) {
    const auto parsed = parse(keys);
    ASSERT_FALSE(parsed) << keys.level;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_input);
  }
}

TEST(RetrieveIdentifier, NoPrefixOfOneIsTakenForTheWholeOrHarms) {
  const Bytes whole = encode({"IMAGE", "P1", "1.2", "1.2.3", "1.2.3.4"}, syntaxes::kExplicitLittle);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto parsed = parse_retrieve_identifier(
        ByteSpan(whole).first(size), syntaxes::kExplicitLittle, Root::study, "", Limits{});
    if (parsed) continue;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_input);
  }
}

TEST(IdentifierCollector, KeepsNothingOfWhatIsTooLong) {
  IdentifierCollector collector(10);
  collector.add(as_bytes("12345"));
  collector.add(as_bytes("67890"));
  EXPECT_EQ(collector.take()->size(), 10u);

  collector.add(as_bytes("12345"));
  collector.add(as_bytes("678901"));
  collector.add(as_bytes("2"));
  EXPECT_EQ(collector.take().error().code, ErrorCode::invalid_input);
}

TEST(FailedList, IsReadableInTheSyntaxOfItsContext) {
  const std::vector<InstanceUid> failed = {*InstanceUid::parse("1.2.3"),
                                           *InstanceUid::parse("1.2.4")};
  const auto list = encode_failed_list(failed, syntaxes::kImplicitLittle);
  ASSERT_TRUE(list);
  const Bytes expected = [] {
    Bytes bytes;
    for (const unsigned byte : {0x08u, 0x00u, 0x58u, 0x00u, 12u, 0u, 0u, 0u}) {
      bytes.push_back(static_cast<std::byte>(byte));
    }
    append(bytes, as_bytes(std::string_view("1.2.3\\1.2.4\0", 12)));
    return bytes;
  }();
  EXPECT_TRUE(*list == expected);
}

TEST(FailedList, IsPackedWhereTheContextIsDeflated) {
  const std::vector<InstanceUid> failed(500, *InstanceUid::parse("1.2.840.10008.1234567"));
  const auto list = encode_failed_list(failed, syntaxes::kDeflated);
  ASSERT_TRUE(list);
  EXPECT_LT(list->size(), 1000u);
  EXPECT_EQ(list->size() % 2, 0u);
}

}  // namespace
}  // namespace latent::server::dimse
