#include "security/crypto/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace latent::security::crypto {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

using Table = std::array<std::uint32_t, 256>;

/// Table k: the effect of a byte followed by k zero bytes ("slicing by 8").
constexpr std::array<Table, 8> make_slices() {
  std::array<Table, 8> slices{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    slices[0][i] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t i = 0; i < 256; ++i)
      slices[k][i] = slices[k - 1][i] >> 8 ^ slices[0][slices[k - 1][i] & 0xFF];
  return slices;
}
constexpr std::array<Table, 8> kSlices = make_slices();

std::uint64_t load64(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

std::uint32_t by_tables(std::uint32_t crc, const std::byte* p, std::size_t n) {
  for (; n >= 8; n -= 8, p += 8) {
    const std::uint64_t word = load64(p) ^ crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= kSlices[7 - k][word >> (8 * k) & 0xFF];
  }
  for (; n > 0; --n, ++p) crc = crc >> 8 ^ kSlices[0][(crc ^ std::to_integer<unsigned>(*p)) & 0xFF];
  return crc;
}

#if defined(__x86_64__)
// The crc32 instruction takes three cycles but one can start each cycle, so three streams run side
// by side; their results are joined by "this CRC followed by L zero bytes", a linear map kept as
// four tables of 256 (the method of Mark Adler's crc32c.c, zlib licence).

/// a × b modulo the polynomial, in the reflected representation.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 0x80000000; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? b >> 1 ^ kPolynomial : b >> 1;
  }
  return product;
}

/// x to the power of 8 × `bytes`: multiplying by it appends that many zero bytes.
constexpr std::uint32_t zeros_factor(std::uint64_t bytes) {
  std::uint32_t factor = 0x80000000;       // x^0
  std::uint32_t square = 0x80000000 >> 8;  // x^8: one byte
  for (; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) factor = multiply(factor, square);
    square = multiply(square, square);
  }
  return factor;
}

template <std::size_t Length>
struct AppendZeros {
  std::array<Table, 4> tables{};
  AppendZeros() {
    const std::uint32_t factor = zeros_factor(Length);
    for (std::uint32_t k = 0; k < 4; ++k)
      for (std::uint32_t i = 0; i < 256; ++i) tables[k][i] = multiply(factor, i << (8 * k));
  }
  std::uint32_t operator()(std::uint32_t crc) const {
    return tables[0][crc & 0xFF] ^ tables[1][crc >> 8 & 0xFF] ^ tables[2][crc >> 16 & 0xFF] ^
           tables[3][crc >> 24];
  }
};

template <std::size_t Length>
__attribute__((target("sse4.2"))) void three_streams(std::uint64_t& crc, const std::byte*& p,
                                                     std::size_t& n) {
  static const AppendZeros<Length> shift;
  while (n >= 3 * Length) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const std::byte* end = p + Length; p < end; p += 8) {
      crc = _mm_crc32_u64(crc, load64(p));
      second = _mm_crc32_u64(second, load64(p + Length));
      third = _mm_crc32_u64(third, load64(p + 2 * Length));
    }
    crc = shift(static_cast<std::uint32_t>(crc)) ^ second;
    crc = shift(static_cast<std::uint32_t>(crc)) ^ third;
    p += 2 * Length;
    n -= 3 * Length;
  }
}

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t start,
                                                               const std::byte* p, std::size_t n) {
  std::uint64_t crc = start;
  three_streams<8192>(crc, p, n);
  three_streams<256>(crc, p, n);
  for (; n >= 8; n -= 8, p += 8) crc = _mm_crc32_u64(crc, load64(p));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; n > 0; --n, ++p) narrow = _mm_crc32_u8(narrow, std::to_integer<unsigned char>(*p));
  return narrow;
}
#endif

}  // namespace

std::uint32_t detail::crc32c_by_tables(ByteSpan bytes, std::uint32_t before) {
  return ~by_tables(~before, bytes.data(), bytes.size());
}

std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~by_instruction(~before, bytes.data(), bytes.size());
#endif
  return detail::crc32c_by_tables(bytes, before);
}

}  // namespace latent::security::crypto
