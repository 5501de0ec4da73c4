#include "security/crypto/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdlib>

#include "security/base/log.h"
#include "security/crypto/detail/require.h"

namespace latent::security::crypto {

void detail::require(bool holds, const char* what) {
  if (holds) return;
  log::error("cryptography failed, the process ends", "what", what);
  std::abort();
}

void wipe(MutableByteSpan bytes) noexcept { OPENSSL_cleanse(bytes.data(), bytes.size()); }

void random_bytes(MutableByteSpan out) {
  detail::require(
      RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) == 1,
      "RAND_bytes");
}

bool equal_in_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace latent::security::crypto
