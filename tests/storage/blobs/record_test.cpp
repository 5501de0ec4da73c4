#include <gtest/gtest.h>

#include <algorithm>

#include "storage/blobs/record_walk.h"

namespace latent::storage::blobs {
namespace {

RecordHeader header(std::uint8_t type, std::uint8_t id, std::uint64_t payload_bytes) {
  RecordHeader h;
  h.type = type;
  h.id.bytes.fill(std::byte{id});
  h.payload_bytes = payload_bytes;
  return h;
}

Bytes file_of(std::initializer_list<std::size_t> payloads) {
  Bytes file;
  append(file, encode_file_header(kSegmentMagic, {StoreId{}, 7, 1}));
  std::uint8_t id = 0;
  for (std::size_t n : payloads) {
    ++id;
    const Bytes payload(n, std::byte{id});
    append_record(file, header(1, id, n), payload);
  }
  return file;
}

struct Walked {
  std::vector<std::string> found;  // "id" or damage word, in order
  std::uint64_t end = 0;
};
Walked walk(const Bytes& file) {
  const ReadSome read = [&](std::uint64_t offset, MutableByteSpan out) -> Result<std::size_t> {
    const std::size_t n =
        std::min<std::size_t>(out.size(), file.size() - std::min<std::size_t>(offset, file.size()));
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
    return n;
  };
  Walked walked;
  walked.end = walk_records(read, kFileHeaderBytes, file.size(), PayloadCheck::crc,
                            [&](const RecordView& r) {
                              walked.found.push_back(
                                  r.damage.empty()
                                      ? std::to_string(std::to_integer<int>(r.header.id.bytes[0]))
                                      : std::string(r.damage));
                              return true;
                            })
                   .value();
  return walked;
}

using Found = std::vector<std::string>;

TEST(FileHeader, ComesBackAndEveryFlippedByteIsRefused) {
  auto bytes = encode_file_header(kSegmentMagic, {StoreId{{std::byte{9}}}, 77, 123456});
  const FileHeader h = parse_file_header(bytes, kSegmentMagic).value();
  EXPECT_EQ(h.number, 77u);
  EXPECT_EQ(h.created_ms, 123456u);
  EXPECT_EQ(parse_file_header(bytes, kRingMagic).error().where, "magic");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{1};
    EXPECT_EQ(parse_file_header(bytes, kSegmentMagic).error().where, i < 8 ? "magic" : "crc") << i;
    bytes[i] ^= std::byte{1};
  }
}

TEST(RecordWalk, FindsRecordsOfEverySizeAndStopsAtThePreallocatedTail) {
  Bytes file = file_of({0, 1, 3, 4, 8, 100, 3'000'000});
  const std::size_t end = file.size();
  EXPECT_EQ(walk(file).found, (Found{"1", "2", "3", "4", "5", "6", "7"}));
  file.resize(end + 5'000'000);
  EXPECT_EQ(walk(file).found, (Found{"1", "2", "3", "4", "5", "6", "7"}));
  EXPECT_EQ(walk(file).end, end);
}

TEST(RecordWalk, DamagedHeaderIsAGapAndTheNextRecordIsFound) {
  Bytes file = file_of({100, 2'500'000, 100});
  const std::size_t second = kFileHeaderBytes + record_bytes(100);
  for (std::size_t i = 0; i < kRecordHeaderBytes; ++i) {
    file[second + i] ^= std::byte{1};
    EXPECT_EQ(walk(file).found, (Found{"1", "gap", "3"})) << i;
    file[second + i] ^= std::byte{1};
  }
}

TEST(RecordWalk, DamagedPayloadOrItsCrcIsNamedAndTheNextRecordIsFound) {
  Bytes file = file_of({100, 37, 100});
  const std::size_t payload = kFileHeaderBytes + record_bytes(100) + kRecordHeaderBytes;
  for (std::size_t i = 0; i < 37 + kRecordCrcBytes; ++i) {
    file[payload + i] ^= std::byte{1};
    EXPECT_EQ(walk(file).found, (Found{"1", "crc", "3"})) << i;
    file[payload + i] ^= std::byte{1};
  }
}

TEST(RecordWalk, EveryTruncationKeepsWholeRecordsAndEndsTornOrClean) {
  const Bytes file = file_of({20, 30});
  const std::size_t first_end = kFileHeaderBytes + record_bytes(20);
  for (std::size_t n = kFileHeaderBytes; n < file.size(); ++n) {
    const Walked walked = walk(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n)));
    if (n < kFileHeaderBytes + kRecordHeaderBytes + 20 + kRecordCrcBytes) {
      EXPECT_EQ(walked.found, n == kFileHeaderBytes ? Found{} : Found{"torn"}) << n;
      EXPECT_EQ(walked.end, kFileHeaderBytes) << n;
    } else if (n <= first_end) {
      EXPECT_EQ(walked.found, Found{"1"}) << n;
    } else if (n < first_end + kRecordHeaderBytes + 30 + kRecordCrcBytes) {
      EXPECT_EQ(walked.found, (Found{"1", "torn"})) << n;
      EXPECT_EQ(walked.end, first_end) << n;
    }
  }
}

TEST(RecordWalk, LengthsOfHostileHeadersReachNoFurtherThanTheFile) {
  for (std::uint64_t claimed : {kUnknownLength, kUnknownLength - 1, kUnknownLength - 44,
                                std::uint64_t{1} << 63, std::uint64_t{61}}) {
    Bytes file = file_of({10});
    append(file, encode_record_header(header(1, 2, claimed)));
    file.resize(file.size() + 64);
    EXPECT_EQ(walk(file).found, (Found{"1", "torn"})) << claimed;
  }
}

TEST(RecordWalk, RecordsOfUnknownTypeAreGivenAndFlagsAreRefused) {
  Bytes file = file_of({10});
  append_record(file, header(99, 2, 0), {});
  EXPECT_EQ(walk(file).found, (Found{"1", "2"}));
  auto flagged = encode_record_header(header(1, 3, 0));
  EXPECT_TRUE(parse_record_header(flagged).value().has_value());
  EXPECT_FALSE(parse_record_header(ByteSpan(flagged).first(39)).value().has_value());
}

}  // namespace
}  // namespace latent::storage::blobs
