#include "dicom/scanner/element_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dicom/scanner/made_data_sets.h"
#include "tests/dicom/scanner/recording_sink.h"

namespace latent::dicom::scanner {
namespace {

using namespace made;
using model::Encoding;
using testing::HasSubstr;

constexpr Tag kName{0x0010, 0x0010};
constexpr Tag kImages{0x0008, 0x1140};
constexpr Tag kReferenced{0x0008, 0x1150};
constexpr Tag kPixels{0x7FE0, 0x0010};

void expect_calls(const Bytes& bytes, Encoding encoding, std::string_view calls) {
  const Reading reading = read(bytes, encoding);
  EXPECT_TRUE(reading.verdict) << reading.error();
  EXPECT_EQ(reading.calls, calls);
  EXPECT_EQ(reading.bytes_read, bytes.size());
}

void expect_refused(const Bytes& bytes, std::string_view reason,
                    Encoding encoding = Encoding::explicit_little) {
  const Reading reading = read(bytes, encoding);
  ASSERT_FALSE(reading.verdict) << reading.calls;
  EXPECT_EQ(reading.verdict.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(reading.error(), HasSubstr(reason));
}

void expect_noted(const Bytes& bytes, std::string_view note,
                  Encoding encoding = Encoding::explicit_little) {
  const Reading reading = read(bytes, encoding);
  EXPECT_TRUE(reading.verdict) << reading.error();
  EXPECT_TRUE(reading.noted(note)) << "notes: " << reading.notes.size();
}

TEST(ElementReader, ExplicitLittleEndianIsRead) {
  expect_calls(joined({element(kName, "PN", "A^B "), element({0x28, 0x10}, "US", le16(512)),
                       element(kPixels, "OW", "pixels")}),
               Encoding::explicit_little,
               "E(0010,0010)PN d0 =415e4220\nE(0028,0010)US d0 =0002\n"
               "E(7FE0,0010)OW d0 =706978656c73\n");
}

TEST(ElementReader, ImplicitLittleEndianTakesTheVrFromTheDictionary) {
  expect_calls(
      joined({implicit_element({8, 5}, "ISO_IR 100"), implicit_element({9, 0x1001}, "??")}),
      Encoding::implicit_little,
      "E(0008,0005)CS d0 =49534f5f495220313030\nE(0009,1001)UN d0 =3f3f\n");
}

TEST(ElementReader, ExplicitBigEndianIsRead) {
  const Bytes big = joined({bytes_of({"\0\x10\0\x10PN\0\4A^B ", 12}),
                            bytes_of({"\x7F\xE0\0\x10OW\0\0\0\0\0\2\1\2", 14})});
  expect_calls(big, Encoding::explicit_big,
               "E(0010,0010)PN d0 =415e4220\nE(7FE0,0010)OW d0 =0102\n");
}

TEST(ElementReader, SequencesAreTheSameWithAndWithoutLengths) {
  const Bytes inside = element(kReferenced, "UI", "1.2 ");
  const std::string calls =
      "S(0008,1140)SQ d0\n[\nE(0008,1150)UI d1 =312e3220\n]\n[\n]\ns\nE(0010,0010)PN d0 =\n";
  const Bytes end = element(kName, "PN", "");

  expect_calls(joined({sequence(kImages, joined({item(inside), item({})})), end}),
               Encoding::explicit_little, calls);
  expect_calls(joined({open_sequence(kImages), open_item(), inside, item_end(), open_item(),
                       item_end(), sequence_end(), end}),
               Encoding::explicit_little, calls);
  expect_calls(joined({open_sequence(kImages), item(inside), item({}), sequence_end(), end}),
               Encoding::explicit_little, calls);
}

TEST(ElementReader, FragmentsAreRead) {
  expect_calls(joined({head(kPixels, "OB", kUndefined), item({}), item(bytes_of("ab")),
                       item(bytes_of("cd")), sequence_end()}),
               Encoding::explicit_little, "F(7FE0,0010)OB d0\nf=\nf=6162\nf=6364\nx\n");
}

TEST(ElementReader, DelimiterBytesInsideAFragmentAreJustBytes) {
  const Bytes inside = joined({sequence_end(), bytes_of("xy")});
  const Reading reading =
      read(joined({head(kPixels, "OB", kUndefined), item({}), item(inside), sequence_end()}));
  EXPECT_TRUE(reading.verdict);
  EXPECT_THAT(reading.calls, HasSubstr("feffdde0000000007879"));
}

TEST(ElementReader, AnySplitOfTheBytesGivesTheSameCalls) {
  const Bytes bytes =
      joined({element({8, 5}, "CS", "ISO_IR 100"),
              sequence(kImages, item(element(kReferenced, "UI", "1.2 "))),
              joined({head({9, 0x1001}, "UN", kUndefined), open_item(),
                      implicit_element(kReferenced, "1.3 "), item_end(), sequence_end()}),
              element({8, 0x1030}, "ZZ", "odd"), head(kPixels, "OB", kUndefined), item({}),
              item(bytes_of("fragment")), sequence_end()});
  const Reading whole = read(bytes);
  ASSERT_TRUE(whole.verdict) << whole.error();

  for (std::size_t piece = 1; piece < 40; ++piece) {
    const Reading split = read(bytes, Encoding::explicit_little, piece);
    EXPECT_TRUE(split.verdict) << split.error();
    EXPECT_EQ(split.calls, whole.calls) << "pieces of " << piece;
    EXPECT_EQ(split.notes.size(), whole.notes.size()) << "pieces of " << piece;
  }
}

TEST(ElementReader, EveryPrefixOfADataSetHasAVerdict) {
  const Bytes bytes = joined({element({8, 5}, "CS", "ISO_IR 100"),
                              sequence(kImages, item(element(kReferenced, "UI", "1.2 "))),
                              element(kPixels, "OW", "pixels")});
  std::vector<std::size_t> whole;
  for (std::size_t length = 0; length <= bytes.size(); ++length)
    if (read(ByteSpan(bytes).first(length)).verdict) whole.push_back(length);
  // Nothing, and the ends of the three top-level elements.
  EXPECT_THAT(whole, testing::ElementsAre(0, 18, 18 + 12 + 8 + 12, bytes.size()));
}

TEST(ElementReader, UndefinedUnIsASequenceInImplicitLittleEndian) {
  const Bytes un = joined({head({9, 0x1001}, "UN", kUndefined), open_item(),
                           implicit_element(kReferenced, "1.3 "), item_end(), sequence_end()});
  expect_calls(joined({un, element(kName, "PN", "")}), Encoding::explicit_little,
               "S(0009,1001)UN d0\n[\nE(0008,1150)UI d1 =312e3320\n]\ns\nE(0010,0010)PN d0 =\n");
}

TEST(ElementReader, UndefinedUnWrittenInExplicitVrIsReadAndNoted) {
  const Bytes un = joined({head({9, 0x1001}, "UN", kUndefined), open_item(),
                           element(kReferenced, "UI", "1.3 "), item_end(), sequence_end()});
  const Reading reading = read(joined({un, element(kName, "PN", "")}));
  EXPECT_TRUE(reading.noted("UN sequence written in explicit VR"));
  EXPECT_EQ(reading.calls,
            "S(0009,1001)UN d0\n[\nE(0008,1150)UI d1 =312e3320\n]\ns\nE(0010,0010)PN d0 =\n");
}

TEST(ElementReader, DefinedUnIsOpaqueUnlessOpened) {
  const Bytes un = element({9, 0x1001}, "UN", item(implicit_element(kReferenced, "1.3 ")));
  for (std::size_t piece : {1u, 3u, 9u, 1000u}) {
    EXPECT_THAT(read(un, Encoding::explicit_little, piece).calls, HasSubstr("E(0009,1001)UN"));
    EXPECT_EQ(read(un, Encoding::explicit_little, piece, {}, UnValues::opened).calls,
              "S(0009,1001)UN d0\n[\nE(0008,1150)UI d1 =312e3320\n]\ns\n");
    EXPECT_EQ(read(element({9, 0x1001}, "UN", "no item!"), Encoding::explicit_little, piece, {},
                   UnValues::opened)
                  .calls,
              "E(0009,1001)UN d0 =6e6f206974656d21\n");
  }
}

TEST(ElementReader, HabitsOfRealEquipmentAreReadAndNoted) {
  const Bytes name = element(kName, "PN", "A^");
  expect_noted(joined({element({8, 0x1030}, "LO", "odd"), name}), "odd length");
  expect_noted(joined({element({8, 0x1030}, "ZZ", "short form"), name}), "unknown VR");
  expect_noted(joined({head({8, 0x1030}, "ZZ", 0), le32(4), bytes_of("long"), name}), "unknown VR");
  expect_noted(joined({element({8, 0x1030}, {"\0\0", 2}, "text"), name}),
               "filler in place of the VR");
  expect_noted(joined({element({8, 0x1030}, "??", "text"), name}), "filler in place of the VR");
  expect_noted(
      joined({element({8, 0x60}, "CS", "OT"), implicit_element({8, 0x1030}, "text"), name}),
      "element in implicit form amid explicit ones");
  expect_noted(joined({element({8, 0x60}, "CS", "OT"), item_end(), sequence_end(), name}),
               "stray delimiter");
  expect_noted(joined({name, element({8, 0x60}, "CS", "OT")}), "tag out of order");
  expect_noted(joined({name, name}), "tag occurs again");
  expect_noted(joined({element({8, 0}, "UL", le32(99)), element({8, 0x60}, "CS", "OT"), name}),
               "group length is wrong");
  expect_noted(joined({open_sequence(kImages), open_item(), implicit_head({0xFFFE, 0xE00D}, 4),
                       implicit_head({0xFFFE, 0xE0DD}, 8), name}),
               "delimiter with a length");
  expect_noted(joined({open_sequence(kImages), open_item(), sequence_end(), name}),
               "item delimiter missing");
}

TEST(ElementReader, GroupLengthsThatAreRightAreNotNoted) {
  const Bytes modality = element({8, 0x60}, "CS", "OT");
  const Reading reading =
      read(joined({element({8, 0}, "UL", le32(static_cast<std::uint32_t>(modality.size()))),
                   modality, element(kName, "PN", "A^")}));
  EXPECT_TRUE(reading.notes.empty());
}

TEST(ElementReader, TheSyntaxIsSeenInTheFirstElementWhenTheDeclaredOneCannotBe) {
  const Bytes plain = joined({element({8, 5}, "CS", "ISO_IR 100"), element(kName, "PN", "A^")});
  const Bytes implicit =
      joined({implicit_element({8, 5}, "ISO_IR 100"), implicit_element(kName, "A^")});
  const std::string calls = read(plain).calls;

  expect_noted(plain, "declared implicit VR little endian, written explicit VR little endian",
               Encoding::implicit_little);
  expect_noted(plain, "declared explicit VR big endian, written explicit VR little endian",
               Encoding::explicit_big);
  expect_noted(plain, "declared deflated, written plain", Encoding::deflated_explicit_little);
  EXPECT_EQ(read(plain, Encoding::implicit_little).calls, calls);
  EXPECT_EQ(read(plain, Encoding::deflated_explicit_little, 1).calls, calls);
  EXPECT_EQ(read(implicit, Encoding::explicit_little).calls, calls);
}

TEST(ElementReader, TrailingBytesAreNotedBehindPixelsAndZerosAnywhere) {
  const Bytes pixels = element(kPixels, "OW", "pixels");
  const std::string note = "trailing bytes after the data set";
  expect_noted(joined({pixels, bytes_of("\x13\x25\x9b\x9b\x01\xff garbage behind the pixels")}),
               note);
  expect_noted(joined({pixels, Bytes(130), bytes_of("DICM and a second file")}), note);
  expect_noted(joined({pixels, bytes_of("abc")}), note);
  expect_noted(joined({element(kName, "PN", "A^"), Bytes(4096)}), note);
  expect_noted(joined({element(kName, "PN", "A^"), Bytes(3)}), note);
  expect_noted(joined({implicit_element({8, 5}, "ISO_IR 100"), implicit_element(kPixels, "pixels"),
                       bytes_of("\x8e\x20\x10\x48 random implicit")}),
               note, Encoding::implicit_little);
  expect_refused(joined({element(kName, "PN", "A^"), Bytes(64), bytes_of("x")}), "no element");
  expect_refused(joined({element(kName, "PN", "A^"), bytes_of("\x13\x25\x9b\x9b\x01\xff garbage")}),
                 "no element stands here");
}

TEST(ElementReader, ElementsBehindThePixelsAreStillRead) {
  const Bytes bytes = joined(
      {element(kPixels, "OW", "pixels"), element({0x0010, 0x4000}, "LT", "late"),
       element({0x7FE1, 0x0010}, "LO", "MAKER "), element({0x7FE1, 0x1001}, "UN", "private!"),
       element({0xFFFC, 0xFFFC}, "OB", Bytes(8))});
  const Reading reading = read(bytes);
  EXPECT_TRUE(reading.verdict) << reading.error();
  EXPECT_THAT(reading.calls, HasSubstr("E(0010,4000)LT"));
  EXPECT_THAT(reading.calls, HasSubstr("E(7FE1,1001)UN"));
  EXPECT_THAT(reading.calls, HasSubstr("E(FFFC,FFFC)OB"));
}

TEST(ElementReader, LiesAboutStructureAreRefusedWithASentence) {
  const Bytes name = element(kName, "PN", "A^");
  expect_refused(joined({head(kName, "PN", 60000), bytes_of("short")}),
                 "cut: element (0010,0010) at byte 0 claims 60000 bytes, 5 came");
  expect_refused(sequence(kImages, joined({head({0xFFFE, 0xE000}, "\xFF\xFF", 0xFFFF), name})), "");
  expect_refused(sequence(kImages, joined({implicit_head({0xFFFE, 0xE000}, 5000), name})),
                 "an item of sequence (0008,1140) at byte 12 claims 5000 bytes");
  expect_refused(sequence(kImages, item(joined({head(kName, "PN", 60), bytes_of("A^")}))),
                 "claims 60 bytes, its item has 2 left");
  expect_refused(sequence(kImages, item(joined({head({8, 0x1115}, "SQ", 600), Bytes(8)}))),
                 "claims 600 bytes, its item has 8 left");
  expect_refused(sequence(kImages, item(joined({open_sequence({8, 0x1115}), item({})}))),
                 "has no delimiter before what holds it ends");
  const Bytes half_a_head = joined({le16(0xFFFE), le16(0xE000)});
  expect_refused(joined({sequence(kImages, joined({item({}), half_a_head})), name}),
                 "begins 4 bytes before its sequence or item ends");
  expect_refused(sequence(kImages, name), "where an item must stand");
  expect_refused(joined({open_sequence(kImages), item({}), name}), "where an item must stand");
  expect_refused(joined({open_sequence(kImages), item({})}), "cut: the data set ends");
  expect_refused(joined({head(kPixels, "OB", kUndefined), item({}), item(bytes_of("ab"))}),
                 "whose end is missing");
  expect_refused(joined({head(kPixels, "OB", kUndefined), item({}), open_item()}),
                 "where a fragment must stand");
  expect_refused(joined({head(kPixels, "OB", kUndefined), name}), "where a fragment must stand");
  expect_refused(joined({head({8, 0x119}, "UC", kUndefined), sequence_end()}), "undefined length");
  expect_refused(joined({name, item(bytes_of("ab"))}), "where an element must stand");
  expect_refused(bytes_of("\x08"), "inside an element's header");
}

TEST(ElementReader, SixtyFourLevelsAreReadAndSixtyFiveRefused) {
  EXPECT_TRUE(read(nested(64)).verdict);
  EXPECT_TRUE(read(nested_defined(64)).verdict);
  expect_refused(nested(65), "nested deeper than 64 levels");
  expect_refused(nested_defined(65), "nested deeper than 64 levels");
  Bytes un;
  for (int i = 0; i < 65; ++i)
    append(un, joined({i == 0 ? head({9, 0x1001}, "UN", kUndefined)
                              : implicit_head({9, 0x1001}, kUndefined),
                       open_item()}));
  expect_refused(un, "nested deeper than 64 levels");
}

TEST(ElementReader, AMillionLevelsAreRefusedAfterTheSixtyFifth) {
  RecordingSink sink;
  sink.silent = true;
  ElementReader reader(Encoding::explicit_little, {}, sink);
  const Bytes level = joined({open_sequence(kImages), open_item()});
  std::size_t fed = 0;
  Result<void> verdict;
  while (verdict && fed < 1'000'000) {
    verdict = reader.feed(level);
    ++fed;
  }
  EXPECT_FALSE(verdict);
  EXPECT_EQ(fed, 65u);
  EXPECT_FALSE(reader.feed(level)) << "a failed reader stays failed";
  EXPECT_FALSE(reader.finish());
}

TEST(ElementReader, CountsOfElementsItemsAndBytesAreBounded) {
  Limits limits;
  limits.elements_max = 10;
  limits.sequence_items_max = 3;
  limits.object_bytes_max = 1000;
  const auto verdict = [&](const Bytes& bytes) {
    return read(bytes, Encoding::explicit_little, 64, limits).verdict;
  };
  Bytes eleven;
  for (int i = 0; i < 11; ++i) append(eleven, element(kName, "PN", ""));
  EXPECT_FALSE(verdict(eleven));
  EXPECT_TRUE(verdict(sequence(kImages, joined({item({}), item({}), item({})}))));
  EXPECT_FALSE(verdict(sequence(kImages, joined({item({}), item({}), item({}), item({})}))));
  const auto too_long = verdict(element(kPixels, "OW", Bytes(1000)));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::exhausted);
}

TEST(ElementReader, NotesAreKeptUpToSixtyFour) {
  Bytes many;
  for (int i = 0; i < 1000; ++i) append(many, element(kName, "PN", "x"));
  EXPECT_EQ(read(many).notes.size(), 64u);
}

TEST(ElementReader, DeflatedDataSetsAreUnpackedWhicheverWayTheyAreWrapped) {
  const Bytes plain = joined(
      {element({8, 5}, "CS", "ISO_IR 100"), element(kPixels, "OW", std::string(300'000, 'p'))});
  const std::string calls = read(plain).calls;
  constexpr auto kDeflated = Encoding::deflated_explicit_little;
  for (const int window : {-MAX_WBITS, MAX_WBITS, MAX_WBITS + 16}) {
    for (const std::size_t piece : {1u, 7u, 100'000u}) {
      const Reading reading = read(deflated(plain, window), kDeflated, piece);
      EXPECT_TRUE(reading.verdict) << reading.error();
      EXPECT_EQ(reading.calls, calls);
      EXPECT_EQ(reading.bytes_read, plain.size());
      EXPECT_EQ(reading.noted("deflate stream wrapped in a zlib or gzip header"), window > 0);
    }
  }
  Bytes padded = deflated(plain);
  padded.push_back(std::byte{0});
  EXPECT_TRUE(read(padded, kDeflated).notes.empty());
  append(padded, bytes_of("more"));
  EXPECT_TRUE(read(padded, kDeflated).noted("trailing bytes after the data set"));
}

TEST(ElementReader, DeflatedDataSetsThatAreCutOrNoneAreRefused) {
  constexpr auto kDeflated = Encoding::deflated_explicit_little;
  Bytes packed = deflated(element(kPixels, "OW", std::string(3000, 'p')));
  packed.resize(packed.size() - 2);
  expect_refused(packed, "no end", kDeflated);
  expect_refused(bytes_of("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "do not unpack", kDeflated);
  expect_refused(bytes_of("\xFF"), "", kDeflated);
  EXPECT_TRUE(read({}, kDeflated).verdict) << "nothing at all is an empty data set";
}

TEST(ElementReader, ADeflateBombStopsAtItsLimit) {
  const Bytes packed = deflated(element(kPixels, "OW", Bytes(8'000'000)));
  Limits limits;
  limits.inflated_bytes_max = 1'000'000;
  const Reading reading = read(packed, Encoding::deflated_explicit_little, 4096, limits);
  ASSERT_FALSE(reading.verdict);
  EXPECT_EQ(reading.verdict.error().code, ErrorCode::exhausted);
  EXPECT_LE(reading.bytes_read, 1'000'000u);
}

}  // namespace
}  // namespace latent::dicom::scanner
