#include "dicom/json/write.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dicom/json/detail/values.h"
#include "dicom/scanner/part10.h"
#include "tests/support/shared_data.h"

namespace latent::dicom::json {
namespace {

using namespace std::string_literals;
using model::Encoding;

/// Explicit VR little endian; `value` is padded by the caller.
std::string element(std::uint32_t tag, std::string_view vr, const std::string& value) {
  std::string bytes;
  const auto put = [&](std::uint32_t number, int count) {
    for (int i = 0; i < count; ++i) bytes += static_cast<char>(number >> (8 * i));
  };
  put(tag >> 16, 2);
  put(tag & 0xFFFF, 2);
  bytes += vr;
  if (model::has_long_length(model::make_vr(vr[0], vr[1]))) {
    put(0, 2);
    put(static_cast<std::uint32_t>(value.size()), 4);
  } else {
    put(static_cast<std::uint32_t>(value.size()), 2);
  }
  return bytes + value;
}

std::string item(const std::string& content) {
  std::string bytes = "\xFE\xFF\x00\xE0"s;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(content.size() >> (8 * i));
  return bytes + content;
}

std::string written(const std::string& data_set, Options options = {},
                    Encoding encoding = Encoding::explicit_little) {
  const auto json = to_json(as_bytes(data_set), encoding, Limits{}, std::move(options));
  return json ? *json : json.error().text;
}

TEST(JsonWriter, WritesTextNumbersAndEmptyValues) {
  EXPECT_EQ(written(""), "{}");
  EXPECT_EQ(written(element(0x00080000, "UL", "\x04\0\0\0"s) + element(0x00080060, "CS", "CT")),
            R"({"00080060":{"vr":"CS","Value":["CT"]}})");
  EXPECT_EQ(written(element(0x00080008, "CS", "ORIGINAL\\\\AXIAL ")),
            R"({"00080008":{"vr":"CS","Value":["ORIGINAL",null,"AXIAL"]}})");
  EXPECT_EQ(written(element(0x00080050, "SH", "")), R"({"00080050":{"vr":"SH"}})");
  EXPECT_EQ(written(element(0x00080050, "SH", "  ")), R"({"00080050":{"vr":"SH"}})");
  EXPECT_EQ(written(element(0x00080018, "UI", "1.2.3\0"s)),
            R"({"00080018":{"vr":"UI","Value":["1.2.3"]}})");
  EXPECT_EQ(written(element(0x00280030, "DS", "+0.50\\.5\\12@3\\-007 ")),
            R"({"00280030":{"vr":"DS","Value":[0.50,0.5,"12@3",-7]}})");
  EXPECT_EQ(written(element(0x00280010, "US", "\x01\x02\xFF\xFF")),
            R"({"00280010":{"vr":"US","Value":[513,65535]}})");
  EXPECT_EQ(written(element(0x00281101, "SS", "\xFF\xFF")),
            R"({"00281101":{"vr":"SS","Value":[-1]}})");
  EXPECT_EQ(written(element(0x00280009, "AT", "\x18\0\x63\x10"s)),
            R"({"00280009":{"vr":"AT","Value":["00181063"]}})");
  EXPECT_EQ(written(element(0x00104000, "LT", " a\\b\r\n\"q\" ")),
            R"({"00104000":{"vr":"LT","Value":[" a\\b\u000d\u000a\"q\""]}})");
}

TEST(JsonWriter, NeverWritesWhatJsonDoesNotHave) {
  EXPECT_EQ(written(element(0x00189087, "FD",
                            "\0\0\0\0\0\0\xF8\x7F\0\0\0\0\0\0\xF0\xFF\0\0\0\0\0\0\xF8\x3F"s)),
            R"({"00189087":{"vr":"FD","Value":["NaN","-Infinity",1.5]}})");
  EXPECT_EQ(written(element(0x7FE00001, "OV", "")), R"({"7FE00001":{"vr":"OV"}})");
  EXPECT_EQ(
      written(element(0x00720082, "SV", "\0\0\0\0\0\0\0\x80\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s)),
      R"({"00720082":{"vr":"SV","Value":["-9223372036854775808",-1]}})");
}

TEST(JsonNumber, IsStrictJsonOrNothing) {
  EXPECT_EQ(detail::json_number("1"), "1");
  EXPECT_EQ(detail::json_number("-0"), "-0");
  EXPECT_EQ(detail::json_number("000"), "0");
  EXPECT_EQ(detail::json_number("5."), "5");
  EXPECT_EQ(detail::json_number("+1.5E+03"), "1.5e03");
  for (const char* bad :
       {"", ".", "-", "+-1", "1e", "1 2", "0x10", "nan", "inf", "1e999", "1,5", "--1", "e5"})
    EXPECT_EQ(detail::json_number(bad), "") << bad;
}

TEST(JsonWriter, WritesNamesByGroupAndTextByItsCharacterSet) {
  const std::string name =
      "Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B=\033$B$d$^$@\033(B^\033$B$?$m$&\033(B ";
  EXPECT_EQ(
      written(element(0x00080005, "CS", "\\ISO 2022 IR 87") + element(0x00100010, "PN", name)),
      R"({"00080005":{"vr":"CS","Value":["ISO_IR 192"]},)"
      R"("00100010":{"vr":"PN","Value":[{"Alphabetic":"Yamada^Tarou","Ideographic":"山田^太郎",)"
      R"("Phonetic":"やまだ^たろう"}]}})");
  EXPECT_EQ(written(element(0x00081048, "PN", "A^B\\\\=C ")),
            R"({"00081048":{"vr":"PN","Value":[{"Alphabetic":"A^B"},null,{"Ideographic":"C"}]}})");
  EXPECT_EQ(
      written(element(0x00100010, "PN", "\xBB\xEE\xDA "), {.assumed_character_set = "ISO_IR 144"}),
      R"({"00100010":{"vr":"PN","Value":[{"Alphabetic":"Люк"}]}})");
}

TEST(JsonWriter, GivesAnItemItsOwnCharacterSetAndTheOuterOneBackAfterIt) {
  const std::string inner =
      element(0x00080005, "CS", "ISO_IR 144") + element(0x00080104, "LO", "\xBB\xEE");
  const std::string plain = element(0x00080104, "LO", "\xC4\xD6");
  EXPECT_EQ(
      written(element(0x00080005, "CS", "ISO_IR 100") +
              element(0x00081032, "SQ", item(inner) + item(plain) + item("")) +
              element(0x00081040, "LO", "\xC4 ") + element(0x00081140, "SQ", "")),
      R"({"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00081032":{"vr":"SQ","Value":[)"
      R"({"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00080104":{"vr":"LO","Value":["Лю"]}},)"
      R"({"00080104":{"vr":"LO","Value":["ÄÖ"]}},{}]},)"
      R"("00081040":{"vr":"LO","Value":["Ä"]},"00081140":{"vr":"SQ"}})");
}

TEST(JsonWriter, InlinesSmallBinaryInLittleEndianAndPointsToTheRest) {
  EXPECT_EQ(written(element(0x00291010, "OB", "\x01\x02\x03\x04")),
            R"({"00291010":{"vr":"OB","InlineBinary":"AQIDBA=="}})");
  EXPECT_EQ(written(element(0x00291010, "OB", "\x01\x02")),
            R"({"00291010":{"vr":"OB","InlineBinary":"AQI="}})");
  const std::string big = "\x60\x00\x30\x00OW\0\0\0\0\0\x02\x01\x02"s;
  EXPECT_EQ(written(big, {}, Encoding::explicit_big),
            R"({"60003000":{"vr":"OW","InlineBinary":"AgE="}})");

  Options options;
  options.inline_binary_bytes_max = 2;
  EXPECT_EQ(written(element(0x7FE00010, "OW", "1234"), options), R"({"7FE00010":{"vr":"OW"}})");
  options.bulk_data_uri = [](const scanner::ElementHead& head) {
    return "../bulk/" + std::to_string(head.value_offset) + "-" + std::to_string(head.length);
  };
  EXPECT_EQ(written(element(0x7FE00010, "OW", "1234"), options),
            R"({"7FE00010":{"vr":"OW","BulkDataURI":"../bulk/12-4"}})");
  options.value_bytes_max = 2;
  EXPECT_EQ(written(element(0x00104000, "LT", "long"), options),
            R"({"00104000":{"vr":"LT","BulkDataURI":"../bulk/8-4"}})");
}

TEST(JsonWriter, LeavesFragmentsToTheUri) {
  const std::string fragments = "\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF"s + item("") +
                                item("\xFF\xD8\xFF\xD9") + "\xFE\xFF\xDD\xE0\0\0\0\0"s;
  Options options;
  options.bulk_data_uri = [](const scanner::ElementHead&) { return "frames/1"s; };
  EXPECT_EQ(written(fragments, options), R"({"7FE00010":{"vr":"OB","BulkDataURI":"frames/1"}})");
}

TEST(JsonWriter, RefusesACutDataSet) {
  const std::string whole = element(0x00080060, "CS", "CT");
  EXPECT_FALSE(
      to_json(as_bytes(whole).first(whole.size() - 1), Encoding::explicit_little, Limits{}, {}));
}

/// The JSON of a file, or nothing when its head or data set cannot be read.
std::optional<nlohmann::json> json_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  const Limits limits;
  scanner::Part10Reader head(limits);
  const auto complete = head.feed(as_bytes(bytes));
  if (!complete || (!*complete && !head.finish())) return std::nullopt;
  std::string text;
  Writer writer({}, [&](std::string_view piece) { text += piece; });
  scanner::ElementReader reader(model::assumed_encoding(head.meta().transfer_syntax), limits,
                                writer);
  if (!reader.feed(as_bytes(bytes).subspan(head.meta().data_set_offset)) || !reader.finish())
    return std::nullopt;
  writer.finish();
  EXPECT_TRUE(nlohmann::json::accept(text)) << path.filename();
  return nlohmann::json::parse(text, nullptr, false);
}

TEST(JsonWriter, ReadsTheNamesOfRealFilesInEachCharacterSet) {
  const auto folder = test::shared_file("data/dicom");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  const auto check = [&](const char* file, const char* group, const char* expected) {
    const auto json = json_of(*folder / file);
    ASSERT_TRUE(json) << file;
    EXPECT_EQ((*json)["00100010"]["Value"][0][group], expected) << file;
  };

  check("pydicom__chrArab.dcm", "Alphabetic", "قباني^لنزار");
  check("pydicom__chrFren.dcm", "Alphabetic", "Buc^Jérôme");
  check("pydicom__chrGreek.dcm", "Alphabetic", "Διονυσιος");
  check("pydicom__chrH31.dcm", "Ideographic", "山田^太郎");
  check("pydicom__chrH32.dcm", "Alphabetic", "ﾔﾏﾀﾞ^ﾀﾛｳ");
  check("pydicom__chrH32.dcm", "Phonetic", "やまだ^たろう");
  check("pydicom__chrHbrw.dcm", "Alphabetic", "שרון^דבורה");
  check("pydicom__chrI2.dcm", "Phonetic", "홍^길동");
  check("pydicom__chrI2.dcm", "Ideographic", "洪^吉洞");
  check("pydicom__chrRuss.dcm", "Alphabetic", "Люкceмбypг");
  check("pydicom__chrX1.dcm", "Ideographic", "王^小東");
  check("pydicom__chrX2.dcm", "Ideographic", "王^小东");
}

TEST(JsonWriter, MakesValidJsonOfEveryReadableFile) {
  const auto folder = test::shared_file("data/dicom");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  std::size_t read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder))
    if (entry.path().extension() == ".dcm" && json_of(entry.path())) ++read;
  EXPECT_GT(read, 150u);
}

}  // namespace
}  // namespace latent::dicom::json
