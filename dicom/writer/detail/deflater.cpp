#include "dicom/writer/detail/deflater.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace latent::dicom::writer::detail {

struct Deflater::State {
  z_stream stream{};
  bool usable = false;
  std::uint64_t packed_bytes = 0;
  std::array<std::byte, 32u << 10> packed;

  ~State() {
    if (usable) deflateEnd(&stream);
  }
};

Deflater::Deflater() : state_(std::make_unique<State>()) {
  constexpr int kMemoryLevel = 8;  // zlib's own default
  state_->usable = deflateInit2(&state_->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS,
                                kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
}
Deflater::~Deflater() = default;

Result<void> Deflater::run(ByteSpan plain, int flush, Bytes& out) {
  State& s = *state_;
  if (!s.usable) return fail(ErrorCode::exhausted, "no memory to deflate a data set", "writer");
  do {
    const std::size_t take = std::min<std::size_t>(plain.size(), std::numeric_limits<uInt>::max());
    // zlib's interface lacks const; it does not write to its input.
    s.stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(plain.data()));
    s.stream.avail_in = static_cast<uInt>(take);
    do {
      s.stream.next_out = reinterpret_cast<Bytef*>(s.packed.data());
      s.stream.avail_out = static_cast<uInt>(s.packed.size());
      // Cannot fail on an initialised stream; Z_BUF_ERROR only says that there was nothing to do.
      deflate(&s.stream, flush);
      const std::size_t made = s.packed.size() - s.stream.avail_out;
      append(out, ByteSpan(s.packed).first(made));
      s.packed_bytes += made;
    } while (s.stream.avail_out == 0);
    plain = plain.subspan(take);
  } while (!plain.empty());
  return {};
}

Result<void> Deflater::feed(ByteSpan plain, Bytes& out) {
  return plain.empty() ? Result<void>() : run(plain, Z_NO_FLUSH, out);
}

Result<void> Deflater::finish(Bytes& out) {
  LATENT_TRY_VOID(run({}, Z_FINISH, out));
  if (state_->packed_bytes % 2 != 0) out.push_back(std::byte{0});
  return {};
}

}  // namespace latent::dicom::writer::detail
