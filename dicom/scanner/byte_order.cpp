#include "dicom/scanner/byte_order.h"

#include <cstdint>
#include <cstring>

namespace latent::dicom::scanner {
namespace {

std::uint16_t reversed(std::uint16_t value) { return __builtin_bswap16(value); }
std::uint32_t reversed(std::uint32_t value) { return __builtin_bswap32(value); }
std::uint64_t reversed(std::uint64_t value) { return __builtin_bswap64(value); }

template <class Word>
void swap_words(MutableByteSpan value) {
  for (std::size_t at = 0; at + sizeof(Word) <= value.size(); at += sizeof(Word)) {
    Word word;
    std::memcpy(&word, value.data() + at, sizeof word);
    word = reversed(word);
    std::memcpy(value.data() + at, &word, sizeof word);
  }
}

}  // namespace

void swap_numbers(MutableByteSpan value, unsigned unit) {
  if (unit == 2) swap_words<std::uint16_t>(value);
  if (unit == 4) swap_words<std::uint32_t>(value);
  if (unit == 8) swap_words<std::uint64_t>(value);
}

}  // namespace latent::dicom::scanner
