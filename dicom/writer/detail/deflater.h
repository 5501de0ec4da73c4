// Packs a data set as PS3.5 A.5 asks: a raw deflate stream, even in length.
#pragma once

#include <memory>

#include "security/base/bytes.h"
#include "security/base/result.h"

namespace latent::dicom::writer::detail {

class Deflater {
 public:
  Deflater();
  ~Deflater();
  /// Appends packed bytes to `out`. Errors: exhausted (no memory).
  Result<void> feed(ByteSpan plain, Bytes& out);
  Result<void> finish(Bytes& out);

 private:
  struct State;
  Result<void> run(ByteSpan plain, int flush, Bytes& out);
  std::unique_ptr<State> state_;
};

}  // namespace latent::dicom::writer::detail
