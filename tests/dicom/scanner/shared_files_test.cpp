// Every file of the shared data through head and scanner: what is refused, and with which words, is
// written down here; everything else must scan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include "dicom/scanner/attribute_set.h"
#include "dicom/scanner/canonical.h"
#include "dicom/scanner/dataset_index.h"
#include "dicom/scanner/part10.h"
#include "tests/dicom/scanner/recording_sink.h"
#include "tests/support/shared_data.h"

namespace latent::dicom::scanner {
namespace {

namespace fs = std::filesystem;
using Refusals = std::map<std::string, std::string>;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Opened {
  FileMeta meta;
  Bytes data_set;
};
Result<Opened> open_file(const fs::path& path) {
  const std::string content = content_of(path);
  Part10Reader head{Limits{}};
  LATENT_TRY([[maybe_unused]] const bool done, head.feed(as_bytes(content)));
  LATENT_TRY_VOID(head.finish());
  const ByteSpan rest = head.rest();
  return Opened{head.meta(), Bytes(rest.begin(), rest.end())};
}

Result<DatasetIndex> scan(const Opened& file, std::size_t piece = ~std::size_t{0}) {
  DatasetScanner scanner(file.meta.transfer_syntax, {}, {});
  ByteSpan rest(file.data_set);
  while (!rest.empty()) {
    const ByteSpan now = rest.first(std::min(piece, rest.size()));
    LATENT_TRY_VOID(scanner.feed(now));
    rest = rest.subspan(now.size());
  }
  return scanner.finish();
}
std::string verdict_of(const fs::path& path) {
  const auto file = open_file(path);
  if (!file) return file.error().text;
  const auto index = scan(*file);
  return index ? std::string() : index.error().text;
}

void check_folder(const fs::path& folder, const Refusals& refusals) {
  std::size_t seen = 0, refused = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".dcm") continue;
    ++seen;
    const std::string name = entry.path().stem().string();
    const std::string verdict = verdict_of(entry.path());
    const auto expected = refusals.find(name);
    if (expected == refusals.end()) {
      EXPECT_EQ(verdict, "") << name;
    } else {
      ++refused;
      EXPECT_THAT(verdict, testing::HasSubstr(expected->second)) << name;
    }
  }
  EXPECT_GT(seen, refusals.size());
  EXPECT_EQ(refused, refusals.size());
}

const std::string kNoClass = "SOP Class UID (0008,0016) is missing";
const std::string kNoInstance = "SOP Instance UID (0008,0018) is missing";
const std::string kNoStudy = "Study Instance UID (0020,000D) is missing";
const std::string kNotDicom = "not a DICOM file";

TEST(SharedFiles, EveryRealFileScansButThoseThatCannotBeKept) {
  const auto folder = test::shared_file("data/dicom");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  check_folder(*folder,
               {{"dcm4che__3gb-bulk-data-truncated", "claims 3221225472 bytes, 98080 came"},
                {"pydicom__MR_truncated", "claims 8192 bytes, 8130 came"},
                {"pydicom__rtplan_truncated", "cut: element (300A,012C)"},
                {"pydicom-data__emri_small_jpeg_2k_lossless_too_short", "whose end is missing"},
                {"pydicom__no_meta", kNotDicom},
                {"dcm4che__DICOMDIR", kNoClass},
                {"orthanc__Issue111", kNoClass},
                {"orthanc__Issue195", kNoClass},
                {"orthanc__Issue195-bis", kNoClass},
                {"pydicom__UN_sequence", kNoClass},
                {"pydicom__chrSQEncoding", kNoClass},
                {"pydicom__chrSQEncoding1", kNoClass},
                {"pydicom__empty_charset_LEI", kNoClass},
                {"pydicom__meta_missing_tsyntax", kNoClass},
                {"pydicom__nested_priv_SQ", kNoClass},
                {"pydicom__no_meta_group_length", kNoClass},
                {"pydicom__priv_SQ", kNoClass},
                {"pydicom-data__JLSL_RGB_ILV0", kNoInstance},
                {"pydicom-data__JLSL_RGB_ILV1", kNoInstance},
                {"pydicom-data__bad_sequence", "SOP Instance UID (0008,0018) holds no UID"},
                {"dcm4che__no_preamble_dicm_in_data", kNoClass},
                {"fo-dicom__GH220", kNoStudy},
                {"orthanc__Issue196", kNoStudy},
                {"pydicom-data__HTJ2KLossless_08_RGB", kNoStudy},
                {"pydicom-data__HTJ2K_08_RGB", kNoStudy},
                {"pydicom-data__JLSL_08_07_0_1F", kNoStudy},
                {"pydicom-data__JLSL_16_15_1_1F", kNoStudy},
                {"pydicom__JPEGLSNearLossless_08", kNoStudy},
                {"pydicom__JPEGLSNearLossless_16", kNoStudy},
                {"pydicom__SC_rgb_jls_lossy_line", kNoStudy},
                {"pydicom__SC_rgb_jls_lossy_sample", kNoStudy},
                {"pydicom__hotiron", kNoStudy},
                {"weasis__NeurosurgeryPlan", kNoStudy}});
}

TEST(SharedFiles, BrokenFilesAreRefusedWhenTheyLieAboutStructureOrIdentity) {
  const auto folder = test::shared_file("data/broken");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  check_folder(*folder, {{"001-zero-bytes", kNotDicom},
                         {"002-one-byte", kNotDicom},
                         {"003-preamble-no-magic", kNotDicom},
                         {"004-preamble-only", "nothing behind it"},
                         {"006-cut-in-meta", "cut: the file ends inside"},
                         {"007-cut-in-ts-uid", "cut: the file ends inside"},
                         {"008-cut-after-meta", kNoClass},
                         {"009-cut-in-tag", "cut: the data set ends at byte 2"},
                         {"010-cut-in-length", "cut: the data set ends at byte 7"},
                         {"011-cut-in-value", "claims 26 bytes, 12 came"},
                         {"012-cut-in-pixels", "claims 256 bytes, 128 came"},
                         {"013-last-byte-missing", "claims 256 bytes, 255 came"},
                         {"025-deflate-cut", "has no end"},
                         {"029-no-sop-uid", kNoInstance},
                         {"030-no-study-uid", kNoStudy},
                         {"031-empty-study-uid", "is empty"},
                         {"032-uid-traversal", "holds no UID"},
                         {"033-uid-too-long", "holds no UID"},
                         {"034-uid-inner-nul", "holds no UID"},
                         {"035-length-past-end", "claims 60000 bytes"},
                         {"036-length-fffffffe", "claims 4294967294 bytes, 256 came"},
                         {"040-sq-past-end", "where an item must stand"},
                         {"041-sq-no-end", "where an item must stand"},
                         {"042-item-past-sq", "claims 5000 bytes, 34 are left"},
                         {"043-not-an-item", "where an item must stand"},
                         {"045-nested-65", "nested deeper than 64 levels"},
                         {"056-encaps-no-end", "whose end is missing"},
                         {"058-fragment-length-lie", "claims 4294967280 bytes"},
                         {"070-bit-flips", "cut"},
                         {"071-bit-flips", "cut"},
                         {"072-bit-flips", "cut"},
                         {"073-bit-flips", "cut"},
                         {"080-html", kNotDicom},
                         {"081-random", kNotDicom}});
}

TEST(SharedFiles, PiecesOfAnySizeGiveTheSameIndex) {
  const auto folder = test::shared_file("data/dicom");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  std::size_t compared = 0;
  for (const auto& entry : fs::directory_iterator(*folder)) {
    if (entry.path().extension() != ".dcm" || entry.file_size() > 12'000) continue;
    const auto file = open_file(entry.path());
    if (!file) continue;
    const auto whole = scan(*file);
    if (!whole) continue;
    for (const std::size_t piece : {1u, 5u, 127u}) {
      const auto split = scan(*file, piece);
      ASSERT_TRUE(split) << entry.path();
      EXPECT_EQ(split->attribute_set, whole->attribute_set) << entry.path();
      EXPECT_EQ(split->dataset_bytes, whole->dataset_bytes);
      EXPECT_EQ(split->notes.size(), whole->notes.size());
      EXPECT_EQ(split->pixels.frame_first_fragment, whole->pixels.frame_first_fragment);
    }
    ++compared;
  }
  EXPECT_GT(compared, 40u);
}

TEST(SharedFiles, AttributeSetsPlayBackWithoutLoss) {
  const auto folder = test::shared_file("data/dicom");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  for (const auto& entry : fs::directory_iterator(*folder)) {
    if (entry.path().extension() != ".dcm") continue;
    const auto file = open_file(entry.path());
    if (!file) continue;
    const auto index = scan(*file);
    if (!index) continue;
    AttributeSetWriter again{Limits{}};
    const auto played = read_attribute_set(
        index->attribute_set, {}, again, [&](const ElementHead& head, const BulkReference& at) {
          // A reference goes through the writer as what it stands for.
          if (at.fragments) {
            again.on_fragments(head);
            again.on_fragment({.tag = model::tags::kItem,
                               .length = static_cast<std::uint32_t>(at.bytes - 16),
                               .value_offset = at.offset + 8});
            again.on_fragment_end();
            again.on_fragments_end();
          } else {
            ElementHead big = head;
            big.big_endian = at.big_endian;
            again.on_element(big);
            again.on_element_end();
          }
        });
    EXPECT_TRUE(played) << entry.path();
    EXPECT_EQ(again.take(), index->attribute_set) << entry.path();
  }
}

TEST(SharedFiles, BentBytesAndCutsAlwaysGetAVerdict) {
  const auto path = test::shared_file("data/dicom/pydicom__nested_priv_SQ.dcm");
  const auto larger = test::shared_file("data/dicom/dcmqi__mf.dcm");
  if (!path || !larger) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  std::mt19937 random(20240613);
  std::size_t refused = 0;
  for (const fs::path& one : {*path, *larger}) {
    const auto file = open_file(one);
    ASSERT_TRUE(file);
    for (int round = 0; round < 300; ++round) {
      Opened bent = *file;
      for (int i = 0; i < 4; ++i)
        bent.data_set[random() % bent.data_set.size()] = static_cast<std::byte>(random());
      if (round % 3 == 0) bent.data_set.resize(random() % bent.data_set.size());
      const auto index = scan(bent);
      refused += !index;
      if (!index) {
        EXPECT_FALSE(index.error().text.empty());
      }
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST(SharedFiles, OneObjectInThreeSyntaxesIsOneContent) {
  const auto folder = test::shared_file("data/dicom");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  const auto content = [&](const char* name) {
    const auto file = open_file(*folder / name);
    CanonicalDigest digest(file->meta.transfer_syntax, {});
    EXPECT_TRUE(digest.feed(file->data_set));
    return *digest.finish();
  };
  const auto plain = content("pydicom__MR_small.dcm");
  for (const char* name : {"pydicom__MR_small_implicit.dcm", "pydicom__MR_small_bigendian.dcm"}) {
    const auto comparison = compare(plain, content(name));
    EXPECT_FALSE(comparison.pixels_differ) << name;
    for (const model::Tag tag : comparison.header_differs)
      ADD_FAILURE() << name << model::to_string(tag);
  }
  EXPECT_TRUE(compare(plain, content("pydicom__MR_small_RLE.dcm")).pixels_differ);
}

}  // namespace
}  // namespace latent::dicom::scanner
