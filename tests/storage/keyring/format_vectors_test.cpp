// The shared vectors of the formats at rest, good and hostile, against our readers; and the
// independent reader in Python against what we write.
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the copy of an emptied vector for a read past its end.
#pragma GCC diagnostic ignored "-Wstringop-overread"
#endif

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "security/crypto/sealed_stream.h"
#include "security/crypto/sha256.h"
#include "security/keys/ring_entry.h"
#include "storage/blobs/blob_store.h"
#include "storage/keyring/ring_file.h"
#include "tests/support/manual_clock.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_directory.h"

namespace latent::storage::keyring {
namespace {

using nlohmann::json;
using security::crypto::random_id;
using security::crypto::SealedReader;
using security::keys::RootKey;
using security::keys::Roots;
using security::keys::StudyKey;
using security::keys::StudyKeyPtr;

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const ByteSpan bytes = as_bytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

std::vector<blobs::RecordView> records_of(const Bytes& file) {
  const blobs::ReadSome read = [&](std::uint64_t offset,
                                   MutableByteSpan out) -> Result<std::size_t> {
    const std::size_t n =
        offset < file.size() ? std::min<std::size_t>(out.size(), file.size() - offset) : 0;
    if (n > 0) std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
    return n;
  };
  std::vector<blobs::RecordView> found;
  EXPECT_TRUE(blobs::walk_records(read, blobs::kFileHeaderBytes, file.size(),
                                  blobs::PayloadCheck::crc, [&](const blobs::RecordView& record) {
                                    found.push_back(record);
                                    return true;
                                  }));
  return found;
}

Roots only(RootKey key) {
  std::vector<RootKey> keys;
  keys.push_back(std::move(key));
  return Roots(std::move(keys));
}

/// All keys that `roots` open in a ring.
std::map<KeyId, StudyKeyPtr> open_ring(const Bytes& file, const Roots& roots, StoreId& store) {
  store = blobs::parse_file_header(file, blobs::kRingMagic).value().store_id;
  std::map<KeyId, StudyKeyPtr> keys;
  for (const auto& record : records_of(file)) {
    EXPECT_TRUE(record.damage.empty());
    const KeyId id{record.header.id.bytes};
    if (record.header.type == static_cast<std::uint8_t>(blobs::RecordType::destroyed))
      keys.erase(id);
    if (record.header.type != static_cast<std::uint8_t>(blobs::RecordType::key)) continue;
    auto opened = security::keys::unwrap_key(
        roots, store, id,
        ByteSpan(file).subspan(record.payload_offset(), record.header.payload_bytes));
    if (opened) keys[id] = opened->key;
  }
  return keys;
}

class FormatVectors : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = test::shared_file("formats/vectors");
    if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
    folder_ = *folder;
    expected_ = json::parse(std::ifstream(folder_ / "expected.json"));
    keys_ = open_ring(read_file(folder_ / "keyring"), only(root("root.key")), store_);
  }
  RootKey root(const char* name) const {
    const Bytes line = read_file(folder_ / name);
    return security::keys::parse_root_line(as_text(line)).value();
  }
  Result<SealedReader> open(ByteSpan blob) const {
    return SealedReader::open(
        [blob](std::uint64_t offset, MutableByteSpan out) -> Result<void> {
          if (offset + out.size() > blob.size())
            return fail(ErrorCode::internal, "outside", "outside");
          std::ranges::copy(blob.subspan(offset, out.size()), out.begin());
          return {};
        },
        blob.size(),
        [this](const KeyId& id) -> Result<StudyKeyPtr> {
          const auto found = keys_.find(id);
          if (found == keys_.end()) return fail(ErrorCode::not_found, "no such key");
          return found->second;
        },
        store_);
  }
  std::string verdict(ByteSpan blob) const {
    auto reader = open(blob);
    if (!reader) return reader.error().where;
    auto verified = reader->verify();
    return verified ? "" : verified.error().where;
  }

  std::filesystem::path folder_;
  json expected_;
  StoreId store_{};
  std::map<KeyId, StudyKeyPtr> keys_;
};

TEST_F(FormatVectors, RingsOpenUnderTheirRootsWithTheSameKeys) {
  EXPECT_EQ(to_hex(store_.bytes), expected_["store"].get<std::string>());
  StoreId store{};
  const Bytes rotated = read_file(folder_ / "keyring.rotated");
  const auto after = open_ring(rotated, only(root("root2.key")), store);
  ASSERT_EQ(after.size(), keys_.size());
  for (const auto& [id, key] : keys_)
    EXPECT_TRUE(security::crypto::equal_in_constant_time(after.at(id)->secret().reveal(),
                                                         key->secret().reveal()));
  EXPECT_TRUE(open_ring(rotated, only(root("root.key")), store).empty());
  for (const auto& [name, id] : expected_["key_ids"].items())
    EXPECT_EQ(keys_.contains(*KeyId::from(*from_hex(id.get<std::string>()))), name != "gone")
        << name;
}

TEST_F(FormatVectors, EveryBlobOfTheSegmentOpensWholeAndInRanges) {
  const Bytes segment = read_file(folder_ / "000001.seg");
  EXPECT_EQ(blobs::parse_file_header(segment, blobs::kSegmentMagic).value().store_id, store_);
  std::mt19937 random(1);
  for (const auto& blob : expected_["blobs"]) {
    const auto header =
        blobs::parse_record_header(ByteSpan(segment).subspan(blob["offset"])).value();
    ASSERT_TRUE(header);
    EXPECT_EQ(header->id.hex(), blob["id"].get<std::string>());
    ASSERT_EQ(header->payload_bytes, blob["sealed_length"].get<std::uint64_t>());
    const ByteSpan sealed = ByteSpan(segment).subspan(
        blob["offset"].get<std::size_t>() + blobs::kRecordHeaderBytes, header->payload_bytes);
    auto reader = open(sealed).value();
    EXPECT_EQ(reader.head().aead, blob["aead"].get<int>());
    EXPECT_EQ(reader.head().codec, blob["codec"].get<int>());
    ASSERT_EQ(reader.length(), blob["length"].get<std::uint64_t>());
    Bytes plain(reader.length());
    ASSERT_TRUE(reader.read(0, plain));
    EXPECT_EQ(security::crypto::sha256(plain).hex(), blob["sha256"].get<std::string>());
    EXPECT_TRUE(reader.verify());
    EXPECT_EQ(reader.manifest().source, "dimse:CT01");
    for (int i = 0; i < 20; ++i) {
      const std::size_t a = random() % (plain.size() + 1);
      Bytes out(random() % (plain.size() - a + 1));
      ASSERT_TRUE(reader.read(a, out));
      ASSERT_TRUE(std::ranges::equal(out, ByteSpan(plain).subspan(a, out.size())));
    }
  }
}

TEST_F(FormatVectors, HostileBlobsAreRefusedWithTheExactWord) {
  int seen = 0;
  for (const auto& [name, word] : expected_["hostile"].items()) {
    EXPECT_EQ(verdict(read_file(folder_ / "hostile" / (name + ".blob"))), word.get<std::string>())
        << name;
    ++seen;
  }
  EXPECT_GT(seen, 20);
}

TEST_F(FormatVectors, TheSegmentsShreddedBlobHasNoKeyAndItsTombstoneIsGenuine) {
  const Bytes segment = read_file(folder_ / "000001.seg");
  const auto records = records_of(segment);
  const auto payload = [&](const blobs::RecordView& record) {
    return ByteSpan(segment).subspan(record.payload_offset(), record.header.payload_bytes);
  };
  EXPECT_EQ(verdict(payload(records.back())), "nokey");
  const auto tombstone =
      std::ranges::find_if(records, [](const auto& r) { return r.header.type == 2; });
  ASSERT_NE(tombstone, records.end());
  const auto store_key =
      keys_.at(*KeyId::from(*from_hex(expected_["key_ids"]["store"].get<std::string>())));
  const BlobId id{tombstone->header.id.bytes};
  EXPECT_TRUE(blobs::tombstone_is_genuine(payload(*tombstone), id, *store_key));
  EXPECT_FALSE(blobs::tombstone_is_genuine(payload(*tombstone), BlobId{}, *store_key));
}

TEST_F(FormatVectors, TornAndGappedSegmentsAreReadAsFarAsTheyGo) {
  const auto torn = records_of(read_file(folder_ / "000002.torn.seg"));
  EXPECT_EQ(torn.size(), 6u);
  EXPECT_EQ(torn.back().damage, "torn");
  const auto gap = records_of(read_file(folder_ / "000003.gap.seg"));
  EXPECT_EQ(std::ranges::count_if(gap, [](const auto& r) { return r.damage == "gap"; }), 1);
  EXPECT_EQ(std::ranges::count_if(
                gap, [](const auto& r) { return r.damage.empty() && r.header.type == 1; }),
            static_cast<std::ptrdiff_t>(
                expected_["blobs"].size()));  // one lost of those and the shredded
}

TEST_F(FormatVectors, EveryByteOfASegmentWithOneRecordFlippedOrCutIsNoticed) {
  const Bytes whole = read_file(folder_ / "000001.seg");
  const auto& blob = expected_["blobs"][1];
  const std::size_t at = blob["offset"];
  const std::size_t bytes =
      blobs::kRecordHeaderBytes + blob["sealed_length"].get<std::size_t>() + blobs::kRecordCrcBytes;
  Bytes one(whole.begin(), whole.begin() + blobs::kFileHeaderBytes);
  append(one, ByteSpan(whole).subspan(at, bytes));
  const auto good = [&](const Bytes& file) {
    if (!blobs::parse_file_header(file, blobs::kSegmentMagic)) return false;
    const auto records = records_of(file);
    return records.size() == 1 && records[0].damage.empty() && records[0].header.type == 1 &&
           verdict(
               ByteSpan(file).subspan(records[0].payload_offset(), records[0].header.payload_bytes))
               .empty();
  };
  ASSERT_TRUE(good(one));
  for (std::size_t i = 0; i < one.size(); ++i) {
    one[i] ^= static_cast<std::byte>(1u << i % 8);
    EXPECT_FALSE(good(one)) << i;
    one[i] ^= static_cast<std::byte>(1u << i % 8);
    EXPECT_FALSE(good(Bytes(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(i)))) << i;
  }
}

struct CommandRun {
  int status = -1;
  std::string output;
};
CommandRun run(const std::string& command) {
  CommandRun result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    result.output.append(buffer.data(), n);
  result.status = ::pclose(pipe);
  return result;
}

TEST(IndependentReader, OpensWhatWeWroteFromTheRootKeyFileAlone) {
  const auto reader = test::shared_file("formats/reader.py");
  if (!reader) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  if (run("/usr/bin/python3 -c 'import cryptography'").status != 0)
    GTEST_SKIP() << "no /usr/bin/python3 with python3-cryptography";

  const test::TemporaryDirectory folder;
  const test::ManualClock clock;
  const StoreId store_id = random_id<StoreId>();
  RootKey root = security::keys::create_root_key_file(folder / "root.key").value();
  const StudyKey key(random_id<KeyId>(), security::crypto::Secret<32>::random());
  auto ring =
      RingFile::open(folder / "ring/0000000a.ring", store_id, {root.root_id(), "file", 1}).value();
  ASSERT_TRUE(ring->append(
      key.id(), security::keys::wrap_key(root, store_id, key, security::keys::KeyPurpose::study,
                                         "2.25.77", 1)));
  ASSERT_TRUE(ring->sync());

  blobs::Config config;
  config.directory = folder / "seg";
  config.node = "0000000a";
  config.store_id = store_id;
  config.segment_bytes_max = 1u << 20;
  auto store = blobs::BlobStore::open(config, {}, clock).value();
  std::map<std::string, std::string> digests;  // blob id → SHA-256 of the plaintext
  std::string last;
  std::vector<std::uint64_t> segments;
  for (const std::size_t n : {0u, 1u, 65535u, 65536u, 65537u, 700'000u}) {
    Bytes plain(n);
    security::crypto::random_bytes(plain);
    security::crypto::BlobHead head;
    head.blob_id = random_id<BlobId>();
    head.store_id = store_id;
    head.aead = n % 2 == 0 ? 1 : 2;
    security::crypto::SealedWriter writer(key, head);
    if (n > 1000) writer.set_data_set_offset(300);
    security::crypto::Manifest manifest;
    manifest.study = StudyUid::parse("2.25.77");
    Bytes sealed;
    writer.write(plain, sealed);
    writer.finish(manifest, sealed);
    if (n == 700'000) {
      auto large = store->begin_large(head.blob_id).value();
      ASSERT_TRUE(large->append(sealed));
      segments.push_back(large->finish().value().segment);
    } else {
      const ByteSpan part = sealed;
      const blobs::PendingBlob pending{head.blob_id, std::span(&part, 1), std::nullopt};
      const auto at = store->append(std::span(&pending, 1)).value();
      ASSERT_TRUE(store->sync(at));
      if (segments.empty()) segments.push_back(at[0].segment);
    }
    last = head.blob_id.hex();
    digests[last] = security::crypto::sha256(plain).hex();
  }
  ASSERT_TRUE(store->stop());

  const std::string files =
      " " + (folder / "root.key").string() + " " + (folder / "ring/0000000a.ring").string();
  const std::string python = "/usr/bin/python3 -B " + reader->string();
  const CommandRun keys = run(python + " ring" + files);
  EXPECT_EQ(keys.status, 0) << keys.output;
  EXPECT_NE(keys.output.find(key.id().hex()), std::string::npos) << keys.output;
  std::string paths;
  for (const std::uint64_t number : segments) {
    char name[64];
    std::snprintf(name, sizeof name, "seg/0000000a/%016llx.seg",
                  static_cast<unsigned long long>(number));
    paths += " " + (folder / name).string();
  }
  const CommandRun opened = run(python + " seg" + files + paths);
  EXPECT_EQ(opened.status, 0) << opened.output;
  for (const auto& [id, digest] : digests)
    EXPECT_NE(opened.output.find(id), std::string::npos) << opened.output;
  for (const auto& [id, digest] : digests) {
    const std::string segment =
        id == last ? paths.substr(paths.rfind(' ')) : paths.substr(0, paths.rfind(' '));
    const CommandRun plain = run(python + " cat" + files + segment + " " + id + " | sha256sum");
    EXPECT_EQ(plain.output.substr(0, 64), digest) << plain.output.substr(0, 200);
  }
}

}  // namespace
}  // namespace latent::storage::keyring
