#include "security/crypto/sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "security/crypto/detail/require.h"
#include "security/crypto/secret.h"

namespace latent::security::crypto {
namespace {

constexpr std::size_t kBlockBytes = 64;

const EVP_MD* algorithm() {
  // Fetched once and kept for the process: a fetch costs more than hashing a small object.
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) { restart(); }

void Sha256::restart() {
  detail::require(EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) == 1, "SHA-256 init");
}

void Sha256::update(ByteSpan bytes) {
  detail::require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256");
}

void Sha256::update_with_length(ByteSpan bytes) {
  const std::uint64_t length = bytes.size();
  update(std::as_bytes(std::span(&length, 1)));
  update(bytes);
}

Digest Sha256::finish() {
  Digest digest;
  detail::require(
      EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.bytes.data()),
                         nullptr) == 1,
      "SHA-256 final");
  restart();
  return digest;
}

Digest sha256(ByteSpan bytes) {
  thread_local Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

// RFC 2104 over the digest above: OpenSSL's own HMAC object costs several times the hashing here.
Digest hmac_sha256(ByteSpan key, std::initializer_list<ByteSpan> parts) {
  thread_local Sha256 hash;
  std::array<std::byte, kBlockBytes> pad{};
  if (key.size() > kBlockBytes) {
    Digest short_key = sha256(key);
    std::ranges::copy(short_key.bytes, pad.begin());
    wipe(short_key.bytes);
  } else {
    std::ranges::copy(key, pad.begin());
  }

  for (std::byte& b : pad) b ^= std::byte{0x36};
  hash.update(pad);
  for (ByteSpan part : parts) hash.update(part);
  const Digest inner = hash.finish();

  for (std::byte& b : pad) b ^= std::byte{0x36 ^ 0x5C};
  hash.update(pad);
  hash.update(inner.bytes);
  wipe(pad);
  return hash.finish();
}

Digest hmac_sha256(ByteSpan key, ByteSpan bytes) { return hmac_sha256(key, {bytes}); }

}  // namespace latent::security::crypto
