#include "dicom/writer/convert_native.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "dicom/writer/detail/deflater.h"
#include "dicom/writer/detail/native_sink.h"

namespace latent::dicom::writer {
namespace {

bool is_native(std::string_view uid) {
  const auto* syntax = model::find_transfer_syntax(uid);
  return syntax && syntax->is_native();
}

}  // namespace

struct NativeConverter::State {
  State(std::string_view from, std::string_view to, const Limits& limits)
      : sink(form_of(model::assumed_encoding(to))),
        reader(model::assumed_encoding(from), limits, sink) {
    if (!is_native(from) || !is_native(to))
      refusal = fmt::format("transfer syntax {} is not a native one",
                            is_native(from) ? std::string_view("asked for") : "of the object");
    if (model::assumed_encoding(to) == model::Encoding::deflated_explicit_little)
      deflater.emplace();
  }

  /// What the sink wrote goes on, packed if need be; the plain buffer is used again.
  Result<void> pass_on(Bytes& out) {
    if (sink.met_fragments())
      return fail(ErrorCode::refused,
                  "the object holds encapsulated pixels, which no native transfer syntax carries",
                  "writer");
    if (!deflater) return {};
    LATENT_TRY_VOID(deflater->feed(plain, out));
    plain.clear();
    return {};
  }

  detail::NativeSink sink;
  scanner::ElementReader reader;
  std::optional<detail::Deflater> deflater;
  std::optional<std::string> refusal;
  Bytes plain;  ///< what is to be deflated
  std::vector<scanner::Note> notes;
};

NativeConverter::NativeConverter(std::string_view from, std::string_view to, const Limits& limits)
    : state_(std::make_unique<State>(from, to, limits)) {}
NativeConverter::~NativeConverter() = default;
NativeConverter::NativeConverter(NativeConverter&&) noexcept = default;

Result<void> NativeConverter::feed(ByteSpan bytes, Bytes& out) {
  State& s = *state_;
  if (s.refusal) return fail(ErrorCode::refused, *s.refusal, "writer");
  s.sink.set_out(s.deflater ? s.plain : out);
  LATENT_TRY_VOID(s.reader.feed(bytes));
  return s.pass_on(out);
}

Result<void> NativeConverter::finish(Bytes& out) {
  State& s = *state_;
  if (s.refusal) return fail(ErrorCode::refused, *s.refusal, "writer");
  s.sink.set_out(s.deflater ? s.plain : out);
  LATENT_TRY_VOID(s.reader.finish());
  LATENT_TRY_VOID(s.pass_on(out));
  if (s.deflater) LATENT_TRY_VOID(s.deflater->finish(out));
  s.notes = s.reader.notes();
  s.notes.insert(s.notes.end(), s.sink.notes().begin(), s.sink.notes().end());
  return {};
}

const std::vector<scanner::Note>& NativeConverter::notes() const { return state_->notes; }

}  // namespace latent::dicom::writer
