// What catalog rows hold in packed form: attribute sets, pixel layouts, folded names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "dicom/model/dictionary.h"
#include "security/crypto/sha256.h"
#include "storage/catalog/attribute_blob.h"
#include "storage/catalog/attributes.h"
#include "storage/catalog/detail/attribute_dictionary.h"
#include "storage/catalog/detail/columns.h"
#include "storage/catalog/detail/items.h"
#include "storage/catalog/detail/name_pattern.h"
#include "storage/catalog/pixel_layout.h"

namespace latent::storage::catalog {
namespace {

using dicom::scanner::PixelLayout;
using security::crypto::Secret;
using security::crypto::StudyKey;

StudyKey key_of(unsigned char byte) {
  Secret<32> secret;
  std::ranges::fill(secret.writable(), std::byte{byte});
  return StudyKey(KeyId{}, std::move(secret));
}
const InstanceUid kUid = InstanceUid::parse("1.2.3").value();

TEST(AttributeBlob, OpensOnlyUnderItsKeyAndForItsInstance) {
  const Bytes set(as_bytes("anything at all").begin(), as_bytes("anything at all").end());
  const Bytes sealed = seal_attributes(set, key_of(1), kUid);

  EXPECT_EQ(open_attributes(sealed, key_of(1), kUid).value(), set);
  EXPECT_EQ(open_attributes(sealed, key_of(2), kUid).error().where, "auth");
  EXPECT_EQ(open_attributes(sealed, key_of(1), InstanceUid::parse("1.2.4").value()).error().where,
            "auth");
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes changed = sealed;
    changed[at] ^= std::byte{1};
    EXPECT_FALSE(open_attributes(changed, key_of(1), kUid));
  }
}

TEST(AttributeBlob, AnEmptySetIsNothing) {
  EXPECT_TRUE(seal_attributes({}, key_of(1), kUid).empty());
}

// Blobs in archives were written with it: a change makes them unreadable. Make dictionary 2.
TEST(AttributeDictionary, NumberOneNeverChanges) {
  EXPECT_EQ(security::crypto::sha256(detail::attribute_dictionary_1()).hex(),
            "b45f3c87ac3bf47508e87e871a175e4af76fd15dfcc6852426c864caaac08ace");
}

TEST(PixelLayouts, NativeAndEncapsulatedOnesComeBack) {
  PixelLayout native{.kind = PixelLayout::Kind::native,
                     .tag = dicom::model::tags::kFloatPixelData,
                     .value_offset = 1'000'000'000'000,
                     .value_bytes = 524'288,
                     .fragments = {},
                     .frame_first_fragment = {}};
  PixelLayout unknown_frames{.kind = PixelLayout::Kind::encapsulated,
                             .tag = dicom::model::tags::kPixelData,
                             .value_offset = 1000,
                             .value_bytes = 0,
                             .fragments = {{1016, 100}, {1124, 7}, {1139, 65'000}},
                             .frame_first_fragment = {}};
  PixelLayout one_each = unknown_frames;
  one_each.frame_first_fragment = {0, 1, 2};
  PixelLayout listed = unknown_frames;
  listed.frame_first_fragment = {0, 2};
  for (const PixelLayout& layout : {native, unknown_frames, one_each, listed}) {
    const Bytes packed = pack_pixel_layout(layout);
    const auto back = unpack_pixel_layout(packed);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->kind, layout.kind);
    EXPECT_EQ(back->tag, layout.tag);
    EXPECT_EQ(back->value_offset, layout.value_offset);
    EXPECT_EQ(back->value_bytes, layout.value_bytes);
    EXPECT_EQ(back->frame_first_fragment, layout.frame_first_fragment);
    ASSERT_EQ(back->fragments.size(), layout.fragments.size());
    for (std::size_t i = 0; i < layout.fragments.size(); ++i) {
      EXPECT_EQ(back->fragments[i].offset, layout.fragments[i].offset);
      EXPECT_EQ(back->fragments[i].bytes, layout.fragments[i].bytes);
    }
    for (std::size_t cut = 1; cut < packed.size(); ++cut)
      EXPECT_FALSE(unpack_pixel_layout(ByteSpan(packed).first(cut))) << cut;
  }
  EXPECT_TRUE(pack_pixel_layout({}).empty());
}

TEST(PixelLayouts, AClaimedCountAllocatesNothing) {
  const Bytes packed = {std::byte{1},    std::byte{2},    std::byte{0},    std::byte{1},
                        std::byte{0},    std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF},
                        std::byte{0xFF}, std::byte{0x7F}};
  EXPECT_EQ(unpack_pixel_layout(packed).error().code, ErrorCode::corrupt);
}

TEST(Attributes, TheTableAgreesWithTheDictionary) {
  for (const Attribute& attribute : attributes()) {
    const auto known = dicom::model::find(attribute.tag);
    ASSERT_TRUE(known) << dicom::model::to_string(attribute.tag);
    EXPECT_EQ(known->vr, attribute.vr) << dicom::model::to_string(attribute.tag);
  }
  EXPECT_TRUE(std::ranges::is_sorted(wanted_tags()));
  EXPECT_NE(find_attribute(dicom::model::tags::kPatientName), nullptr);
  EXPECT_EQ(find_attribute({0x0018, 0x1400}), nullptr);
  EXPECT_EQ(item_attributes({0x0040, 0x0275}).size(), 5u);
}

TEST(NameKeys, GroupsAndValuesAreFoldedAndClosed) {
  using detail::name_key;
  EXPECT_EQ(name_key("Müller^Hans"), "muller^hans^");
  EXPECT_EQ(name_key("DOE^JOHN^^^"), "doe^john^");
  EXPECT_EQ(name_key("Yamada^Tarou=山田^太郎="), "yamada^tarou^=山田^太郎^");
  EXPECT_EQ(name_key("=山田"), "=山田^");
  EXPECT_EQ(name_key("A\\B^C"), "a^\\b^c^");
  EXPECT_EQ(name_key(""), "");
}

TEST(NamePatterns, AnyNameHasNoPattern) {
  EXPECT_EQ(detail::name_regex("*"), "");
  EXPECT_EQ(detail::name_regex("*=*"), "");
  EXPECT_EQ(detail::name_regex(""), "");
  EXPECT_NE(detail::name_regex("a*"), "");
  EXPECT_TRUE(detail::word_regexes("* ^").empty());
}

TEST(ItemsAsJson, AnyTextComesBack) {
  const detail::Items items = {{{Tag{0x0040, 0x0009}, "a\"b\\c\x01é"}, {Tag{0x0040, 0x1001}, "x"}},
                               {}};
  EXPECT_EQ(detail::items_from_json(detail::items_to_json(items)), items);
  EXPECT_TRUE(detail::items_from_json("not json").empty());
}

}  // namespace
}  // namespace latent::storage::catalog
