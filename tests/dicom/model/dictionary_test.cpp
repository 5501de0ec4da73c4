#include "dicom/model/dictionary.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#define HAVE_CONFIG_H
#include <dcmtk/config/osconfig.h>
// (osconfig.h before the rest)
#include <dcmtk/dcmdata/dcdict.h>
#include <dcmtk/dcmdata/dctagkey.h>

#include "dicom/model/detail/dictionary_additions.h"
#include "dicom/model/sop_classes.h"
#include "tests/support/shared_data.h"

namespace latent::dicom::model {
namespace {

std::optional<nlohmann::json> read_shared_table(const char* name) {
  const auto path = test::shared_file(std::string("data/standard/") + name);
  if (!path) return std::nullopt;
  std::ifstream file(*path);
  return nlohmann::json::parse(file);
}

TEST(Dictionary, KnowsStandardTagsBothWays) {
  ASSERT_TRUE(is_dictionary_complete());
  EXPECT_EQ(find(tags::kPatientName)->keyword, "PatientName");
  EXPECT_EQ(find(tags::kPatientName)->vr, vrs::kPN);
  EXPECT_EQ(find_keyword("StudyInstanceUID"), tags::kStudyInstanceUid);
  EXPECT_EQ(find(Tag{0x0000, 0x0100})->keyword, "CommandField");
  EXPECT_FALSE(find_keyword("NoSuchKeyword"));
  EXPECT_FALSE(find_keyword(""));
}

TEST(Dictionary, KnowsRepeatingGroupsByTheirFirstTag) {
  EXPECT_EQ(find(Tag{0x6004, 0x3000})->keyword, "OverlayData");
  EXPECT_EQ(find(Tag{0x501E, 0x3000})->keyword, "CurveData");
  EXPECT_EQ(find_keyword("OverlayData"), (Tag{0x6000, 0x3000}));
  EXPECT_EQ(find(Tag{0x7F02, 0x0010})->keyword, "VariablePixelData");
  EXPECT_EQ(find(tags::kPixelData)->keyword, "PixelData");
  EXPECT_EQ(find(Tag{0x0020, 0x3142})->keyword, "SourceImageIDs");
  EXPECT_EQ(find(Tag{0x0028, 0x0431})->keyword, "ColumnsForNthOrderCoefficients");
  EXPECT_FALSE(find(Tag{0x6001, 0x3000}));
}

TEST(Dictionary, GivesTheVrThatAnImplicitReaderTakes) {
  EXPECT_EQ(vr_of(Tag{0x0010, 0x0000}), vrs::kUL);
  EXPECT_EQ(vr_of(Tag{0x0009, 0x0000}), vrs::kUL);
  EXPECT_EQ(vr_of(Tag{0x0029, 0x0010}), vrs::kLO);
  EXPECT_EQ(vr_of(Tag{0x0029, 0x1010}), vrs::kUN);
  EXPECT_EQ(vr_of(Tag{0x0028, 0x0106}), vrs::kUS);  // SmallestImagePixelValue, US or SS
  EXPECT_EQ(vr_of(tags::kPixelData), vrs::kOW);     // OB or OW
  EXPECT_EQ(vr_of(Tag{0x0028, 0x3006}), vrs::kOW);  // LUTData, US or OW
  EXPECT_EQ(vr_of(Tag{0x0004, 0x1400}), vrs::kUL);
  EXPECT_EQ(vr_of(Tag{0x0008, 0x1140}), vrs::kSQ);
  EXPECT_EQ(vr_of(Tag{0x4321, 0x1234}), vrs::kUN);
  EXPECT_EQ(vr_of(tags::kItem), vrs::kUN);
}

TEST(Dictionary, HoldsEveryNamedAttributeOfTheStandardsTable) {
  const auto table = read_shared_table("attributes.json");
  if (!table) GTEST_SKIP() << "no shared data (LATENT_SHARED)";

  std::size_t compared = 0;
  for (const auto& row : *table) {
    std::string digits = row.at("id");
    const std::string keyword = row.at("keyword");
    const std::string vr = row.at("valueRepresentation");
    if (keyword.empty() || vr.size() != 2) continue;
    for (char& digit : digits)
      if (digit == 'x' || digit == 'X') digit = '2';
    const Tag tag = Tag::from(static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16)));
    const auto entry = find(tag);
    ASSERT_TRUE(entry) << digits;
    EXPECT_EQ(entry->keyword, keyword) << digits;
    EXPECT_EQ(std::string_view(text_of(entry->vr)), vr) << digits;
    ASSERT_TRUE(find_keyword(keyword)) << keyword;
    ++compared;
  }
  EXPECT_GT(compared, 5000u);
}

TEST(Dictionary, HasNoAdditionThatDcmtkKnows) {
  DcmDataDictionary dcmtk(OFFalse, OFTrue);
  for (const detail::Addition& row : detail::dictionary_additions()) {
    const Tag tag = Tag::from(row.tag);
    EXPECT_EQ(dcmtk.findEntry(DcmTagKey(tag.group, tag.element), nullptr), nullptr) << row.keyword;
    EXPECT_EQ(find(tag)->keyword, row.keyword);
  }
}

TEST(Dictionary, AnswersFastEnoughForEachElementOfAnImplicitObject) {
  load_dictionary();
  const auto start = std::chrono::steady_clock::now();
  std::uint32_t known = 0;
  for (std::uint32_t i = 0; i < 1'000'000; ++i)
    known += vr_of(Tag::from(0x00080000 + i % 0x200000)) != vrs::kUN ? 1 : 0;
  const auto spent = std::chrono::steady_clock::now() - start;
  EXPECT_GT(known, 0u);
  RecordProperty("ns_per_lookup", static_cast<int>(spent.count() / 1'000'000));
  EXPECT_LT(spent, std::chrono::seconds(5)) << "a linear search has crept in";
}

TEST(SopClasses, HoldEveryStorageClassOfTheStandardsTable) {
  const auto table = read_shared_table("sops.json");
  if (!table) GTEST_SKIP() << "no shared data (LATENT_SHARED)";

  for (const auto& row : *table) {
    const std::string uid = row.at("id");
    if (uid == sop_classes::kMediaStorageDirectory) continue;  // not sent with C-STORE
    EXPECT_TRUE(is_storage_sop_class(uid)) << uid;
    EXPECT_EQ(sop_class_name(uid), row.at("name").get<std::string>());
  }
}

TEST(SopClasses, KnowRetiredOnesAndNamesOfOthers) {
  EXPECT_TRUE(is_storage_sop_class("1.2.840.10008.5.1.4.1.1.6"));
  EXPECT_TRUE(is_storage_sop_class("1.2.840.10008.5.1.1.30"));
  EXPECT_TRUE(is_storage_sop_class("1.2.840.10008.5.1.4.39.1"));
  EXPECT_FALSE(is_storage_sop_class(sop_classes::kVerification));
  EXPECT_FALSE(is_storage_sop_class(sop_classes::kMediaStorageDirectory));
  EXPECT_EQ(sop_class_name(sop_classes::kVerification), "Verification");
  EXPECT_EQ(sop_class_name("1.2.3"), "1.2.3");
  std::set<std::string_view> uids;
  for (const SopClass& one : storage_sop_classes())
    EXPECT_TRUE(uids.insert(one.uid).second) << one.uid;
}

}  // namespace
}  // namespace latent::dicom::model
