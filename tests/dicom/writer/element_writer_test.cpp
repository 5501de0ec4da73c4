#include "dicom/writer/element_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/scanner/part10.h"
#include "dicom/writer/file_meta.h"
#include "tests/dicom/scanner/recording_sink.h"

namespace latent::dicom::writer {
namespace {

using model::Encoding;
using model::Tag;
namespace vrs = model::vrs;

Bytes written(Encoding encoding) {
  Bytes out;
  ElementWriter writer(encoding, out);
  writer.text({8, 0x16}, vrs::kUI, "1.2.3");
  writer.begin_sequence({8, 0x1140});
  writer.begin_item();
  writer.text({8, 0x1150}, vrs::kUI, "1.2");
  writer.end_item();
  writer.end_sequence();
  writer.text({0x10, 0x10}, vrs::kPN, "A^B");
  writer.us({0x28, 0x10}, 0x0102);
  writer.ul({0x28, 0x9001}, 0x01020304);
  writer.element({0x7FE0, 0x10}, vrs::kOW, as_bytes("pixels"));
  return out;
}

TEST(ElementWriter, WhatIsWrittenIsReadInEachEncoding) {
  const std::string calls = scanner::read(written(Encoding::explicit_little)).calls;
  EXPECT_EQ(
      calls,
      "E(0008,0016)UI d0 =312e322e3300\nS(0008,1140)SQ d0\n[\nE(0008,1150)UI d1 =312e3200\n]\ns\n"
      "E(0010,0010)PN d0 =415e4220\nE(0028,0010)US d0 =0201\nE(0028,9001)UL d0 =04030201\n"
      "E(7FE0,0010)OW d0 =706978656c73\n");
  EXPECT_EQ(scanner::read(written(Encoding::implicit_little), Encoding::implicit_little).calls,
            calls);
  EXPECT_EQ(
      scanner::read(written(Encoding::explicit_big), Encoding::explicit_big).calls,
      "E(0008,0016)UI d0 =312e322e3300\nS(0008,1140)SQ d0\n[\nE(0008,1150)UI d1 =312e3200\n]\ns\n"
      "E(0010,0010)PN d0 =415e4220\nE(0028,0010)US d0 =0102\nE(0028,9001)UL d0 =01020304\n"
      "E(7FE0,0010)OW d0 =69706578736c\n");
}

TEST(ElementWriter, FragmentsAreWrittenEvenInLength) {
  Bytes out;
  ElementWriter writer(Encoding::explicit_little, out);
  writer.begin_fragments({0x7FE0, 0x10});
  writer.fragment({});
  writer.fragment(as_bytes("odd"));
  writer.end_fragments();
  EXPECT_EQ(scanner::read(out).calls, "F(7FE0,0010)OB d0\nf=\nf=6f646400\nx\n");
}

TEST(ElementWriter, AValueTooLongForItsVrIsWrittenUn) {
  Bytes out;
  ElementWriter writer(Encoding::explicit_little, out);
  writer.element({0x28, 0x3006}, vrs::kUS, Bytes(65'534));
  writer.element({0x28, 0x3006}, vrs::kUS, Bytes(65'536));
  writer.element({0x28, 0x3006}, vrs::kOW, Bytes(65'536));
  const std::string calls = scanner::read(out).calls;
  EXPECT_THAT(calls, testing::HasSubstr("E(0028,3006)US"));
  EXPECT_THAT(calls, testing::HasSubstr("E(0028,3006)UN"));
  EXPECT_THAT(calls, testing::HasSubstr("E(0028,3006)OW"));
}

TEST(FileHead, IsReadBackAndItsGroupLengthIsExact) {
  Bytes file = file_head({.sop_class = "1.2.840.10008.5.1.4.1.1.2",
                          .sop_instance = "2.25.77",
                          .transfer_syntax = "1.2.840.10008.1.2.4.70",
                          .source_ae_title = "CT1"});
  const std::size_t head_bytes = file.size();
  append(file, written(Encoding::explicit_little));

  scanner::Part10Reader reader{Limits{}};
  const auto done = reader.feed(file);
  ASSERT_TRUE(done && *done);
  EXPECT_EQ(reader.meta().sop_class, "1.2.840.10008.5.1.4.1.1.2");
  EXPECT_EQ(reader.meta().sop_instance, "2.25.77");
  EXPECT_EQ(reader.meta().transfer_syntax, "1.2.840.10008.1.2.4.70");
  EXPECT_EQ(reader.meta().source_ae_title, "CT1");
  EXPECT_EQ(reader.meta().implementation_class, kImplementationClassUid);
  EXPECT_EQ(reader.meta().implementation_version, kImplementationVersionName);
  EXPECT_EQ(reader.meta().data_set_offset, head_bytes);
  EXPECT_TRUE(reader.meta().notes.empty()) << "no note on the group length";
  EXPECT_EQ(Bytes(file.begin(), file.begin() + 128), Bytes(128)) << "the preamble is zero";
}

}  // namespace
}  // namespace latent::dicom::writer
