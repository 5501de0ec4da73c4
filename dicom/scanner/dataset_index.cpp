#include "dicom/scanner/dataset_index.h"

#include <fmt/format.h>

#include "dicom/scanner/detail/index_sink.h"

namespace latent::dicom::scanner {
namespace {

namespace tags = model::tags;

template <class Uid>
Result<Uid> uid_of(const detail::IndexSink& sink, model::Tag tag, std::string_view name) {
  const auto& text = sink.uid(tag);
  if (!text || text->empty())
    return fail(ErrorCode::invalid_input,
                fmt::format("{} {} is {}", name, model::to_string(tag), text ? "empty" : "missing"),
                "scanner");
  const auto uid = Uid::parse(*text);
  if (!uid)
    return fail(ErrorCode::invalid_input,
                fmt::format("{} {} holds no UID (PS3.5 9.1)", name, model::to_string(tag)),
                "scanner");
  return *uid;
}

}  // namespace

struct DatasetScanner::State {
  State(std::string_view transfer_syntax, const Limits& limits, std::span<const model::Tag> wanted)
      : known(model::find_transfer_syntax(transfer_syntax)),
        sink(limits, wanted),
        reader(model::assumed_encoding(transfer_syntax), limits, sink) {}

  const model::TransferSyntax* known;
  detail::IndexSink sink;
  ElementReader reader;
};

DatasetScanner::DatasetScanner(std::string_view transfer_syntax, const Limits& limits,
                               std::span<const model::Tag> wanted)
    : state_(std::make_unique<State>(transfer_syntax, limits, wanted)) {}
DatasetScanner::~DatasetScanner() = default;
DatasetScanner::DatasetScanner(DatasetScanner&&) noexcept = default;

Result<void> DatasetScanner::feed(ByteSpan bytes) { return state_->reader.feed(bytes); }

Result<std::optional<StudyUid>> DatasetScanner::study() const {
  if (!state_->sink.uid(tags::kStudyInstanceUid)) return std::optional<StudyUid>();
  LATENT_TRY(auto uid,
             uid_of<StudyUid>(state_->sink, tags::kStudyInstanceUid, "Study Instance UID"));
  return std::optional(uid);
}

Result<DatasetIndex> DatasetScanner::finish() {
  State& s = *state_;
  LATENT_TRY_VOID(s.reader.finish());
  LATENT_TRY(auto sop_class, uid_of<SopClassUid>(s.sink, tags::kSopClassUid, "SOP Class UID"));
  LATENT_TRY(auto instance, uid_of<InstanceUid>(s.sink, tags::kSopInstanceUid, "SOP Instance UID"));
  LATENT_TRY(auto study, uid_of<StudyUid>(s.sink, tags::kStudyInstanceUid, "Study Instance UID"));
  LATENT_TRY(auto series,
             uid_of<SeriesUid>(s.sink, tags::kSeriesInstanceUid, "Series Instance UID"));
  DatasetIndex index{.sop_class = sop_class,
                     .sop_instance = instance,
                     .study = study,
                     .series = series,
                     .attributes = {},
                     .sequences = {},
                     .pixels = {},
                     .dataset_bytes = s.reader.bytes_read(),
                     .attribute_set = {},
                     .notes = s.reader.notes()};
  s.sink.deliver(index);
  using Kind = PixelLayout::Kind;
  if (s.known && s.known->encapsulated && index.pixels.kind == Kind::native)
    index.notes.push_back({index.pixels.tag, index.pixels.value_offset,
                           "native pixels under an encapsulated transfer syntax"});
  if (s.known && !s.known->encapsulated && index.pixels.kind == Kind::encapsulated)
    index.notes.push_back({index.pixels.tag, index.pixels.value_offset,
                           "encapsulated pixels under a native transfer syntax"});
  return index;
}

}  // namespace latent::dicom::scanner
