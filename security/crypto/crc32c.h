// CRC-32C (Castagnoli), the damage check of everything in files (formats.md §3): crc32c of
// "123456789" is E3069283. SSE 4.2 on three interleaved streams where the CPU has it, tables
// elsewhere. It tells damage, not forgery.
#pragma once

#include <cstdint>

#include "security/base/bytes.h"

namespace latent::security::crypto {

/// The CRC of `bytes` appended to data whose CRC is `before` (0 = nothing before). Threads: safe.
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before = 0);

}  // namespace latent::security::crypto
