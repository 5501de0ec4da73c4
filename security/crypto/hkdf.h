// HKDF-SHA256 (RFC 5869).
#pragma once

#include "security/base/bytes.h"

namespace latent::security::crypto {

/// Fills `out` (at most 255 × 32 bytes) from `key`, bound to `salt` and `info`. Threads: safe.
void hkdf_sha256(ByteSpan key, ByteSpan salt, ByteSpan info, MutableByteSpan out);

}  // namespace latent::security::crypto
