// Rewrites into each native syntax and back, of data sets made at random, compared by content.
#include "dicom/writer/convert_native.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "dicom/model/dictionary.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/writer/element_writer.h"
#include "tests/dicom/writer/scanned_content.h"

namespace latent::dicom::writer {
namespace {

using model::Tag;
using model::Vr;
using testing::HasSubstr;
namespace vrs = model::vrs;
namespace syntaxes = model::transfer_syntaxes;

constexpr std::array<std::string_view, 4> kNative = {syntaxes::kImplicitLittle,
                                                     syntaxes::kExplicitLittle,
                                                     syntaxes::kExplicitBig, syntaxes::kDeflated};

/// Data sets at random: standard elements of every kind of VR, private blocks, nested sequences.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Bytes data_set(model::Encoding encoding) {
    Bytes out;
    ElementWriter writer(encoding, out);
    elements(writer, 0);
    writer.element({0x7FE0, 0x10}, vrs::kOW, value(2 * below(400)));
    return out;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  Bytes value(std::size_t length) {
    Bytes bytes(length);
    for (std::byte& one : bytes) one = static_cast<std::byte>(random_());
    return bytes;
  }
  std::string text() {
    std::string letters(below(20), 'x');
    for (char& one : letters) one = static_cast<char>('A' + below(26));
    return letters;
  }

  void elements(ElementWriter& writer, unsigned depth) {
    // Ascending, each one now and then; the VR is the dictionary's, since implicit VR knows no
    // other.
    if (below(2)) writer.text({0x0008, 0x0005}, vrs::kCS, "ISO_IR 192");
    if (below(2)) writer.text({0x0008, 0x0018}, vrs::kUI, "2.25.1");
    if (depth < 3 && below(2)) sequence(writer, {0x0008, 0x1140}, depth);
    if (below(3) == 0) {
      writer.text({0x0009, 0x0010}, vrs::kLO, "MAKER");
      writer.element({0x0009, 0x1001}, vrs::kUN, value(2 * below(40)));
      if (depth < 3) sequence(writer, {0x0009, 0x1002}, depth);
    }
    if (below(2)) writer.text({0x0010, 0x0010}, vrs::kPN, text());
    if (below(2)) writer.element({0x0018, 0x6020}, vrs::kSL, value(4 * below(5)));
    if (below(2)) writer.element({0x0018, 0x9073}, vrs::kFD, value(8 * below(5)));
    if (below(2)) writer.text({0x0020, 0x0013}, vrs::kIS, "12");
    if (below(2)) writer.element({0x0028, 0x0009}, vrs::kAT, value(4 * below(3)));
    if (below(2)) writer.us({0x0028, 0x0010}, static_cast<std::uint16_t>(random_()));
    if (below(2)) writer.element({0x0028, 0x1201}, vrs::kOW, value(2 * below(5000)));
    if (depth < 3 && below(3) == 0) sequence(writer, {0x0040, 0xA730}, depth);
    if (below(2)) writer.element({0x0066, 0x0016}, vrs::kOF, value(4 * below(9)));
  }
  void sequence(ElementWriter& writer, Tag tag, unsigned depth) {
    writer.begin_sequence(tag);
    for (std::size_t items = below(4); items > 0; --items) {
      writer.begin_item();
      elements(writer, depth + 1);
      writer.end_item();
    }
    writer.end_sequence();
  }

  std::mt19937 random_;
};

TEST(NativeConverter, AnyDataSetKeepsItsContentThroughEachPairOfSyntaxes) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Bytes plain = Generator(seed).data_set(model::Encoding::explicit_little);
    for (const std::string_view middle : kNative) {
      const auto there = converted(plain, syntaxes::kExplicitLittle, middle);
      ASSERT_TRUE(there) << there.error().text;
      expect_same_content(plain, syntaxes::kExplicitLittle, *there, middle,
                          "seed " + std::to_string(seed));
      for (const std::string_view end : kNative) {
        const auto further = converted(*there, middle, end);
        ASSERT_TRUE(further) << further.error().text;
        expect_same_content(plain, syntaxes::kExplicitLittle, *further, end,
                            "seed " + std::to_string(seed));
      }
    }
  }
}

TEST(NativeConverter, WrittenIsWhatTheWriterWouldWriteItself) {
  for (unsigned seed = 100; seed < 130; ++seed) {
    const Bytes plain = Generator(seed).data_set(model::Encoding::explicit_little);
    const Bytes big = Generator(seed).data_set(model::Encoding::explicit_big);
    const Bytes implicit = Generator(seed).data_set(model::Encoding::implicit_little);
    EXPECT_EQ(*converted(plain, syntaxes::kExplicitLittle, syntaxes::kImplicitLittle), implicit);
    EXPECT_EQ(*converted(plain, syntaxes::kExplicitLittle, syntaxes::kExplicitBig), big);
    EXPECT_EQ(*converted(big, syntaxes::kExplicitBig, syntaxes::kExplicitLittle), plain);
  }
}

TEST(NativeConverter, PiecesOfAnySizeGiveTheSameBytes) {
  const Bytes plain = Generator(7).data_set(model::Encoding::explicit_little);
  for (const std::string_view to : kNative) {
    const auto whole = converted(plain, syntaxes::kExplicitLittle, to);
    for (const std::size_t piece : {1u, 3u, 100u}) {
      const auto split = converted(plain, syntaxes::kExplicitLittle, to, piece);
      ASSERT_TRUE(split);
      if (to == syntaxes::kDeflated)
        expect_same_content(*split, to, *whole, to, "deflated");
      else
        EXPECT_EQ(*split, *whole);
    }
  }
}

TEST(NativeConverter, DeflatedOutputIsEvenAndUnpacksToTheSame) {
  for (unsigned seed = 200; seed < 220; ++seed) {
    const Bytes plain = Generator(seed).data_set(model::Encoding::explicit_little);
    const auto packed = converted(plain, syntaxes::kExplicitLittle, syntaxes::kDeflated);
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->size() % 2, 0u);
    const auto reading = scanner::read(*packed, model::Encoding::deflated_explicit_little);
    EXPECT_TRUE(reading.verdict);
    EXPECT_TRUE(reading.notes.empty());
    EXPECT_EQ(reading.calls, scanner::read(plain).calls);
  }
}

bool noted(const std::vector<scanner::Note>& notes, std::string_view text) {
  for (const auto& note : notes)
    if (note.text == text) return true;
  return false;
}

TEST(NativeConverter, WhatARewriteCannotKeepIsNoted) {
  Bytes plain;
  ElementWriter writer(model::Encoding::explicit_little, plain);
  writer.ul({0x0008, 0x0000}, 99);
  writer.element({0x0009, 0x1001}, vrs::kUN, as_bytes("unknown!"));
  append_element_head(plain, {}, {0x0010, 0x0010}, vrs::kPN, 3);
  append(plain, as_bytes("odd"));
  std::vector<scanner::Note> notes;
  const auto big =
      converted(plain, syntaxes::kExplicitLittle, syntaxes::kExplicitBig, 1000, &notes);
  ASSERT_TRUE(big);
  EXPECT_EQ(scanner::read(*big, model::Encoding::explicit_big).calls,
            "E(0009,1001)UN d0 =756e6b6e6f776e21\nE(0010,0010)PN d0 =6f646420\n");
  EXPECT_TRUE(noted(notes, "group length dropped"));
  EXPECT_TRUE(noted(notes, "odd length padded"));
  EXPECT_TRUE(noted(notes, "byte order of an unknown value left as it is"));
}

TEST(NativeConverter, ALongValueOfAShortVrBecomesUnAndStaysLittleEndian) {
  Bytes implicit;
  ElementWriter(model::Encoding::implicit_little, implicit)
      .element({0x0040, 0xA30A}, vrs::kDS, Bytes(70'000, std::byte{'1'}));
  const auto big = converted(implicit, syntaxes::kImplicitLittle, syntaxes::kExplicitBig);
  ASSERT_TRUE(big);
  EXPECT_THAT(scanner::read(*big, model::Encoding::explicit_big).calls, HasSubstr("(0040,A30A)UN"));
  expect_same_content(implicit, syntaxes::kImplicitLittle, *big, syntaxes::kExplicitBig, "long DS");
}

TEST(NativeConverter, AUnSequenceStaysAUnSequence) {
  Bytes plain;
  append_element_head(plain, {}, {0x0009, 0x1001}, vrs::kUN, scanner::kUndefinedLength);
  append_item_head(plain, {}, model::tags::kItem, scanner::kUndefinedLength);
  ElementWriter(model::Encoding::implicit_little, plain).us({0x0028, 0x0010}, 0x0102);
  append_item_head(plain, {}, model::tags::kItemDelimitation, 0);
  append_item_head(plain, {}, model::tags::kSequenceDelimitation, 0);
  ElementWriter(model::Encoding::explicit_little, plain).us({0x0028, 0x0011}, 0x0304);
  const auto big = converted(plain, syntaxes::kExplicitLittle, syntaxes::kExplicitBig);
  ASSERT_TRUE(big);
  EXPECT_EQ(scanner::read(*big, model::Encoding::explicit_big).calls,
            "S(0009,1001)UN d0\n[\nE(0028,0010)US d1 =0201\n]\ns\nE(0028,0011)US d0 =0304\n");
}

TEST(NativeConverter, SignedPixelsMakeTheirValuesSigned) {
  for (const std::uint16_t sign : {0, 1}) {
    Bytes implicit;
    ElementWriter writer(model::Encoding::implicit_little, implicit);
    writer.us({0x0028, 0x0103}, sign);
    writer.us({0x0028, 0x0106}, 0xFFFE);
    const auto plain = converted(implicit, syntaxes::kImplicitLittle, syntaxes::kExplicitLittle);
    ASSERT_TRUE(plain);
    EXPECT_THAT(scanner::read(*plain).calls, HasSubstr(sign ? "(0028,0106)SS" : "(0028,0106)US"));
  }
}

TEST(NativeConverter, EncapsulatedPixelsAndSyntaxesAreRefused) {
  Bytes encapsulated;
  ElementWriter writer(model::Encoding::explicit_little, encapsulated);
  writer.begin_fragments({0x7FE0, 0x10});
  writer.fragment({});
  writer.end_fragments();
  for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>{
                                     syntaxes::kExplicitLittle, syntaxes::kImplicitLittle},
                                 {"1.2.840.10008.1.2.4.50", syntaxes::kImplicitLittle},
                                 {syntaxes::kExplicitLittle, "1.2.840.10008.1.2.4.50"},
                                 {syntaxes::kExplicitLittle, "1.2.3.4"}}) {
    const auto result = converted(encapsulated, from, to);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::refused);
  }
}

TEST(NativeConverter, ASourceThatIsCutIsRefused) {
  const Bytes plain = Generator(3).data_set(model::Encoding::explicit_little);
  const auto result = converted(ByteSpan(plain).first(plain.size() - 1), syntaxes::kExplicitLittle,
                                syntaxes::kImplicitLittle);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::invalid_input);
}

}  // namespace
}  // namespace latent::dicom::writer
