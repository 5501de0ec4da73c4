#include "security/keys/ring_entry.h"

#include <algorithm>
#include <memory>

#include "security/crypto/aead.h"

namespace latent::security::keys {
namespace {

constexpr std::string_view kAadWord = "latent.ring.v1";
constexpr std::uint16_t kVersion = 1;
constexpr std::uint8_t kAeadAesGcm = 1;
constexpr std::size_t kKeyBytes = 32;

// u16 version, u8 purpose, u8 aead, u32 0, root_id[16], u64 created ms, nonce[12], u32 n
constexpr std::size_t kPurposeAt = 2, kAeadAt = 3, kReservedAt = 4, kRootIdAt = 8, kCreatedAt = 24,
                      kNonceAt = 32, kLengthAt = 44, kClearBytes = 48;

Bytes aad_of(const StoreId& store, const KeyId& id, ByteSpan clear) {
  Bytes aad;
  append(aad, as_bytes(kAadWord));
  append(aad, store.bytes);
  append(aad, id.bytes);
  append(aad, clear);
  return aad;
}

tl::unexpected<Error> broken(std::string_view what, std::string word) {
  return fail(ErrorCode::corrupt, "key ring: " + std::string(what), std::move(word));
}

}  // namespace

Result<WrappedKeyInfo> parse_ring_entry(ByteSpan payload) {
  constexpr std::size_t kSealedMin = kKeyBytes + crypto::kAeadTagBytes;
  if (payload.size() < kClearBytes + kSealedMin || load_le<std::uint16_t>(payload) != kVersion ||
      load_le<std::uint8_t>(payload, kAeadAt) != kAeadAesGcm ||
      load_le<std::uint32_t>(payload, kReservedAt) != 0 ||
      load_le<std::uint32_t>(payload, kLengthAt) != payload.size() - kClearBytes)
    return broken("an entry has a version, algorithm or length unknown to us", "unsupported");
  WrappedKeyInfo info;
  info.purpose = static_cast<KeyPurpose>(load_le<std::uint8_t>(payload, kPurposeAt));
  if (info.purpose < KeyPurpose::study || info.purpose > KeyPurpose::backup)
    return broken("an entry has a purpose unknown to us", "unsupported");
  std::ranges::copy(payload.subspan(kRootIdAt, 16), info.root_id.bytes.begin());
  info.created_ms = load_le<std::uint64_t>(payload, kCreatedAt);
  return info;
}

Bytes wrap_key(const RootKey& root, const StoreId& store, const StudyKey& key, KeyPurpose purpose,
               std::string_view label, std::uint64_t created_ms, crypto::Random random) {
  const std::size_t plain_bytes = kKeyBytes + label.size();
  Bytes payload(kClearBytes + plain_bytes + crypto::kAeadTagBytes);
  const MutableByteSpan p = payload;
  store_le<std::uint16_t>(p, 0, kVersion);
  store_le<std::uint8_t>(p, kPurposeAt, static_cast<std::uint8_t>(purpose));
  store_le<std::uint8_t>(p, kAeadAt, kAeadAesGcm);
  std::ranges::copy(root.root_id().bytes, p.begin() + kRootIdAt);
  store_le<std::uint64_t>(p, kCreatedAt, created_ms);
  crypto::Nonce nonce;
  random(nonce);
  std::ranges::copy(nonce, p.begin() + kNonceAt);
  store_le(p, kLengthAt, static_cast<std::uint32_t>(plain_bytes + crypto::kAeadTagBytes));

  const MutableByteSpan sealed = p.subspan(kClearBytes);
  std::ranges::copy(key.secret().reveal(), sealed.begin());
  std::ranges::copy(as_bytes(label), sealed.begin() + kKeyBytes);
  crypto::Aead(crypto::AeadKind::aes_256_gcm, root.wrapping_key().reveal())
      .seal(nonce, aad_of(store, key.id(), p.first(kClearBytes)), sealed.first(plain_bytes),
            sealed);
  return payload;
}

Result<OpenedKey> unwrap_key(const Roots& roots, const StoreId& store, const KeyId& id,
                             ByteSpan payload) {
  LATENT_TRY(const WrappedKeyInfo info, parse_ring_entry(payload));
  const RootKey* root = roots.find(info.root_id);
  if (root == nullptr)
    return broken("key " + id.hex() + " is wrapped under root " + info.root_id.hex() +
                      ", which was not given",
                  "root");
  crypto::Nonce nonce;
  std::ranges::copy(payload.subspan(kNonceAt, nonce.size()), nonce.begin());
  const ByteSpan sealed = payload.subspan(kClearBytes);
  Bytes plain(sealed.size() - crypto::kAeadTagBytes);
  crypto::Aead aead(crypto::AeadKind::aes_256_gcm, root->wrapping_key().reveal());
  if (!aead.open(nonce, aad_of(store, id, payload.first(kClearBytes)), sealed, plain))
    return broken("key " + id.hex() + " does not verify under its root", "auth");
  OpenedKey opened;
  opened.key = std::make_shared<const StudyKey>(
      id,
      crypto::Secret<kKeyBytes>(std::span<const std::byte, kKeyBytes>(plain.data(), kKeyBytes)));
  opened.purpose = info.purpose;
  opened.label = std::string(as_text(ByteSpan(plain).subspan(kKeyBytes)));
  crypto::wipe(plain);
  return opened;
}

}  // namespace latent::security::keys
