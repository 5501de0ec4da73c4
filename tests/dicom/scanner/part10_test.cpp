#include "dicom/scanner/part10.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "dicom/model/transfer_syntaxes.h"
#include "tests/dicom/scanner/made_data_sets.h"

namespace latent::dicom::scanner {
namespace {

using namespace made;
using testing::HasSubstr;
namespace syntaxes = model::transfer_syntaxes;

const Bytes kData =
    joined({element({8, 5}, "CS", "ISO_IR 100"), element({0x10, 0x10}, "PN", "A^B ")});

Bytes group_2(std::string_view syntax, std::string_view sop_class = "1.2.840.10008.5.1.4.1.1.2",
              std::optional<std::uint32_t> length = {}) {
  const auto padded = [](std::string_view text) {
    std::string uid(text);
    if (uid.size() % 2 != 0) uid.push_back('\0');
    return uid;
  };
  const Bytes meta =
      joined({element({2, 1}, "OB", std::string_view("\0\1", 2)),
              element({2, 2}, "UI", padded(sop_class)), element({2, 3}, "UI", "2.25.1"),
              syntax.empty() ? Bytes() : element({2, 0x10}, "UI", padded(syntax)),
              element({2, 0x16}, "AE", "CT1 ")});
  return joined(
      {element({2, 0}, "UL", le32(length.value_or(static_cast<std::uint32_t>(meta.size())))),
       meta});
}
Bytes preamble() { return joined({Bytes(128), bytes_of("DICM")}); }

struct Head {
  Result<void> verdict;
  FileMeta meta;
  Bytes rest;
};
Head read_head(const Bytes& file, std::size_t piece = ~std::size_t{0}) {
  Part10Reader reader{Limits{}};
  ByteSpan left(file);
  bool done = false;
  while (!left.empty() && !done) {
    const ByteSpan now = left.first(std::min(piece, left.size()));
    left = left.subspan(now.size());
    const auto fed = reader.feed(now);
    if (!fed) return {fail(fed.error()), {}, {}};
    done = *fed;
  }
  Head head{reader.finish(), reader.meta(), {}};
  append(head.rest, reader.rest());
  append(head.rest, left);
  return head;
}
bool noted(const FileMeta& meta, std::string_view text) {
  for (const Note& note : meta.notes)
    if (note.text == text) return true;
  return false;
}
FileMeta expect_head(const Bytes& file, std::string_view syntax, const Bytes& rest = kData) {
  const Head head = read_head(file);
  EXPECT_TRUE(head.verdict) << head.verdict.error().text;
  EXPECT_EQ(head.meta.transfer_syntax, syntax);
  EXPECT_EQ(head.rest, rest);
  return head.meta;
}
void expect_refused(const Bytes& file, std::string_view reason) {
  const Head head = read_head(file);
  ASSERT_FALSE(head.verdict);
  EXPECT_EQ(head.verdict.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(head.verdict.error().text, HasSubstr(reason));
}

TEST(Part10, AUsualHeadIsReadInAnySplit) {
  const Bytes file = joined({preamble(), group_2(syntaxes::kExplicitLittle), kData});
  for (std::size_t piece = 1; piece < 300; ++piece) {
    const Head head = read_head(file, piece);
    ASSERT_TRUE(head.verdict) << piece << ": " << head.verdict.error().text;
    EXPECT_EQ(head.meta.transfer_syntax, syntaxes::kExplicitLittle);
    EXPECT_EQ(head.meta.sop_class, "1.2.840.10008.5.1.4.1.1.2");
    EXPECT_EQ(head.meta.sop_instance, "2.25.1");
    EXPECT_EQ(head.meta.source_ae_title, "CT1");
    EXPECT_EQ(head.meta.data_set_offset, file.size() - kData.size());
    EXPECT_EQ(head.rest, kData);
    EXPECT_TRUE(head.meta.notes.empty());
  }
}

TEST(Part10, WhatPeopleHaveInsteadOfAHeadIsRead) {
  const Bytes meta = group_2(syntaxes::kExplicitLittle);
  EXPECT_TRUE(noted(expect_head(joined({bytes_of("DICM"), meta, kData}), syntaxes::kExplicitLittle),
                    "no preamble"));
  EXPECT_TRUE(noted(expect_head(joined({meta, kData}), syntaxes::kExplicitLittle), "no preamble"));
  EXPECT_TRUE(noted(expect_head(kData, syntaxes::kExplicitLittle), "no file meta information"));
  const Bytes implicit = joined({implicit_element({8, 5}, "ISO_IR 100"), kData});
  EXPECT_TRUE(expect_head(implicit, syntaxes::kImplicitLittle, implicit).transfer_syntax_guessed);
  const Bytes big =
      bytes_of({"\0\x08\0\x05"
                "CS\0\x0AISO_IR 100",
                18});
  EXPECT_TRUE(expect_head(big, syntaxes::kExplicitBig, big).transfer_syntax_guessed);
}

TEST(Part10, GroupLengthsThatLieAreNotSteeredBy) {
  for (const std::uint32_t length : {0u, 10u, 4000u, 0xFFFFFFFFu})
    EXPECT_TRUE(noted(
        expect_head(joined({preamble(), group_2(syntaxes::kExplicitLittle, "1.2", length), kData}),
                    syntaxes::kExplicitLittle),
        "group length is wrong"));
  const Bytes without = joined({preamble(), element({2, 0x10}, "UI", "1.2.840.10008.1.2 "), kData});
  EXPECT_TRUE(noted(expect_head(without, syntaxes::kImplicitLittle), "group length is missing"));
}

TEST(Part10, AMissingTransferSyntaxIsSeenInTheDataSet) {
  const FileMeta meta =
      expect_head(joined({preamble(), group_2(""), kData}), syntaxes::kExplicitLittle);
  EXPECT_TRUE(meta.transfer_syntax_guessed);
  EXPECT_TRUE(noted(meta, "transfer syntax is missing"));
}

TEST(Part10, TheLettersOfTheMagicInsideAValueAreNoHead) {
  const Bytes bare =
      joined({element({8, 0x80}, "LO", std::string(120, 'X') + "DICM and more letters."), kData});
  ASSERT_EQ(as_text(ByteSpan(bare).subspan(128, 4)), "DICM");
  expect_head(bare, syntaxes::kExplicitLittle, bare);
}

TEST(Part10, ADirectoryIsRecognised) {
  const Bytes file =
      joined({preamble(), group_2(syntaxes::kExplicitLittle, "1.2.840.10008.1.3.10"), kData});
  EXPECT_TRUE(expect_head(file, syntaxes::kExplicitLittle).is_directory);
}

TEST(Part10, WhatIsNotDicomIsRefused) {
  const std::string_view reason = "not a DICOM file";
  expect_refused({}, reason);
  expect_refused(bytes_of("x"), reason);
  expect_refused(Bytes(132), reason);
  expect_refused(bytes_of("<!doctype html><title>404</title><p>not found"), reason);
  expect_refused(bytes_of({"\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 20}), reason);
  expect_refused(bytes_of({"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16}), reason);
  expect_refused(bytes_of({"II*\0\x08\0\0\0\x0A\0\0\1\3\0", 14}), reason);
  std::mt19937 random(20240612);
  for (int round = 0; round < 2'000; ++round) {
    Bytes noise(512);
    for (std::byte& one : noise) one = static_cast<std::byte>(random());
    EXPECT_FALSE(read_head(noise).verdict);
  }
}

TEST(Part10, AHeadThatIsCutIsRefused) {
  expect_refused(preamble(), "nothing behind it");
  const Bytes file = joined({preamble(), group_2(syntaxes::kExplicitLittle)});
  for (std::size_t length = 133; length < file.size(); ++length) {
    const Head head =
        read_head(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)));
    // Between two elements a cut cannot be seen here; the scanner finds no data set then.
    if (head.verdict) {
      EXPECT_TRUE(head.rest.size() < 8) << length;
    }
  }
}

TEST(Part10, AHeadWithoutEndStopsAtItsLimit) {
  Limits limits;
  limits.head_bytes_max = 10'000;
  Part10Reader reader(limits);
  ASSERT_TRUE(reader.feed(joined({preamble(), head({2, 0x102}, "OB", 0xFFFFFFF0)})));
  std::size_t fed = 0;
  Result<bool> verdict = false;
  while (verdict && fed < 100'000) {
    verdict = reader.feed(Bytes(1000));
    fed += 1000;
  }
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::exhausted);
  EXPECT_LT(fed, 20'000u);
}

}  // namespace
}  // namespace latent::dicom::scanner
