#include "dicom/scanner/canonical.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/model/transfer_syntaxes.h"
#include "tests/dicom/scanner/made_data_sets.h"

namespace latent::dicom::scanner {
namespace {

using namespace made;
using testing::ElementsAre;
using testing::IsEmpty;
namespace syntaxes = model::transfer_syntaxes;

CanonicalContent content_of(const Bytes& bytes, std::string_view syntax = syntaxes::kExplicitLittle,
                            std::size_t piece = ~std::size_t{0}) {
  CanonicalDigest digest(syntax, {});
  ByteSpan rest(bytes);
  while (!rest.empty()) {
    const ByteSpan now = rest.first(std::min(piece, rest.size()));
    EXPECT_TRUE(digest.feed(now));
    rest = rest.subspan(now.size());
  }
  auto content = digest.finish();
  EXPECT_TRUE(content);
  return std::move(*content);
}

void expect_same(const Bytes& a, const Bytes& b,
                 std::string_view b_syntax = syntaxes::kExplicitLittle) {
  const auto comparison = compare(content_of(a), content_of(b, b_syntax));
  EXPECT_TRUE(comparison.same);
  EXPECT_FALSE(comparison.pixels_differ);
  EXPECT_THAT(comparison.header_differs, IsEmpty());
}

const Bytes kName = element({0x10, 0x10}, "PN", "A^B ");
const Bytes kPixels = element({0x7FE0, 0x10}, "OW", "pixels");

TEST(CanonicalContent, OrderOfFeedingDoesNotMatter) {
  const Bytes bytes = joined({kName, element({0x10, 0x4000}, "LT", std::string(200, ' ') + "x  "),
                              sequence({8, 0x1140}, item(kName)), kPixels});
  const auto whole = content_of(bytes);
  for (std::size_t piece = 1; piece < 100; ++piece)
    EXPECT_TRUE(compare(whole, content_of(bytes, syntaxes::kExplicitLittle, piece)).same) << piece;
}

TEST(CanonicalContent, ImplicitAndBigEndianFormsAreTheSame) {
  const Bytes plain = joined({element({8, 0x1150}, "UI", {"1.2\0", 4}),
                              element({0x28, 0x10}, "US", le16(0x0102)), kPixels});
  expect_same(plain,
              joined({implicit_element({8, 0x1150}, std::string_view("1.2\0", 4)),
                      implicit_element({0x28, 0x10}, le16(0x0102)),
                      implicit_element({0x7FE0, 0x10}, "pixels")}),
              syntaxes::kImplicitLittle);
  expect_same(plain,
              joined({bytes_of({"\0\x08\x11\x50UI\0\x04"
                                "1.2\0",
                                12}),
                      bytes_of({"\0\x28\0\x10US\0\2\1\2", 10}),
                      bytes_of({"\x7F\xE0\0\x10OW\0\0\0\0\0\6ipexsl", 18})}),
              syntaxes::kExplicitBig);
  expect_same(plain, deflated(plain), syntaxes::kDeflated);
}

TEST(CanonicalContent, PaddingGroupLengthsAndDelimitersDoNotCount) {
  const Bytes inside = element({8, 0x1150}, "UI", "1.2 ");
  expect_same(joined({kName, kPixels}),
              joined({element({0x10, 0}, "UL", le32(99)), element({0x10, 0x10}, "PN", "A^B"),
                      kPixels, element({0xFFFC, 0xFFFC}, "OB", Bytes(100))}));
  expect_same(sequence({8, 0x1140}, item(inside)), joined({open_sequence({8, 0x1140}), open_item(),
                                                           inside, item_end(), sequence_end()}));
  expect_same(element({0x7FE0, 0x10}, "OB", "odd"), element({0x7FE0, 0x10}, "OB", {"odd\0", 4}));
}

TEST(CanonicalContent, APrivateSequenceIsTheSameAfterARewriteThatLostItsVr) {
  const Bytes maker = element({9, 0x10}, "LO", "MAKER ");
  const Bytes known =
      joined({maker, sequence({9, 0x1001}, item(element({8, 0x1150}, "UI", "1.2 ")))});
  const Bytes lost =
      joined({implicit_element({9, 0x10}, "MAKER "),
              implicit_element({9, 0x1001}, item(implicit_element({8, 0x1150}, "1.2 ")))});
  expect_same(known, lost, syntaxes::kImplicitLittle);
  expect_same(joined({maker, sequence({9, 0x1001}, {})}),
              joined({implicit_element({9, 0x10}, "MAKER "), implicit_element({9, 0x1001}, "")}),
              syntaxes::kImplicitLittle);
}

TEST(CanonicalContent, AValueThatOnlyLooksLikeASequenceIsComparedAsItStands) {
  const Bytes odd =
      element({9, 0x1001}, "UN", joined({item({}), bytes_of("not an item, but text")}));
  const auto content = content_of(odd);
  EXPECT_FALSE(content.opened_elements);
  expect_same(odd, odd);
}

void expect_header_differs(const Bytes& a, const Bytes& b, Tag tag) {
  const auto comparison = compare(content_of(a), content_of(b));
  EXPECT_FALSE(comparison.same);
  EXPECT_FALSE(comparison.pixels_differ);
  EXPECT_THAT(comparison.header_differs, ElementsAre(tag));
}

TEST(CanonicalContent, DifferencesAreNamed) {
  const Tag name{0x10, 0x10};
  expect_header_differs(joined({kName, kPixels}), joined({element(name, "PN", "A^C "), kPixels}),
                        name);
  expect_header_differs(kPixels, joined({kName, kPixels}), name);
  expect_header_differs(joined({kName, kPixels}), kPixels, name);
  expect_header_differs(joined({kName, kName}), kName, name);
  expect_header_differs(element({9, 0x1001}, "LO", "A "), element({9, 0x1001}, "LO", "A"),
                        {9, 0x1001});
  expect_header_differs(sequence({8, 0x1140}, item({})),
                        sequence({8, 0x1140}, joined({item({}), item({})})), {8, 0x1140});
  expect_header_differs(sequence({8, 0x1140}, item({})), sequence({8, 0x1140}, {}), {8, 0x1140});

  const auto pixels = compare(content_of(joined({kName, kPixels})),
                              content_of(joined({kName, element({0x7FE0, 0x10}, "OW", "pixelz")})));
  EXPECT_TRUE(pixels.pixels_differ);
  EXPECT_FALSE(pixels.same);
  EXPECT_THAT(pixels.header_differs, IsEmpty());
}

TEST(CanonicalContent, FragmentsCountOneByOne) {
  const auto pixels = [](const Bytes& items) {
    return joined({head({0x7FE0, 0x10}, "OB", kUndefined), items, sequence_end()});
  };
  const Bytes two = pixels(joined({item({}), item(bytes_of("ab")), item(bytes_of("cd"))}));
  const Bytes one = pixels(joined({item({}), item(bytes_of("abcd"))}));
  EXPECT_TRUE(compare(content_of(two), content_of(one)).pixels_differ);
  EXPECT_TRUE(compare(content_of(two), content_of(two)).same);
}

TEST(CanonicalContent, MarksAreBoundedInNumber) {
  Bytes many;
  for (std::uint32_t i = 0; i < 66'000; ++i)
    append(many,
           element(Tag::from(0x00090000 + 0x20000 * (i / 4096) + 0x1000 + i % 4096), "UN", ""));
  const auto content = content_of(many);
  EXPECT_LE(content.elements.size(), 65'537u);
  append(many, element(Tag{0x6009, 0x1000}, "UN", "more"));
  EXPECT_FALSE(compare(content, content_of(many)).same);
}

}  // namespace
}  // namespace latent::dicom::scanner
