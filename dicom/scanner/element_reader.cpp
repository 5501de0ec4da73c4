#include "dicom/scanner/element_reader.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "dicom/scanner/detail/element_parser.h"
#include "dicom/scanner/detail/inflater.h"

namespace latent::dicom::scanner {

using detail::ElementParser;
using detail::Inflater;

struct ElementReader::State {
  State(model::Encoding encoding, const Limits& bounds, ElementSink& sink, UnValues un_values)
      : limits(bounds),
        packed(encoding == model::Encoding::deflated_explicit_little),
        parser(detail::syntax_of(encoding), un_values, bounds, sink) {}

  Result<void> feed_packed(ByteSpan bytes);
  Result<void> choose(ByteSpan first);
  Result<void> unpack(ByteSpan bytes);

  const Limits limits;
  bool packed;  ///< said to be deflated, and not yet seen to be otherwise
  std::optional<Inflater> inflater;
  std::array<std::byte, detail::kHeadBytesMin> first{};
  std::size_t first_bytes = 0;
  ElementParser parser;
  std::optional<Error> failure;
};

/// Collects the first bytes of a deflated data set until they show what was really sent.
Result<void> ElementReader::State::feed_packed(ByteSpan bytes) {
  if (inflater) return unpack(bytes);
  while (!bytes.empty() && first_bytes < first.size()) {
    first[first_bytes++] = bytes.front();
    bytes = bytes.subspan(1);
  }
  if (first_bytes < first.size()) return {};
  LATENT_TRY_VOID(choose(first));
  return inflater ? unpack(bytes) : parser.consume(bytes);
}

Result<void> ElementReader::State::choose(ByteSpan begin) {
  if (begin.size() >= detail::kHeadBytesMin && detail::is_certain_head(begin, {})) {
    parser.note({}, 0, "declared deflated, written plain");
    packed = false;
    return parser.consume(begin);
  }
  const auto wrapping = begin.size() >= 2 ? Inflater::wrapping_of(begin) : Inflater::Wrapping::raw;
  if (wrapping != Inflater::Wrapping::raw)
    parser.note({}, 0, "deflate stream wrapped in a zlib or gzip header");
  inflater.emplace(wrapping);
  return unpack(begin);
}

Result<void> ElementReader::State::unpack(ByteSpan bytes) {
  return inflater->feed(bytes, [this](ByteSpan piece) -> Result<void> {
    if (piece.size() > limits.inflated_bytes_max - parser.offset())
      return fail(ErrorCode::exhausted,
                  fmt::format("the data set unpacks to more than inflated_bytes_max, {} bytes",
                              limits.inflated_bytes_max),
                  "scanner");
    return parser.consume(piece);
  });
}

ElementReader::ElementReader(model::Encoding encoding, const Limits& limits, ElementSink& sink,
                             UnValues un_values)
    : state_(std::make_unique<State>(encoding, limits, sink, un_values)) {}
ElementReader::~ElementReader() = default;

Result<void> ElementReader::feed(ByteSpan bytes) {
  if (state_->failure) return fail(*state_->failure);
  Result<void> done = state_->packed ? state_->feed_packed(bytes) : state_->parser.consume(bytes);
  if (!done) state_->failure = done.error();
  return done;
}

Result<void> ElementReader::finish() {
  State& s = *state_;
  if (s.failure) return fail(*s.failure);
  if (s.packed && !s.inflater && s.first_bytes > 0)
    LATENT_TRY_VOID(s.choose(ByteSpan(s.first).first(s.first_bytes)));
  if (s.inflater) {
    if (!s.inflater->ended())
      return fail(ErrorCode::invalid_input, "cut: the deflated data set has no end", "scanner");
    // PS3.5 A.5: one NUL makes the length even.
    if (s.inflater->surplus_bytes() > 1)
      s.parser.note({}, s.parser.offset(), "trailing bytes after the data set");
  }
  return s.parser.finish();
}

std::uint64_t ElementReader::bytes_read() const { return state_->parser.offset(); }
const std::vector<Note>& ElementReader::notes() const { return state_->parser.notes(); }

}  // namespace latent::dicom::scanner
