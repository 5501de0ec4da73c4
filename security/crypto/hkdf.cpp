#include "security/crypto/hkdf.h"

#include <algorithm>
#include <array>

#include "security/crypto/detail/require.h"
#include "security/crypto/secret.h"
#include "security/crypto/sha256.h"

namespace latent::security::crypto {

void hkdf_sha256(ByteSpan key, ByteSpan salt, ByteSpan info, MutableByteSpan out) {
  constexpr std::size_t kHashBytes = 32;
  detail::require(out.size() <= 255 * kHashBytes, "HKDF length");

  Digest extracted = hmac_sha256(salt, key);
  Digest block;
  std::array<std::byte, 1> counter{};
  for (std::size_t done = 0; done < out.size();) {
    const ByteSpan previous = done == 0 ? ByteSpan() : ByteSpan(block.bytes);
    counter[0] = static_cast<std::byte>(done / kHashBytes + 1);
    block = hmac_sha256(extracted.bytes, {previous, info, counter});
    const std::size_t n = std::min(kHashBytes, out.size() - done);
    std::copy_n(block.bytes.begin(), n, out.begin() + static_cast<std::ptrdiff_t>(done));
    done += n;
  }
  wipe(block.bytes);
  wipe(extracted.bytes);
}

}  // namespace latent::security::crypto
