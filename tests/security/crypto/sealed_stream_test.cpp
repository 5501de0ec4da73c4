// Our writer against our reader: round trips, every flipped byte, every truncation.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "security/crypto/sealed_stream.h"

namespace latent::security::crypto {
namespace {

constexpr std::uint8_t kSmallChunkLog2 = 12;
constexpr std::size_t kSmallChunk = 1u << kSmallChunkLog2;

Bytes pattern(std::size_t n) {
  Bytes bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

StudyKeyPtr new_key() {
  return std::make_shared<const StudyKey>(random_id<KeyId>(), Secret<32>::random());
}

KeyLookup only(StudyKeyPtr key) {
  return [key](const KeyId& id) -> Result<StudyKeyPtr> {
    if (id == key->id()) return key;
    return fail(ErrorCode::not_found, "no such key");
  };
}

SealedReader::ReadAt from(const Bytes& blob) {
  return [&blob](std::uint64_t offset, MutableByteSpan out) -> Result<void> {
    if (offset + out.size() > blob.size())
      return fail(ErrorCode::internal, "the reader asked for bytes outside the blob", "outside");
    std::ranges::copy(ByteSpan(blob).subspan(offset, out.size()), out.begin());
    return {};
  };
}

BlobHead head_of(const StudyKeyPtr& key, std::uint8_t chunk_log2 = kSmallChunkLog2,
                 std::uint8_t aead = 1) {
  BlobHead head;
  head.blob_id = random_id<BlobId>();
  head.key_id = key->id();
  head.store_id = random_id<StoreId>();
  head.chunk_log2 = chunk_log2;
  head.aead = aead;
  return head;
}

/// Sealed in writes of `piece` bytes.
Bytes seal(const StudyKeyPtr& key, const BlobHead& head, ByteSpan plain, std::size_t piece = 1000,
           const Manifest& manifest = {}, std::size_t data_set = 0) {
  SealedWriter writer(*key, head);
  if (data_set != 0) writer.set_data_set_offset(data_set);
  Bytes sealed;
  for (; !plain.empty(); plain = plain.subspan(std::min(piece, plain.size())))
    writer.write(plain.first(std::min(piece, plain.size())), sealed);
  writer.finish(manifest, sealed);
  EXPECT_EQ(writer.sealed_bytes(), sealed.size());
  return sealed;
}

/// Opens and verifies; returns the error word, "" when all is well.
std::string verdict(const Bytes& blob, const StudyKeyPtr& key, std::optional<StoreId> store = {}) {
  auto reader = SealedReader::open(from(blob), blob.size(), only(key), store);
  if (!reader) return reader.error().where;
  auto verified = reader->verify();
  return verified ? "" : verified.error().where;
}

Manifest full_manifest() {
  Manifest m;
  m.sop_class = SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2");
  m.sop_instance = InstanceUid::parse("2.25.1");
  m.study = StudyUid::parse("2.25.2");
  m.series = SeriesUid::parse("2.25.3");
  m.transfer_syntax = TransferSyntaxUid::parse("1.2.840.10008.1.2.1");
  m.received_us = 1'790'000'000'000'000;
  m.source = "dimse:CT01";
  m.version = 3;
  m.replaced = random_id<BlobId>();
  m.pixel_frame_offsets = {100, 5000000000};
  m.original_file_name = Phi<std::string>("holiday.png");
  return m;
}

TEST(SealedStream, EverySizeComesBackWholeAndInRandomRanges) {
  const auto key = new_key();
  std::mt19937 random(7);
  for (std::uint8_t aead : {std::uint8_t{1}, std::uint8_t{2}})
    for (std::size_t n : {0u, 1u, 15u, 4095u, 4096u, 4097u, 8191u, 8192u, 8193u, 20000u}) {
      const Bytes plain = pattern(n);
      for (std::size_t piece : {1u, 4096u, 5000u, 100000u}) {
        if (piece == 1 && n > 5000) continue;
        const Bytes blob = seal(key, head_of(key, kSmallChunkLog2, aead), plain, piece);
        ASSERT_EQ(verdict(blob, key), "") << n << " in pieces of " << piece;
        auto reader = SealedReader::open(from(blob), blob.size(), only(key)).value();
        ASSERT_EQ(reader.length(), n);
        for (int i = 0; i < 20; ++i) {
          const std::size_t a = random() % (n + 1);
          Bytes out(random() % (n - a + 1));
          ASSERT_TRUE(reader.read(a, out));
          ASSERT_TRUE(std::ranges::equal(out, ByteSpan(plain).subspan(a, out.size())));
        }
      }
    }
}

TEST(SealedStream, PiecesDoNotChangeTheBytes) {
  const auto key = new_key();
  const auto head = head_of(key);
  const Bytes plain = pattern(3 * kSmallChunk + 5);
  const Bytes whole = seal(key, head, plain, plain.size());
  for (std::size_t piece : {1u, 100u, 4095u, 4096u, 4097u, 9000u})
    EXPECT_EQ(seal(key, head, plain, piece), whole) << piece;
}

TEST(SealedStream, DigestStartsAtTheDataSet) {
  const auto key = new_key();
  const Bytes plain = pattern(10'000);
  SealedWriter writer(*key, head_of(key));
  Bytes sealed;
  writer.write(ByteSpan(plain).first(300), sealed);
  writer.begin_data_set();
  writer.write(ByteSpan(plain).subspan(300), sealed);
  writer.finish({}, sealed);

  const Digest expected = sha256(ByteSpan(plain).subspan(300));
  EXPECT_EQ(writer.digest(), expected);
  EXPECT_EQ(verdict(sealed, key), "");
  auto reader = SealedReader::open(from(sealed), sealed.size(), only(key)).value();
  EXPECT_EQ(reader.manifest().digest, expected);
  EXPECT_EQ(reader.manifest().data_set_offset, 300u);

  const Bytes ahead = seal(key, head_of(key), plain, 70, {}, 300);
  EXPECT_EQ(SealedReader::open(from(ahead), ahead.size(), only(key)).value().manifest().digest,
            expected);
}

TEST(SealedStream, ManifestFieldsComeBack) {
  const auto key = new_key();
  const Manifest wanted = full_manifest();
  const Bytes blob = seal(key, head_of(key), pattern(10), 10, wanted);
  auto reader = SealedReader::open(from(blob), blob.size(), only(key)).value();
  const Manifest& m = reader.manifest();
  EXPECT_EQ(m.sop_class, wanted.sop_class);
  EXPECT_EQ(m.sop_instance, wanted.sop_instance);
  EXPECT_EQ(m.study, wanted.study);
  EXPECT_EQ(m.series, wanted.series);
  EXPECT_EQ(m.transfer_syntax, wanted.transfer_syntax);
  EXPECT_EQ(m.received_us, wanted.received_us);
  EXPECT_EQ(m.source, wanted.source);
  EXPECT_EQ(m.version, wanted.version);
  EXPECT_EQ(m.replaced, wanted.replaced);
  EXPECT_EQ(m.pixel_frame_offsets, wanted.pixel_frame_offsets);
  EXPECT_EQ(m.original_file_name->reveal(), "holiday.png");
}

TEST(SealedStream, AManifestLongerThanTheTailIsFetchedWhole) {
  const auto key = new_key();
  Manifest manifest;
  manifest.pixel_frame_offsets.resize(5000, 42);
  const Bytes blob = seal(key, head_of(key), pattern(10), 10, manifest);
  EXPECT_EQ(verdict(blob, key), "");
}

TEST(SealedStream, EveryFlippedByteOfAThreeChunkBlobIsRefused) {
  const auto key = new_key();
  const auto head = head_of(key);
  Bytes blob = seal(key, head, pattern(2 * kSmallChunk + 100), 5000, full_manifest());
  for (std::size_t i = 0; i < blob.size(); ++i) {
    blob[i] ^= static_cast<std::byte>(1u << i % 8);
    ASSERT_NE(verdict(blob, key, head.store_id), "") << "byte " << i;
    blob[i] ^= static_cast<std::byte>(1u << i % 8);
  }
  EXPECT_EQ(verdict(blob, key, head.store_id), "");
}

TEST(SealedStream, EveryTruncationIsRefusedWithoutReadingOutside) {
  const auto key = new_key();
  const Bytes blob = seal(key, head_of(key), pattern(2 * kSmallChunk + 100));
  for (std::size_t n = 0; n < blob.size(); ++n) {
    const std::string word =
        verdict(Bytes(blob.begin(), blob.begin() + static_cast<std::ptrdiff_t>(n)), key);
    ASSERT_NE(word, "") << n;
    ASSERT_NE(word, "outside") << n;
  }
}

TEST(SealedStream, ReadingPastTheEndIsARangeError) {
  const auto key = new_key();
  const Bytes blob = seal(key, head_of(key), pattern(100));
  auto reader = SealedReader::open(from(blob), blob.size(), only(key)).value();
  Bytes out(2);
  EXPECT_EQ(reader.read(99, out).error().where, "range");
  EXPECT_EQ(reader.read(~0ull, out).error().where, "range");
  EXPECT_EQ(reader.read(99, out).error().code, ErrorCode::invalid_input);
  EXPECT_TRUE(reader.read(98, out));
}

TEST(SealedStream, AFailingKeyLookupKeepsItsOwnError) {
  const auto key = new_key();
  const Bytes blob = seal(key, head_of(key), pattern(100));
  const KeyLookup down = [](const KeyId&) -> Result<StudyKeyPtr> {
    return fail(ErrorCode::unavailable, "PostgreSQL does not answer");
  };
  EXPECT_EQ(SealedReader::open(from(blob), blob.size(), down).error().code, ErrorCode::unavailable);
  EXPECT_EQ(verdict(blob, new_key()), "nokey");
}

TEST(SealedStream, OpeningCostsTwoReadsAndSmallReadsOpenAChunkOnce) {
  const auto key = new_key();
  const Bytes blob = seal(key, head_of(key), pattern(2 * kSmallChunk));
  int reads = 0;
  const auto counting = [&](std::uint64_t offset, MutableByteSpan out) -> Result<void> {
    ++reads;
    return from(blob)(offset, out);
  };
  auto reader = SealedReader::open(counting, blob.size(), only(key)).value();
  EXPECT_EQ(reads, 2);
  Bytes out(10);
  for (std::uint64_t at = 0; at < 1000; at += 10) ASSERT_TRUE(reader.read(at, out));
  EXPECT_EQ(reads, 3);
}

TEST(Manifest, AnythingMisshapenIsRefused) {
  const auto word = [](const Bytes& tlv) { return decode_manifest(tlv).error().where; };
  Bytes good = encode_manifest({});
  EXPECT_TRUE(decode_manifest(good));

  EXPECT_EQ(word({}), "manifest");
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_EQ(word(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n))), "manifest")
        << n;
  Bytes twice = good;
  append(twice, ByteSpan(good).first(14));
  EXPECT_EQ(word(twice), "manifest");
  Bytes huge = good;
  append_le<std::uint16_t>(huge, 99);
  append_le<std::uint32_t>(huge, 0xFFFFFFFF);
  EXPECT_EQ(word(huge), "manifest");
  Bytes bad_uid = good;
  append_le<std::uint16_t>(bad_uid, 6);
  append_le<std::uint32_t>(bad_uid, 4);
  append(bad_uid, as_bytes("1..2"));
  EXPECT_EQ(word(bad_uid), "manifest");
  Bytes unknown = good;
  append_le<std::uint16_t>(unknown, 999);
  append_le<std::uint32_t>(unknown, 0);
  EXPECT_TRUE(decode_manifest(unknown));
}

}  // namespace
}  // namespace latent::security::crypto
