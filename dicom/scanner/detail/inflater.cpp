#include "dicom/scanner/detail/inflater.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace latent::dicom::scanner::detail {
namespace {

int window_bits(Inflater::Wrapping wrapping) {
  switch (wrapping) {
    case Inflater::Wrapping::zlib:
      return MAX_WBITS;
    case Inflater::Wrapping::gzip:
      return MAX_WBITS + 16;
    case Inflater::Wrapping::raw:
      break;
  }
  return -MAX_WBITS;
}

}  // namespace

struct Inflater::State {
  z_stream stream{};
  bool usable = false;
  bool ended = false;
  std::uint64_t surplus_bytes = 0;
  std::array<std::byte, 64u << 10> unpacked;

  ~State() {
    if (usable) inflateEnd(&stream);
  }
};

Inflater::Wrapping Inflater::wrapping_of(ByteSpan first_two) {
  const unsigned first = std::to_integer<unsigned>(first_two[0]);
  const unsigned second = std::to_integer<unsigned>(first_two[1]);
  if (first == 0x1F && second == 0x8B) return Wrapping::gzip;  // RFC 1952 2.3.1
  // RFC 1950 2.2: method 8, window 32 KiB, the pair divisible by 31. Read as raw deflate, 0x78
  // would begin a stored block of at least 14 KiB, which no compressor emits for text-like headers.
  if (first == 0x78 && (first << 8 | second) % 31 == 0) return Wrapping::zlib;
  return Wrapping::raw;
}

Inflater::Inflater(Wrapping wrapping) : state_(std::make_unique<State>()) {
  state_->usable = inflateInit2(&state_->stream, window_bits(wrapping)) == Z_OK;
}
Inflater::~Inflater() = default;

bool Inflater::ended() const { return state_->ended; }
std::uint64_t Inflater::surplus_bytes() const { return state_->surplus_bytes; }

Result<void> Inflater::feed(ByteSpan packed, const std::function<Result<void>(ByteSpan)>& out) {
  State& s = *state_;
  if (!s.usable)
    return fail(ErrorCode::exhausted, "no memory to unpack a deflated data set", "scanner");
  while (!packed.empty() && !s.ended) {
    const std::size_t take = std::min<std::size_t>(packed.size(), std::numeric_limits<uInt>::max());
    // zlib's interface lacks const; it does not write to its input.
    s.stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
    s.stream.avail_in = static_cast<uInt>(take);
    do {
      s.stream.next_out = reinterpret_cast<Bytef*>(s.unpacked.data());
      s.stream.avail_out = static_cast<uInt>(s.unpacked.size());
      const int status = inflate(&s.stream, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        return fail(ErrorCode::invalid_input,
                    "the data set says it is deflated (PS3.5 A.5) but its bytes do not unpack",
                    "scanner");
      const std::size_t made = s.unpacked.size() - s.stream.avail_out;
      if (made > 0) LATENT_TRY_VOID(out(ByteSpan(s.unpacked).first(made)));
      s.ended = status == Z_STREAM_END;
    } while (!s.ended && s.stream.avail_out == 0);
    packed = packed.subspan(take - s.stream.avail_in);
  }
  s.surplus_bytes += packed.size();
  return {};
}

}  // namespace latent::dicom::scanner::detail
