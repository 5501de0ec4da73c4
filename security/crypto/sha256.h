// SHA-256 and HMAC-SHA256 over OpenSSL; the algorithm objects are fetched once per process.
// Threads: the functions are safe; a Sha256 object belongs to one thread at a time.
#pragma once

#include <initializer_list>
#include <memory>

#include "security/base/bytes.h"
#include "security/base/identifiers.h"

struct evp_md_ctx_st;

namespace latent::security::crypto {

class Sha256 {
 public:
  Sha256();
  void update(ByteSpan bytes);
  /// The length (u64, little endian), then the bytes: parts cannot be mistaken for others.
  void update_with_length(ByteSpan bytes);
  /// The digest of all bytes since construction or the last finish()/restart(); starts anew.
  Digest finish();
  /// Forgets what was hashed so far.
  void restart();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Digest sha256(ByteSpan bytes);
/// HMAC-SHA256 of `parts` joined.
Digest hmac_sha256(ByteSpan key, ByteSpan bytes);
Digest hmac_sha256(ByteSpan key, std::initializer_list<ByteSpan> parts);

}  // namespace latent::security::crypto
