// Turning the numbers of a value from one byte order into the other (PS3.5 7.3).
#pragma once

#include <algorithm>
#include <array>

#include "security/base/bytes.h"

namespace latent::dicom::scanner {

/// Reverses each group of `unit` bytes (1, 2, 4 or 8; model::swap_unit). A rest shorter than a unit
/// stays as it came: nobody can say what it means.
void swap_numbers(MutableByteSpan value, unsigned unit);

/// The same for a value that arrives in pieces: a number may be cut between two of them.
class NumberStream {
 public:
  void begin(unsigned unit) {
    unit_ = unit;
    carried_ = 0;
  }

  /// Calls `out(ByteSpan)` with swapped pieces of whole numbers.
  template <class Out>
  void add(ByteSpan piece, Out&& out) {
    if (unit_ <= 1) return out(piece);
    while (!piece.empty()) {
      const std::size_t now = std::min(piece.size(), block_.size() - carried_);
      std::copy_n(piece.begin(), now, block_.begin() + static_cast<std::ptrdiff_t>(carried_));
      piece = piece.subspan(now);
      carried_ += now;
      const std::size_t whole = carried_ - carried_ % unit_;
      const MutableByteSpan ready = MutableByteSpan(block_).first(whole);
      swap_numbers(ready, unit_);
      if (whole > 0) out(ByteSpan(ready));
      std::copy(block_.begin() + static_cast<std::ptrdiff_t>(whole),
                block_.begin() + static_cast<std::ptrdiff_t>(carried_), block_.begin());
      carried_ -= whole;
    }
  }
  /// The rest that is shorter than a number, unchanged.
  template <class Out>
  void end(Out&& out) {
    if (carried_ > 0) out(ByteSpan(block_).first(carried_));
    carried_ = 0;
  }

 private:
  unsigned unit_ = 1;
  std::size_t carried_ = 0;
  std::array<std::byte, 4096> block_{};
};

}  // namespace latent::dicom::scanner
