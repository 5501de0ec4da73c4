// CRC-32C (Castagnoli), the damage check of everything in files (formats.md §3): crc32c of
// "123456789" is E3069283. SSE 4.2 on three interleaved streams where the CPU has it, tables
// elsewhere. It tells damage, not forgery.
#pragma once

#include <cstdint>

#include "security/base/bytes.h"

namespace latent::security::crypto {

/// The CRC of `bytes` appended to data whose CRC is `before` (0 = nothing before). Threads: safe.
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before = 0);

namespace detail {
/// The way without the instruction, so that a test can compare the two.
std::uint32_t crc32c_by_tables(ByteSpan bytes, std::uint32_t before = 0);
}  // namespace detail

}  // namespace latent::security::crypto
