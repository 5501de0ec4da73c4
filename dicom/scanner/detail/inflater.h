// Unpacks a deflated data set (PS3.5 A.5) piece by piece in constant memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "security/base/bytes.h"
#include "security/base/result.h"

namespace latent::dicom::scanner::detail {

class Inflater {
 public:
  /// What the first bytes show: PS3.5 A.5 asks for a raw stream; others wrap it, or lie.
  enum class Wrapping { raw, zlib, gzip };
  static Wrapping wrapping_of(ByteSpan first_two);

  explicit Inflater(Wrapping wrapping);
  ~Inflater();

  /// Hands unpacked pieces (at most 64 KiB each) to `out`. Errors: invalid_input (not deflate),
  /// or what `out` returned. Bytes behind the end of the stream are counted, not unpacked.
  Result<void> feed(ByteSpan packed, const std::function<Result<void>(ByteSpan)>& out);
  bool ended() const;                   ///< the stream's own end was seen
  std::uint64_t surplus_bytes() const;  ///< that came behind it

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace latent::dicom::scanner::detail
