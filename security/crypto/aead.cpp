#include "security/crypto/aead.h"

#include <openssl/evp.h>

#include <algorithm>

#include "security/crypto/detail/require.h"

namespace latent::security::crypto {
namespace {

// OpenSSL counts in int.
constexpr std::size_t kUpdateBytesMax = std::size_t{1} << 30;

const EVP_CIPHER* algorithm(AeadKind kind) {
  static const EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static const EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return kind == AeadKind::aes_256_gcm ? aes : chacha;
}

const unsigned char* octets(ByteSpan bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(MutableByteSpan bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

void update(EVP_CIPHER_CTX* context, ByteSpan in, unsigned char* out) {
  int written = 0;
  for (std::size_t done = 0; done < in.size();) {
    const std::size_t n = std::min(kUpdateBytesMax, in.size() - done);
    detail::require(EVP_CipherUpdate(context, out == nullptr ? nullptr : out + done, &written,
                                     octets(in) + done, static_cast<int>(n)) == 1,
                    "AEAD update");
    done += n;
  }
}

}  // namespace

void Aead::Free::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);
}

Aead::Aead(AeadKind kind, std::span<const std::byte, 32> key)
    : kind_(kind), key_(key), context_(EVP_CIPHER_CTX_new()) {}

void Aead::turn(Direction direction) {
  if (direction_ == direction) return;
  detail::require(
      EVP_CipherInit_ex2(context_.get(), algorithm(kind_), octets(key_.reveal()), nullptr,
                         direction == Direction::sealing ? 1 : 0, nullptr) == 1,
      "AEAD key");
  direction_ = direction;
}

void Aead::seal(const Nonce& nonce, ByteSpan aad, ByteSpan plain, MutableByteSpan out) {
  detail::require(out.size() == plain.size() + kAeadTagBytes, "AEAD output size");
  turn(Direction::sealing);
  EVP_CIPHER_CTX* context = context_.get();
  detail::require(
      EVP_CipherInit_ex2(context, nullptr, nullptr, octets(ByteSpan(nonce)), -1, nullptr) == 1,
      "AEAD nonce");
  update(context, aad, nullptr);
  update(context, plain, octets(out));
  unsigned char* tag = octets(out) + plain.size();
  int written = 0;
  detail::require(EVP_CipherFinal_ex(context, tag, &written) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag) == 1,
                  "AEAD final");
}

bool Aead::open(const Nonce& nonce, ByteSpan aad, ByteSpan sealed, MutableByteSpan out) {
  if (sealed.size() < kAeadTagBytes) {
    wipe(out);
    return false;
  }
  const ByteSpan cipher = sealed.first(sealed.size() - kAeadTagBytes);
  detail::require(out.size() == cipher.size(), "AEAD output size");
  // Copied, since OpenSSL takes the expected tag through a pointer that is not const.
  std::array<std::byte, kAeadTagBytes> tag;
  std::ranges::copy(sealed.last(kAeadTagBytes), tag.begin());

  turn(Direction::opening);
  EVP_CIPHER_CTX* context = context_.get();
  detail::require(
      EVP_CipherInit_ex2(context, nullptr, nullptr, octets(ByteSpan(nonce)), -1, nullptr) == 1 &&
          EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag.data()) == 1,
      "AEAD nonce");
  update(context, aad, nullptr);
  update(context, cipher, octets(out));
  unsigned char nothing[kAeadTagBytes];
  int written = 0;
  if (EVP_CipherFinal_ex(context, nothing, &written) == 1) return true;
  wipe(out);
  return false;
}

Bytes seal_message(const Secret<32>& key, ByteSpan plain, ByteSpan aad, Random random) {
  Nonce nonce;
  random(nonce);
  Bytes message(kAeadNonceBytes + plain.size() + kAeadTagBytes);
  std::ranges::copy(nonce, message.begin());
  Aead(AeadKind::aes_256_gcm, key.reveal())
      .seal(nonce, aad, plain, MutableByteSpan(message).subspan(kAeadNonceBytes));
  return message;
}

Result<Bytes> open_message(const Secret<32>& key, ByteSpan message, ByteSpan aad) {
  if (message.size() >= kAeadNonceBytes + kAeadTagBytes) {
    Nonce nonce;
    std::ranges::copy(message.first(kAeadNonceBytes), nonce.begin());
    Bytes plain(message.size() - kAeadNonceBytes - kAeadTagBytes);
    if (Aead(AeadKind::aes_256_gcm, key.reveal())
            .open(nonce, aad, message.subspan(kAeadNonceBytes), plain))
      return plain;
  }
  return fail(ErrorCode::corrupt, "a sealed message does not verify under its key", "auth");
}

}  // namespace latent::security::crypto
