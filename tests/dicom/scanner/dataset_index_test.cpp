#include "dicom/scanner/dataset_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/dicom/scanner/made_data_sets.h"

namespace latent::dicom::scanner {
namespace {

using namespace made;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kExplicit = model::transfer_syntaxes::kExplicitLittle;
constexpr std::string_view kJpeg = "1.2.840.10008.1.2.4.50";

Result<DatasetIndex> scan(const Bytes& bytes, std::string_view syntax = kExplicit,
                          std::span<const Tag> wanted = {}, const Limits& limits = {}) {
  DatasetScanner scanner(syntax, limits, wanted);
  LATENT_TRY_VOID(scanner.feed(bytes));
  return scanner.finish();
}

void expect_refused(const Identity& identity, std::string_view reason) {
  const auto index = scan(object(identity, {}, {}));
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(index.error().text, HasSubstr(reason));
}

bool noted(const DatasetIndex& index, std::string_view text) {
  for (const Note& note : index.notes)
    if (note.text == text) return true;
  return false;
}

TEST(DatasetScanner, FindsWhatIdentifiesAnObject) {
  const auto index = scan(object());
  ASSERT_TRUE(index) << index.error().text;
  EXPECT_EQ(index->sop_class.text(), "1.2.840.10008.5.1.4.1.1.7");
  EXPECT_EQ(index->sop_instance.text(), "2.25.1");
  EXPECT_EQ(index->study.text(), "2.25.2");
  EXPECT_EQ(index->series.text(), "2.25.3");
  EXPECT_EQ(index->dataset_bytes, object().size());
  EXPECT_THAT(index->notes, IsEmpty());
}

TEST(DatasetScanner, TellsTheStudyAsSoonAsItHasPassed) {
  const Bytes bytes = object();
  DatasetScanner scanner(kExplicit, {}, {});
  std::size_t fed = 0;
  while (fed < bytes.size() && scanner.study() && !*scanner.study()) {
    ASSERT_TRUE(scanner.feed(ByteSpan(bytes).subspan(fed, 1)));
    ++fed;
  }
  ASSERT_TRUE(scanner.study());
  EXPECT_EQ((*scanner.study())->text(), "2.25.2");
  EXPECT_LT(fed, bytes.size() - 64) << "not before the pixels";
}

TEST(DatasetScanner, MissingAndMalformedIdentifiersAreRefusedByName) {
  expect_refused({.sop_class = ""}, "SOP Class UID (0008,0016) is missing");
  expect_refused({.sop_instance = ""}, "SOP Instance UID (0008,0018) is missing");
  expect_refused({.study = ""}, "Study Instance UID (0020,000D) is missing");
  expect_refused({.series = ""}, "Series Instance UID (0020,000E) is missing");
  expect_refused({.sop_instance = "../../../evil"}, "holds no UID");
  expect_refused({.study = std::string("1.2.3\0.4", 8)}, "holds no UID");
  expect_refused({.series = "1." + std::string(78, '2')}, "holds no UID");

  DatasetScanner scanner(kExplicit, {}, {});
  ASSERT_TRUE(scanner.feed(object({.study = "not a uid"}, {}, {})));
  EXPECT_FALSE(scanner.study());
}

TEST(DatasetScanner, KeepsWantedAttributesAndTheCharacterSet) {
  const std::array<Tag, 2> wanted = {Tag{0x0010, 0x0010}, Tag{0x0020, 0x0013}};
  const Bytes bytes =
      joined({element({8, 5}, "CS", "ISO_IR 100"), object(element({0x20, 0x13}, "IS", "7 "))});
  const auto index = scan(bytes, kExplicit, wanted);
  ASSERT_TRUE(index) << index.error().text;
  ASSERT_EQ(index->attributes.size(), 3u);
  EXPECT_EQ(as_text(index->attributes.at({8, 5}).bytes), "ISO_IR 100");
  EXPECT_EQ(as_text(index->attributes.at({0x10, 0x10}).bytes), "Made^By^Test");
  EXPECT_EQ(index->attributes.at({0x20, 0x13}).vr, model::vrs::kIS);
}

TEST(DatasetScanner, TheFirstOfTwoEqualTagsCounts) {
  const std::array<Tag, 1> wanted = {Tag{0x0020, 0x0013}};
  const auto index =
      scan(object(joined({element({0x20, 0x13}, "IS", "1 "), element({0x20, 0x13}, "IS", "2 ")})),
           kExplicit, wanted);
  ASSERT_TRUE(index);
  EXPECT_EQ(as_text(index->attributes.at({0x20, 0x13}).bytes), "1 ");
  EXPECT_TRUE(noted(*index, "tag occurs again"));
}

TEST(DatasetScanner, KeepsTheFirstLevelOfWantedSequences) {
  const std::array<Tag, 1> wanted = {Tag{0x0040, 0xA043}};
  const Bytes deeper = sequence({0x40, 0xA168}, item(element({8, 0x100}, "SH", "DEEPER")));
  const Bytes codes = joined({item(joined({element({8, 0x100}, "SH", "ONE "), deeper})),
                              item(element({8, 0x100}, "SH", "TWO "))});
  const auto index =
      scan(object(joined({sequence({0x40, 0xA043}, codes), sequence({0x40, 0xA730}, codes)})),
           kExplicit, wanted);
  ASSERT_TRUE(index) << index.error().text;
  ASSERT_EQ(index->sequences.size(), 1u);
  const auto& items = index->sequences.at({0x40, 0xA043});
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].size(), 1u);
  EXPECT_EQ(as_text(items[0].at({8, 0x100}).bytes), "ONE ");
  EXPECT_EQ(as_text(items[1].at({8, 0x100}).bytes), "TWO ");
}

TEST(DatasetScanner, AnAttributeWrittenUnHasTheVrThatTheDictionaryKnows) {
  const std::array<Tag, 1> wanted = {Tag{0x0020, 0x0013}};
  const auto index = scan(object(element({0x20, 0x13}, "UN", "7 ")), kExplicit, wanted);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->attributes.at({0x20, 0x13}).vr, model::vrs::kIS);
}

TEST(DatasetScanner, ValuesBeyondTheLimitAreNotHeld) {
  const std::array<Tag, 1> wanted = {Tag{0x0020, 0x4000}};
  const Bytes bytes = object(element({0x20, 0x4000}, "LT", std::string(2000, 'c')));
  Limits limits;
  limits.value_held_bytes_max = 1000;
  const auto index = scan(bytes, kExplicit, wanted, limits);
  ASSERT_TRUE(index);
  EXPECT_THAT(index->attributes, IsEmpty());
  EXPECT_TRUE(noted(*index, "value too long to index"));
}

TEST(DatasetScanner, WhatAllItemsTogetherHoldIsBounded) {
  const std::array<Tag, 1> wanted = {Tag{0x0040, 0xA043}};
  const Bytes one = item(element({8, 0x100}, "SH", ""));
  Bytes items;
  for (int i = 0; i < 140'000; ++i) append(items, one);
  const auto index = scan(object(sequence({0x40, 0xA043}, items)), kExplicit, wanted);
  ASSERT_TRUE(index);
  EXPECT_LT(index->sequences.at({0x40, 0xA043}).size(), 140'000u);
  EXPECT_TRUE(noted(*index, "too many items to index") || noted(*index, "value too long to index"));
}

TEST(DatasetScanner, NativePixelsAreFound) {
  const Bytes bytes = object();
  const auto index = scan(bytes);
  EXPECT_EQ(index->pixels.kind, PixelLayout::Kind::native);
  EXPECT_EQ(index->pixels.value_offset, bytes.size() - 64);
  EXPECT_EQ(index->pixels.value_bytes, 64u);
}

Bytes encapsulated(const Bytes& table, std::initializer_list<Bytes> fragments) {
  Bytes all = joined({head({0x7FE0, 0x10}, "OB", kUndefined), item(table)});
  for (const Bytes& fragment : fragments) append(all, item(fragment));
  append(all, sequence_end());
  return all;
}
PixelLayout layout_of(std::string_view frames, const Bytes& pixels, const Bytes& extended = {}) {
  const Bytes count = frames.empty() ? Bytes() : element({0x28, 8}, "IS", frames);
  const auto index = scan(object({}, joined({count, extended}), pixels), kJpeg);
  EXPECT_TRUE(index) << index.error().text;
  return index->pixels;
}

TEST(DatasetScanner, FramesAreFoundByTheBasicOffsetTable) {
  const auto pixels = encapsulated(
      joined({le32(0), le32(24), le32(36)}),
      {bytes_of("aaaa"), bytes_of("AAAA"), bytes_of("bbbb"), bytes_of("cccc"), bytes_of("CCCC")});
  const PixelLayout layout = layout_of("3 ", pixels);
  EXPECT_EQ(layout.kind, PixelLayout::Kind::encapsulated);
  ASSERT_EQ(layout.fragments.size(), 5u);
  EXPECT_EQ(layout.fragments[0].bytes, 4u);
  EXPECT_THAT(layout.frame_first_fragment, ElementsAre(0, 2, 3));
}

TEST(DatasetScanner, FramesAreFoundByTheExtendedOffsetTable) {
  Bytes offsets;
  append_le(offsets, std::uint64_t{0});
  append_le(offsets, std::uint64_t{24});
  const auto pixels = encapsulated({}, {bytes_of("aaaa"), bytes_of("AAAA"), bytes_of("bbbb")});
  const PixelLayout layout = layout_of("2 ", pixels, element({0x7FE0, 1}, "OV", offsets));
  EXPECT_THAT(layout.frame_first_fragment, ElementsAre(0, 2));
}

TEST(DatasetScanner, OneFragmentAFrameNeedsNoTable) {
  const auto three = encapsulated({}, {bytes_of("aa"), bytes_of("bb"), bytes_of("cc")});
  EXPECT_THAT(layout_of("3 ", three).frame_first_fragment, ElementsAre(0, 1, 2));
  EXPECT_THAT(layout_of("", three).frame_first_fragment, ElementsAre(0));
  EXPECT_THAT(layout_of("2 ", three).frame_first_fragment, IsEmpty()) << "nobody can tell";
  EXPECT_THAT(layout_of("2 ", encapsulated({}, {})).frame_first_fragment, IsEmpty());
}

TEST(DatasetScanner, AnOffsetTableThatLiesIsNotUsed) {
  const auto pixels =
      encapsulated(joined({le32(0), le32(0x7FFFFFF0)}), {bytes_of("aa"), bytes_of("bb")});
  const auto index = scan(object({}, element({0x28, 8}, "IS", "2 "), pixels), kJpeg);
  ASSERT_TRUE(index);
  EXPECT_THAT(index->pixels.frame_first_fragment, ElementsAre(0, 1)) << "one fragment a frame";
  EXPECT_TRUE(noted(*index, "basic offset table does not fit the fragments"));
}

TEST(DatasetScanner, PixelsThatBelieTheTransferSyntaxAreNoted) {
  EXPECT_TRUE(noted(*scan(object(), kJpeg), "native pixels under an encapsulated transfer syntax"));
  EXPECT_TRUE(noted(*scan(object({}, {}, encapsulated({}, {bytes_of("aa")}))),
                    "encapsulated pixels under a native transfer syntax"));
}

TEST(DatasetScanner, PixelsOfAnIconAreNotThePixels) {
  const Bytes icon =
      sequence({0x88, 0x200}, item(element({0x7FE0, 0x10}, "OB", std::string(4, 'i'))));
  const auto index = scan(object(icon));
  ASSERT_TRUE(index);
  EXPECT_EQ(index->pixels.value_bytes, 64u);
}

}  // namespace
}  // namespace latent::dicom::scanner
