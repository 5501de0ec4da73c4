// Authenticated encryption of one message: AES-256-GCM and ChaCha20-Poly1305, 12-byte nonce,
// 16-byte tag appended. What does not verify is never handed out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "security/base/bytes.h"
#include "security/base/result.h"
#include "security/crypto/secret.h"

struct evp_cipher_ctx_st;

namespace latent::security::crypto {

/// The numbers of formats.md §2.
enum class AeadKind : std::uint8_t { aes_256_gcm = 1, chacha20_poly1305 = 2 };

inline constexpr std::size_t kAeadTagBytes = 16;
inline constexpr std::size_t kAeadNonceBytes = 12;
using Nonce = std::array<std::byte, kAeadNonceBytes>;

/// One key made ready once, for many messages. The caller never repeats a nonce when sealing.
/// Threads: one at a time (it holds an OpenSSL context).
class Aead {
 public:
  Aead(AeadKind kind, std::span<const std::byte, 32> key);

  /// Writes ciphertext || tag. `out` holds plain.size() + 16 bytes; it may begin at `plain`'s
  /// address (in place), but must not overlap it otherwise.
  void seal(const Nonce& nonce, ByteSpan aad, ByteSpan plain, MutableByteSpan out);
  /// Opens ciphertext || tag into `out` (sealed.size() - 16 bytes; in place allowed likewise).
  /// False, with `out` wiped, when the tag does not fit or `sealed` is shorter than a tag.
  [[nodiscard]] bool open(const Nonce& nonce, ByteSpan aad, ByteSpan sealed, MutableByteSpan out);

 private:
  enum class Direction { none, sealing, opening };
  void turn(Direction direction);

  AeadKind kind_;
  Direction direction_ = Direction::none;
  Secret<32> key_;
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

/// One self-contained AES-256-GCM message: random nonce[12] || ciphertext || tag[16]. For small
/// things sealed under a study key outside blobs (the catalog's attribute sets); `aad` names the
/// place it belongs to, so that it cannot be moved. Random nonces are safe to 2^32 messages a key.
Bytes seal_message(const Secret<32>& key, ByteSpan plain, ByteSpan aad,
                   Random random = random_bytes);
/// Errors: corrupt, where = "auth" (also for a message too short to be one).
Result<Bytes> open_message(const Secret<32>& key, ByteSpan message, ByteSpan aad);

}  // namespace latent::security::crypto
