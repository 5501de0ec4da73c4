// The primitives against published vectors.
#include <gtest/gtest.h>

#include <string>

#include "security/crypto/aead.h"
#include "security/crypto/crc32c.h"
#include "security/crypto/hkdf.h"
#include "security/crypto/sha256.h"

namespace latent::security::crypto {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

TEST(Sha256, GivesTheDigestsOfFips180) {
  EXPECT_EQ(sha256({}).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(as_bytes("abc")).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, StartsAnewAfterFinishAndAfterRestart) {
  Sha256 hash;
  hash.update(as_bytes("abc"));
  const Digest first = hash.finish();
  hash.update(as_bytes("forgotten"));
  hash.restart();
  hash.update(as_bytes("a"));
  hash.update(as_bytes("bc"));
  EXPECT_EQ(hash.finish(), first);
}

TEST(Hmac, GivesTheVectorsOfRfc4231) {
  EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // Test case 6: a key longer than a block.
  EXPECT_EQ(hmac_sha256(Bytes(131, std::byte{0xAA}),
                        as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))
                .hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hkdf, GivesTheVectorsOfRfc5869) {
  Bytes out(42);
  hkdf_sha256(Bytes(22, std::byte{0x0B}), hex("000102030405060708090a0b0c"),
              hex("f0f1f2f3f4f5f6f7f8f9"), out);
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  hkdf_sha256(Bytes(22, std::byte{0x0B}), {}, {}, out);
  EXPECT_EQ(to_hex(out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Crc32c, GivesTheCheckValue) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(detail::crc32c_by_tables(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32c, InterleavedStreamsAgreeWithTablesAtEveryLengthAndSplit) {
  Bytes data(100'000);
  std::uint32_t state = 1;
  for (std::byte& b : data)
    b = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
  for (std::size_t n :
       {1u, 7u, 8u, 255u, 767u, 768u, 769u, 1543u, 24575u, 24576u, 24577u, 50001u, 100000u}) {
    const ByteSpan bytes = ByteSpan(data).first(n);
    const std::uint32_t whole = detail::crc32c_by_tables(bytes);
    EXPECT_EQ(crc32c(bytes), whole) << n;
    EXPECT_EQ(crc32c(bytes.subspan(n / 3), crc32c(bytes.first(n / 3))), whole) << n;
  }
  for (std::size_t start = 0; start < 8; ++start) {  // unaligned
    const ByteSpan bytes = ByteSpan(data).subspan(start, 30'000);
    EXPECT_EQ(crc32c(bytes), detail::crc32c_by_tables(bytes));
  }
}

TEST(Aead, GivesTheAesGcmTestCaseOfMcGrewAndViega) {
  const Bytes key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const Bytes plain = hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39");
  const Bytes aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  Nonce nonce;
  std::ranges::copy(hex("cafebabefacedbaddecaf888"), nonce.begin());
  Bytes sealed(plain.size() + kAeadTagBytes);
  Aead aead(AeadKind::aes_256_gcm, std::span<const std::byte, 32>(key));

  aead.seal(nonce, aad, plain, sealed);

  EXPECT_EQ(
      to_hex(sealed),
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056"
      "828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  Bytes opened(plain.size());
  ASSERT_TRUE(aead.open(nonce, aad, sealed, opened));
  EXPECT_EQ(opened, plain);
}

TEST(Aead, GivesTheChaCha20Poly1305VectorOfRfc8439) {
  Bytes key(32);
  for (std::size_t i = 0; i < 32; ++i) key[i] = static_cast<std::byte>(0x80 + i);
  Nonce nonce;
  std::ranges::copy(hex("070000004041424344454647"), nonce.begin());
  const auto plain = as_bytes(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
      "sunscreen would be it.");
  Bytes sealed(plain.size() + kAeadTagBytes);
  Aead(AeadKind::chacha20_poly1305, std::span<const std::byte, 32>(key))
      .seal(nonce, hex("50515253c0c1c2c3c4c5c6c7"), plain, sealed);
  EXPECT_EQ(to_hex(ByteSpan(sealed).last(kAeadTagBytes)), "1ae10b594f09e26a7e902ecbd0600691");
}

TEST(Aead, AFlippedBitAnywhereIsRefusedAndNothingIsHandedOut) {
  const auto key = Secret<32>::random();
  Aead aead(AeadKind::aes_256_gcm, key.reveal());
  const auto plain = as_bytes("a secret of thirty-three bytes...");
  Bytes sealed(plain.size() + kAeadTagBytes);
  aead.seal({}, as_bytes("place"), plain, sealed);
  Bytes opened(plain.size());
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] ^= std::byte{4};
    EXPECT_FALSE(aead.open({}, as_bytes("place"), sealed, opened));
    EXPECT_EQ(opened, Bytes(plain.size()));
    sealed[i] ^= std::byte{4};
  }
  EXPECT_FALSE(aead.open({}, as_bytes("other"), sealed, opened));
  EXPECT_TRUE(aead.open({}, as_bytes("place"), sealed, opened));
}

TEST(SealedMessage, OpensOnlyAtItsPlaceUnderItsKey) {
  const auto key = Secret<32>::random();
  const Bytes message = seal_message(key, as_bytes("attributes"), as_bytes("instance 1"));
  EXPECT_EQ(as_text(open_message(key, message, as_bytes("instance 1")).value()), "attributes");
  EXPECT_EQ(open_message(key, message, as_bytes("instance 2")).error().where, "auth");
  EXPECT_EQ(open_message(Secret<32>::random(), message, as_bytes("instance 1")).error().where,
            "auth");
  for (std::size_t n = 0; n < message.size(); ++n)
    EXPECT_FALSE(open_message(key, ByteSpan(message).first(n), as_bytes("instance 1"))) << n;
  EXPECT_NE(seal_message(key, as_bytes("attributes"), as_bytes("instance 1")), message);
}

TEST(Secret, LeavesNothingBehindWhenMoved) {
  auto from = Secret<32>::random();
  const Secret<32> to = std::move(from);
  EXPECT_TRUE(equal_in_constant_time(from.reveal(), Bytes(32)));  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(equal_in_constant_time(to.reveal(), Bytes(32)));
}

}  // namespace
}  // namespace latent::security::crypto
