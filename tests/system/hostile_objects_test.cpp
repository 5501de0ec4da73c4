// Objects made to hurt whoever reads them: nested without end, lengths that lie, data that unpack
// to gigabytes, names that are paths. Sent by C-STORE; what is kept comes back bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "dicom/network/status.h"
#include "tests/support/siege.h"
#include "tests/system/hostile_session.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;
using dicom::model::Tag;

constexpr std::string_view kDeflated = "1.2.840.10008.1.2.1.99";
constexpr std::uint32_t kUndefined = 0xFFFF'FFFF;
constexpr std::size_t kMiB = 1u << 10;  // in KiB, as growth is counted
const std::string kStudy = "2.25.8001", kSeries = "2.25.8002";

Siege& siege() {
  // A bomb is inflated up to the limit: a lower one saves the suite some seconds.
  static Siege* const kept =
      new Siege("objects",
                {.configuration =
                     everything_is_wanted() ? "" : "[limits]\ninflated_bytes_max = \"512 MiB\"\n"});
  return *kept;
}

Bytes le16(std::uint16_t value) {
  return {static_cast<std::byte>(value), static_cast<std::byte>(value >> 8)};
}
Bytes le32(std::uint32_t value) {
  return joined(
      {le16(static_cast<std::uint16_t>(value)), le16(static_cast<std::uint16_t>(value >> 16))});
}
Bytes tag_bytes(Tag tag) { return joined({le16(tag.group), le16(tag.element)}); }
/// Head of an element of explicit VR with a 4-byte length, or of implicit VR when `vr` is empty.
Bytes head(Tag tag, std::string_view vr, std::uint32_t length) {
  if (vr.empty()) return joined({tag_bytes(tag), le32(length)});
  return joined({tag_bytes(tag), as_bytes(vr), le16(0), le32(length)});
}
constexpr Tag kItem{0xFFFE, 0xE000}, kItemEnd{0xFFFE, 0xE00D}, kSequenceEnd{0xFFFE, 0xE0DD};

enum class Lengths { undefined, defined };

/// Sequences of one item each, `depth` inside each other, the outermost with `vr`; those inside are
/// explicit when it is "SQ" and implicit otherwise (PS3.5 6.2.2: UN holds implicit VR).
Bytes nested(std::size_t depth, Tag tag, std::string_view vr, Lengths lengths) {
  const std::string_view inner = vr == "SQ" ? "SQ" : "";
  Bytes bytes;
  if (lengths == Lengths::undefined) {
    for (std::size_t i = 0; i < depth; ++i) {
      append(bytes, head(tag, i == 0 ? vr : inner, kUndefined));
      append(bytes, head(kItem, "", kUndefined));
    }
    for (std::size_t i = 0; i < depth; ++i) {
      append(bytes, head(kItemEnd, "", 0));
      append(bytes, head(kSequenceEnd, "", 0));
    }
    return bytes;
  }
  const std::size_t level = head(tag, inner, 0).size() + head(kItem, "", 0).size();
  for (std::size_t i = 0; i < depth; ++i) {
    const std::size_t inside = level * (depth - 1 - i);
    append(bytes, head(tag, i == 0 ? vr : inner, static_cast<std::uint32_t>(inside + 8)));
    append(bytes, head(kItem, "", static_cast<std::uint32_t>(inside)));
  }
  return bytes;
}

/// make_object() with `bytes` standing ahead of the element `before`.
DicomObject with_bytes(const std::string& instance, ByteSpan bytes,
                       Tag before = tags::kPatientName) {
  DicomObject object = make_object(kStudy, kSeries, instance, {});
  const Bytes name = tag_bytes(before);
  const auto at =
      std::search(object.data_set.begin(), object.data_set.end(), name.begin(), name.end());
  object.data_set.insert(at, bytes.begin(), bytes.end());
  return object;
}

class HostileObjects : public testing::Test {
 protected:
  static void SetUpTestSuite() { siege(); }
  static void TearDownTestSuite() {
    expect_verified(siege().archive());
    delete &siege();
  }

  static StoreAnswer store(const std::string& input, const DicomObject& object,
                           std::size_t growth_kib_max = 16 * kMiB) {
    StoreAnswer answer;
    siege().attack(
        input,
        [&] {
          answer = DicomPeer(siege().port()).store(object);
          return network::to_string(answer.status) + " " + answer.comment;
        },
        growth_kib_max);
    return answer;
  }
  static RetrieveAnswer get(const DicomObject& object) {
    return DicomPeer(siege().port()).get(object);
  }
  static void is_kept(const std::string& input, const DicomObject& object,
                      std::size_t growth_kib_max = 16 * kMiB) {
    const StoreAnswer answer = store(input, object, growth_kib_max);
    EXPECT_TRUE(answer.is_stored()) << input << ": " << answer.comment;
    const auto came = get(object);
    const auto found = came.delivered.find(object.sop_instance);
    ASSERT_NE(found, came.delivered.end()) << input << " does not come back";
    EXPECT_TRUE(found->second.data_set == object.data_set) << input << " came back changed";
  }
  static void is_refused(const std::string& input, const DicomObject& object,
                         network::Status status, const std::string& reason,
                         std::size_t growth_kib_max = 16 * kMiB) {
    const StoreAnswer answer = store(input, object, growth_kib_max);
    EXPECT_EQ(answer.status, status) << input << ": " << answer.comment;
    EXPECT_NE(answer.comment.find(reason), std::string::npos) << input << ": " << answer.comment;
    if (object.is_complete) {
      EXPECT_TRUE(get(object).delivered.empty()) << input << " is there";
    }
  }
};

TEST_F(HostileObjects, SixtyFourLevelsAreKeptAndMoreAreRefused) {
  struct Kind {
    std::string name;
    Tag tag;
    std::string vr;
    Lengths lengths;
  };
  int number = 0;
  for (const Kind& kind : {Kind{"undefined lengths", {0x0008, 0x1140}, "SQ", Lengths::undefined},
                           Kind{"defined lengths", {0x0008, 0x1140}, "SQ", Lengths::defined},
                           Kind{"in a private UN", {0x0009, 0x1001}, "UN", Lengths::undefined}}) {
    const auto object = [&](std::size_t depth) {
      return with_bytes("2.25.8100." + std::to_string(++number),
                        nested(depth, kind.tag, kind.vr, kind.lengths));
    };
    is_kept("64 levels, " + kind.name, object(64));
    for (const std::size_t depth : {65u, 10'000u, 1'000'000u})
      is_refused(std::to_string(depth) + " levels, " + kind.name, object(depth), 0xC000,
                 "nested deeper");
  }
  // Of defined length a UN is a value like any other, whatever it holds.
  is_kept("65 levels in a private UN of defined length",
          with_bytes("2.25.8100.90", nested(65, {0x0009, 0x1001}, "UN", Lengths::defined)));
}

TEST_F(HostileObjects, LengthsThatClaimMoreThanComes) {
  int number = 0;
  const auto claims = [&](const std::string& input, ByteSpan bytes, const std::string& reason) {
    is_refused(input, with_bytes("2.25.8200." + std::to_string(++number), bytes), 0xC000, reason);
  };
  for (const std::uint32_t length : {1u << 30, 0x8000'0000u, 0xFFFF'FFFEu}) {
    const std::string claimed = std::to_string(length) + " bytes";
    claims("OB that claims " + claimed, head({0x0009, 0x1001}, "OB", length), "cut: ");
    claims("UT that claims " + claimed, head({0x0008, 0x0119}, "UT", length), "cut: ");
    claims("UN that claims " + claimed, head({0x0009, 0x1001}, "UN", length), "cut: ");
    claims("item that claims " + claimed,
           joined({head({0x0008, 0x1140}, "SQ", kUndefined), head(kItem, "", length)}), "cut: ");
    claims("element that claims " + claimed + " in an item of 20",
           joined({head({0x0008, 0x1140}, "SQ", 28), head(kItem, "", 20),
                   head({0x0008, 0x0119}, "UT", length), Bytes(8)}),
           "claims " + std::to_string(length));
    claims("item that claims " + claimed + " in a sequence of 16",
           joined({head({0x0008, 0x1140}, "SQ", 16), head(kItem, "", length), Bytes(8)}),
           "claims " + std::to_string(length));
  }
  claims("a text of undefined length", head({0x0008, 0x0119}, "UT", kUndefined),
         "undefined length");
  Bytes items = head({0x0040, 0x0275}, "SQ", kUndefined);
  for (int i = 0; i < 1'000'001; ++i) append(items, head(kItem, "", 0));
  claims("a million items ahead of the Study Instance UID", items, "does not come within");
  is_refused("a million items behind it", with_bytes("2.25.8200.98", items, tags::kPixelData),
             0xC000, "more than 1000000 items", 64 * kMiB);
  DicomObject pixels = make_object(kStudy, kSeries, "2.25.8200.99", {});
  const Bytes pixel_head = head(tags::kPixelData, "OB", 256);
  auto at = std::search(pixels.data_set.begin(), pixels.data_set.end(), pixel_head.begin(),
                        pixel_head.end());
  ASSERT_NE(at, pixels.data_set.end());
  const Bytes lie = head(tags::kPixelData, "OB", 1u << 30);
  std::copy(lie.begin(), lie.end(), at);
  is_refused("Pixel Data of 256 bytes that claims 1 GiB", pixels, 0xC000,
             "claims 1073741824 bytes");
}

TEST_F(HostileObjects, PrefixesOfAnObjectAreRefused) {
  const DicomObject whole = make_object(kStudy, kSeries, "2.25.8300", {});
  // Between two elements an object may end: nothing tells that there were to be more.
  std::set<std::size_t> ends;
  for (std::size_t at = 0; at < whole.data_set.size();) {
    const bool has_long_length = as_text(whole.data_set).substr(at + 4, 2) == "OB";
    at += has_long_length ? 12 + load_le<std::uint32_t>(whole.data_set, at + 8)
                          : 8 + load_le<std::uint16_t>(whole.data_set, at + 6);
    ends.insert(at);
  }
  std::vector<DicomObject> cut;
  const std::size_t step = everything_is_wanted() ? 1 : 13;
  for (std::size_t bytes = 0; bytes < whole.data_set.size(); bytes += step) {
    if (ends.contains(bytes)) continue;
    cut.push_back(whole);
    cut.back().data_set.resize(bytes);
  }
  std::size_t stored = 0;
  siege().attack(std::to_string(cut.size()) + " prefixes of one object", [&] {
    for (const StoreAnswer& answer : DicomPeer(siege().port()).store(cut)) {
      if (answer.is_stored()) ++stored;
      EXPECT_NE(answer.comment, "") << "refused without a reason";
    }
    return std::to_string(cut.size() - stored) + " refused";
  });
  EXPECT_EQ(stored, 0u);
  EXPECT_TRUE(get(whole).delivered.empty());
}

TEST_F(HostileObjects, UidsThatAreNone) {
  const std::vector<std::pair<std::string, std::string>> uids = {
      {"two dots", ".."},
      {"a path", "../../x"},
      {"65 characters", "1." + std::string(63, '2')},
      {"an inner NUL", std::string("1.2\0.4", 6)},
      {"letters", "1.2.evil"},
      {"empty", ""},
      {"a backslash", "1.2\\1.3"},
      {"%2e%2e", "%2e%2e"},
      {"a newline", "1.2\n3"}};
  for (const Tag tag : {tags::kSopInstanceUid, tags::kStudyInstanceUid, tags::kSeriesInstanceUid,
                        tags::kSopClassUid})
    for (const auto& [name, uid] : uids) {
      DicomObject object = make_object(kStudy, kSeries, "2.25.8400", {{tag, uid}});
      // The command names what a command can name.
      object.sop_class = kCaptureClass;
      const StoreAnswer answer = store(dicom::model::to_string(tag) + " is " + name, object);
      EXPECT_EQ(network::category_of(answer.status), network::StatusCategory::failure);
      EXPECT_NE(answer.comment.find(dicom::model::to_string(tag)), std::string::npos)
          << name << ": " << answer.comment;
      EXPECT_TRUE(get(object).delivered.empty());
    }
}

TEST_F(HostileObjects, DataSetsThatAreNotWhatTheirCommandSays) {
  DicomObject other = make_object(kStudy, kSeries, "2.25.8500", {});
  other.sop_instance = "2.25.8501";
  is_refused("another SOP Instance UID than the command's", other, 0xA901, "not the announced one");
  DicomObject classes = make_object(kStudy, kSeries, "2.25.8502",
                                    {{tags::kSopClassUid, "1.2.840.10008.5.1.4.1.1.2"}});
  classes.sop_class = kCaptureClass;
  is_refused("another SOP Class UID than the command's", classes, 0xA900, "not the announced one");
}

/// Raw deflate of zeros, `megabytes` of them, made by repeating one compressed megabyte.
Bytes deflated_zeros(ByteSpan before, std::size_t megabytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  const auto pack = [&stream](ByteSpan plain, int flush) {
    Bytes packed(deflateBound(&stream, plain.size()) + 64);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, flush);
    packed.resize(packed.size() - stream.avail_out);
    return packed;
  };
  Bytes all = pack(before, Z_FULL_FLUSH);
  // After a full flush nothing refers to what came before, so the block may stand again and again.
  const Bytes block = pack(Bytes(1u << 20), Z_FULL_FLUSH);
  for (std::size_t i = 0; i < megabytes; ++i) append(all, block);
  append(all, pack({}, Z_FINISH));
  deflateEnd(&stream);
  return all;
}

/// A deflated object whose pixel data are `megabytes` of zeros.
DicomObject blank(const std::string& instance, std::size_t megabytes) {
  DicomObject object = make_object(kStudy, kSeries, instance,
                                   {{tags::kSopClassUid, "1.2.840.10008.5.1.4.1.1.66.4"}});
  object.transfer_syntax = kDeflated;
  const Bytes pixel_head = head(tags::kPixelData, "OB", 256);
  const auto at = std::search(object.data_set.begin(), object.data_set.end(), pixel_head.begin(),
                              pixel_head.end());
  object.data_set.erase(at, object.data_set.end());
  const auto claimed =
      static_cast<std::uint32_t>(std::min<std::size_t>(megabytes << 20, 0xFFFF'FFFE));
  append(object.data_set, head(tags::kPixelData, "OB", claimed));
  object.data_set = deflated_zeros(object.data_set, megabytes);
  if (object.data_set.size() % 2 != 0) object.data_set.push_back(std::byte{0});
  return object;
}

TEST_F(HostileObjects, DeflateBombsCostNoMemoryAndBlankMasksAreKept) {
  is_kept("blank deflated SEG of 10 MiB, 1,000:1", blank("2.25.8600", 10), 64 * kMiB);
  is_kept("blank deflated SEG of 60 MiB, 1,000:1", blank("2.25.8601", 60), 64 * kMiB);
  const DicomObject bomb = blank("2.25.8602", 10'240);
  is_refused(fmt::format("deflate bomb: {} MiB that unpack to 10 GiB", bomb.data_set.size() >> 20),
             bomb, 0xC000, "unpacks to more than", 64 * kMiB);
}

/// What unpacks for seconds must not stand in anybody's way.
TEST_F(HostileObjects, ManyDeflateBombsAtOnceHoldNobodyUp) {
  constexpr int kSenders = 16;
  const std::size_t megabytes = everything_is_wanted() ? 2'000 : 100;
  const std::string came = siege().attack(
      fmt::format("{} senders of a deflate bomb of {} MiB at once", kSenders, megabytes),
      [&] {
        std::vector<std::thread> senders;
        std::vector<StoreAnswer> answers(kSenders);
        for (int i = 0; i < kSenders; ++i)
          senders.emplace_back([&, i] {
            answers[static_cast<std::size_t>(i)] =
                DicomPeer(siege().port(), "BOMBER" + std::to_string(i))
                    .store(blank("2.25.8700." + std::to_string(i), megabytes));
          });
        for (std::thread& sender : senders) sender.join();
        std::size_t stored = 0;
        for (const StoreAnswer& answer : answers) stored += answer.is_stored() ? 1 : 0;
        return std::to_string(stored) + " stored";
      },
      64 * kMiB);
  EXPECT_EQ(came, std::to_string(kSenders) + " stored");
}

}  // namespace
}  // namespace latent::test
