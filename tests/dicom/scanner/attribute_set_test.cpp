#include "dicom/scanner/attribute_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/dicom/scanner/made_data_sets.h"
#include "tests/dicom/scanner/recording_sink.h"

namespace latent::dicom::scanner {
namespace {

using namespace made;
using model::Encoding;
using testing::HasSubstr;

Bytes set_of(const Bytes& data_set, Encoding encoding = Encoding::explicit_little,
             const Limits& limits = {}) {
  AttributeSetWriter writer(limits);
  ElementReader reader(encoding, limits, writer);
  EXPECT_TRUE(reader.feed(data_set));
  EXPECT_TRUE(reader.finish());
  return writer.take();
}

struct Played {
  Result<void> verdict;
  std::string calls;
  std::vector<std::pair<ElementHead, BulkReference>> bulk;
};
Played play(ByteSpan set, const Limits& limits = {}) {
  Played played{{}, {}, {}};
  RecordingSink sink;
  played.verdict =
      read_attribute_set(set, limits, sink, [&](const ElementHead& head, const BulkReference& at) {
        played.bulk.emplace_back(head, at);
      });
  played.calls = sink.text;
  return played;
}

TEST(AttributeSet, PlaysBackWhatTheReaderSaw) {
  const Bytes data_set =
      joined({element({8, 5}, "CS", "ISO_IR 100"),
              sequence({8, 0x1140}, joined({item(element({8, 0x1150}, "UI", "1.2 ")), item({})})),
              element({0x10, 0x10}, "PN", "A^B "), element({0x28, 0x10}, "US", le16(512)),
              element({9, 0x1001}, "ZZ", "own ")});
  const Played played = play(set_of(data_set));
  EXPECT_TRUE(played.verdict);
  EXPECT_EQ(played.calls, read(data_set).calls);
  EXPECT_TRUE(played.bulk.empty());
}

TEST(AttributeSet, NumbersOfABigEndianObjectAreLittleEndian) {
  const Bytes big = bytes_of({"\0\x28\0\x10US\0\4\1\2\3\4", 12});
  const Played played = play(set_of(big, Encoding::explicit_big));
  EXPECT_EQ(played.calls, "E(0028,0010)US d0 =02010403\n");
}

TEST(AttributeSet, BulkIsReferencedByPlaceAndLength) {
  const Bytes before = joined({element({9, 0x1001}, "UN", std::string(128, 'i')),
                               element({9, 0x1002}, "OB", std::string(130, 'o')),
                               element({0x10, 0x4000}, "LT", std::string(1026, 't'))});
  const Bytes data_set = joined({before, element({0x7FE0, 0x10}, "OW", "px")});
  const Played played = play(set_of(data_set));

  ASSERT_EQ(played.bulk.size(), 3u);
  for (const auto& [head, at] : played.bulk) {
    const char first = static_cast<char>(data_set.at(at.offset));
    const std::string_view expected = head.tag.group == 9      ? "o"
                                      : head.tag.group == 0x10 ? "t"
                                                               : "p";
    EXPECT_EQ(first, expected.front());
    EXPECT_EQ(data_set.at(at.offset), data_set.at(at.offset + at.bytes - (first == 'p' ? 2 : 1)));
    EXPECT_FALSE(at.fragments);
  }
  EXPECT_THAT(played.calls, HasSubstr("E(0009,1001)UN"));
}

TEST(AttributeSet, FragmentsAreReferencedUpToTheirDelimiter) {
  const Bytes data_set = joined(
      {head({0x7FE0, 0x10}, "OB", kUndefined), item({}), item(bytes_of("frag")), sequence_end()});
  const Played played = play(set_of(data_set));
  ASSERT_EQ(played.bulk.size(), 1u);
  EXPECT_TRUE(played.bulk[0].second.fragments);
  EXPECT_EQ(played.bulk[0].second.offset, 12u);
  EXPECT_EQ(played.bulk[0].second.bytes, data_set.size() - 12);
}

TEST(AttributeSet, GroupLengthsAreLeftOut) {
  const Bytes data_set =
      joined({element({8, 0}, "UL", le32(18)), element({8, 5}, "CS", "ISO_IR 100")});
  EXPECT_EQ(play(set_of(data_set)).calls, "E(0008,0005)CS d0 =49534f5f495220313030\n");
}

TEST(AttributeSet, ANameThatIsFarTooLongIsKeptUpToTheLimitOfHeldValues) {
  const Bytes data_set = element({0x10, 0x10}, "PN", std::string(10'000, 'N'));
  EXPECT_TRUE(play(set_of(data_set)).bulk.empty());
  Limits limits;
  limits.value_held_bytes_max = 5'000;
  EXPECT_EQ(play(set_of(data_set, Encoding::explicit_little, limits)).bulk.size(), 1u);
}

TEST(AttributeSet, ASetThatWouldBeTooLongIsEmpty) {
  Bytes data_set;
  const Bytes long_name = element({0x10, 0x10}, "PN", std::string(60'000, 'N'));
  for (std::size_t i = 0; i * 60'000 < kAttributeSetBytesMax; ++i) append(data_set, long_name);
  EXPECT_TRUE(set_of(data_set).empty());
}

TEST(AttributeSet, WhatIsNoSetIsCorruptAndNeverReadBeyondItsEnd) {
  const Bytes set = set_of(joined({element({8, 5}, "CS", "ISO_IR 100"),
                                   sequence({8, 0x1140}, item(element({8, 0x1150}, "UI", "1.2 "))),
                                   element({0x7FE0, 0x10}, "OW", "px")}));
  EXPECT_FALSE(play({}).verdict);
  EXPECT_FALSE(play(bytes_of("\x02")).verdict) << "another version";
  std::size_t refused = 0;
  for (std::size_t length = 1; length < set.size(); ++length)
    refused += !play(ByteSpan(set).first(length)).verdict;
  EXPECT_GT(refused, set.size() / 2);

  std::mt19937 random(20240612);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bent = set;
    for (int i = 0; i < 3; ++i) bent[random() % bent.size()] = static_cast<std::byte>(random());
    const Played played = play(bent);
    if (!played.verdict) {
      EXPECT_EQ(played.verdict.error().code, ErrorCode::corrupt);
    }
  }
}

TEST(AttributeSet, DepthIsBoundedOnTheWayBack) {
  Limits deep;
  deep.sequence_depth_max = 100;
  EXPECT_TRUE(play(set_of(nested(100), Encoding::explicit_little, deep), deep).verdict);
  EXPECT_FALSE(play(set_of(nested(100), Encoding::explicit_little, deep)).verdict);
}

}  // namespace
}  // namespace latent::dicom::scanner
