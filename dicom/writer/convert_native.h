// Rewrites a data set from one native transfer syntax into another while its bytes stream by, for a
// requester that takes another one than the object has. Pixels and all other values stay what they
// are; only headers, byte order and packing change.
//
// What a rewrite cannot keep, and says in notes(): group lengths (retired, dropped), odd lengths
// (padded), bytes behind the data set (dropped), the lengths of sequences (delimited instead).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "dicom/scanner/element_reader.h"
#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::dicom::writer {

/// Holds nothing of the object itself; but a deflated source may unpack to 1,032 times the piece
/// given (PS3.5 A.5), so feed it in small ones (4 KiB make at most 4 MiB of `out`). Not thread
/// safe.
class NativeConverter {
 public:
  /// Transfer Syntax UIDs, both native (PS3.5 A.1, A.2, A.3, A.5).
  NativeConverter(std::string_view from, std::string_view to, const Limits& limits);
  ~NativeConverter();
  NativeConverter(NativeConverter&&) noexcept;

  /// Appends to `out` what `bytes` complete. Errors: refused when a syntax is not native or the
  /// object holds encapsulated pixels; else as scanner::ElementReader. After an error `out` is
  /// void.
  Result<void> feed(ByteSpan bytes, Bytes& out);
  Result<void> finish(Bytes& out);

  /// What was lost, or could not be converted; filled by finish().
  const std::vector<scanner::Note>& notes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace latent::dicom::writer
