#include "dicom/network/command_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dicom/network/wire.h"

namespace latent::dicom::network::test {
namespace {

using testing::HasSubstr;

Bytes element(std::uint16_t group, std::uint16_t number, ByteSpan value) {
  Bytes bytes;
  append_le(bytes, group);
  append_le(bytes, number);
  append_le(bytes, static_cast<std::uint32_t>(value.size()));
  append(bytes, value);
  return bytes;
}

TEST(CommandSet, EncodesInOrderWithItsGroupLength) {
  CommandSet set;
  set.set_u16(command::kStatus, 0xA700);
  set.set_uid(command::kAffectedSopClassUid, "1.2.3");
  set.set_text(command::kErrorComment, "odd");

  const Bytes encoded = set.encode();

  Bytes expected = element(0, 0, bytes_of({14 + 10 + 12, 0, 0, 0}));
  append(expected, element(0, 2, as_bytes(std::string_view("1.2.3\0", 6))));
  append(expected, element(0, 0x900, bytes_of({0x00, 0xA7})));
  append(expected, element(0, 0x902, as_bytes("odd ")));
  EXPECT_EQ(encoded, expected);
}

TEST(CommandSet, GettersGiveValuesWithoutPaddingAndOnlyOfTheirType) {
  Bytes bytes = element(0, 0x0110, bytes_of({7, 1}));
  append(bytes, element(0, 0x0002, as_bytes("1.2.3 ")));
  append(bytes, element(0, 0x0901, bytes_of({8, 0, 0x18, 0, 0x10, 0, 0x20, 0, 9})));
  append(bytes, element(0, 0x1000, as_bytes("no uid")));
  append(bytes, element(0, 0x0600, {}));

  const auto set = CommandSet::parse(bytes);

  ASSERT_TRUE(set) << set.error().text;
  EXPECT_EQ(set->u16(command::kMessageId), 0x0107);
  EXPECT_EQ(set->u32(command::kMessageId), std::nullopt);
  EXPECT_EQ(set->uid(command::kAffectedSopClassUid), "1.2.3");
  EXPECT_EQ(set->uid(command::kAffectedSopInstanceUid), std::nullopt);
  EXPECT_EQ(set->text(command::kAffectedSopInstanceUid), "no uid");
  EXPECT_EQ(set->tags(command::kOffendingElement),
            (std::vector<model::Tag>{{0x0008, 0x0018}, {0x0010, 0x0020}}));
  EXPECT_TRUE(set->contains(command::kMoveDestination));
  EXPECT_EQ(set->text(command::kMoveDestination), std::nullopt);
  EXPECT_EQ(set->u16(command::kStatus), std::nullopt);
  EXPECT_FALSE(set->has_data_set());
}

TEST(CommandSet, WrongOrderAndAWrongGroupLengthAreTolerated) {
  Bytes bytes = element(0, 0x0110, bytes_of({1, 0}));
  append(bytes, element(0, 0x0000, bytes_of({99, 99, 0, 0})));
  append(bytes, element(0, 0x0100, bytes_of({0x30, 0})));

  const auto set = CommandSet::parse(bytes);

  ASSERT_TRUE(set);
  EXPECT_EQ(set->command_field(), 0x30);
  EXPECT_EQ(set->u16(command::kMessageId), 1);
  EXPECT_EQ(set->size(), 2u);
}

TEST(CommandSet, AnElementTwiceIsRefused) {
  Bytes bytes = element(0, 0x0110, bytes_of({1, 0}));
  append(bytes, element(0, 0x0100, bytes_of({0x30, 0})));
  append(bytes, element(0, 0x0110, bytes_of({2, 0})));
  const auto set = CommandSet::parse(bytes);
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error().text, HasSubstr("(0000,0110)"));
}

TEST(CommandSet, ElementsOfAnotherGroupLengthsBeyondTheEndAndScrapsAreRefused) {
  const auto foreign = CommandSet::parse(element(8, 0x18, as_bytes("1.2")));
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().text, HasSubstr("(0008,0018) at byte 0"));

  Bytes too_long = element(0, 0x0100, bytes_of({0x30, 0}));
  too_long[4] = std::byte{3};
  const auto beyond = CommandSet::parse(too_long);
  ASSERT_FALSE(beyond);
  EXPECT_THAT(beyond.error().text, HasSubstr("claims 3 bytes, 2 are left"));

  const Bytes whole = encoded_echo();
  int parsed = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size)
    parsed +=
        CommandSet::parse(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))) ? 1 : 0;
  EXPECT_EQ(parsed, 6);  // Empty, and behind each of the five elements.
}

TEST(CommandSet, MoreThan64KibAreRefused) {
  EXPECT_TRUE(CommandSet::parse(element(0, 0x902, Bytes((64 << 10) - 8))));
  const auto set = CommandSet::parse(element(0, 0x902, Bytes((64 << 10) - 7)));
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, ErrorCode::invalid_input);
}

TEST(CommandSet, SettersReplaceAndEraseRemoves) {
  CommandSet set;
  set.set_u16(command::kMessageId, 1);
  set.set_u16(command::kStatus, 2);
  set.set_u16(command::kMessageId, 3);
  EXPECT_EQ(set.u16(command::kMessageId), 3);
  EXPECT_EQ(set.size(), 2u);
  set.erase(command::kMessageId);
  EXPECT_FALSE(set.contains(command::kMessageId));
  EXPECT_EQ(set.u16(command::kStatus), 2);
}

TEST(CommandSet, ParsingWhatWasEncodedGivesTheSame) {
  CommandSet set = CMoveRq{9, std::string(kStudyRootMove), "DEST", Priority::high}.to_command();
  set.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  set.set_tags(command::kAttributeIdentifierList, {{0x10, 0x20}});
  set.set_u32(command::kErrorId, 5);
  const auto read = CommandSet::parse(set.encode());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, set);
  EXPECT_TRUE(read->has_data_set());
}

}  // namespace
}  // namespace latent::dicom::network::test
