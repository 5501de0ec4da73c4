#include "server/dimse/detail/identifier.h"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <optional>

#include "dicom/model/tag.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/scanner/element_reader.h"
#include "dicom/text/character_set.h"
#include "dicom/writer/element_writer.h"

namespace latent::server::dimse {

namespace model = dicom::model;
namespace tags = dicom::model::tags;
using dicom::scanner::ElementHead;
using retrieval::instances::Selection;

namespace {

/// Keeps the values of a few top-level elements. What they may hold together is bounded by the
/// length of the identifier.
class KeySink final : public dicom::scanner::ElementSink {
 public:
  void on_element(const ElementHead& head) override {
    current_ = nullptr;
    if (head.depth != 0 || !is_wanted(head.tag)) return;
    const auto [entry, is_new] = values_.try_emplace(head.tag);
    if (!is_new && !twice_) twice_ = head.tag;
    current_ = &entry->second;
  }
  void on_value(ByteSpan piece) override {
    if (current_ != nullptr) current_->append(as_text(piece));
  }
  void on_element_end() override { current_ = nullptr; }
  void on_sequence(const ElementHead&) override { current_ = nullptr; }
  void on_item(const ElementHead&) override {}
  void on_item_end() override {}
  void on_sequence_end() override {}
  void on_fragments(const ElementHead&) override { current_ = nullptr; }
  void on_fragment(const ElementHead&) override {}
  void on_fragment_end() override {}
  void on_fragments_end() override {}

  /// Without padding; empty when absent or empty.
  std::string_view value(model::Tag tag) const {
    const auto found = values_.find(tag);
    if (found == values_.end()) return {};
    return trim(found->second);
  }
  /// A key that stands more than once (PS3.5 7.1 forbids it): which of them is meant?
  const std::optional<model::Tag>& twice() const { return twice_; }
  static std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    return text;
  }

 private:
  static bool is_wanted(model::Tag tag) {
    constexpr model::Tag kWanted[] = {tags::kSpecificCharacterSet, tags::kSopInstanceUid,
                                      tags::kQueryRetrieveLevel,   tags::kPatientId,
                                      tags::kStudyInstanceUid,     tags::kSeriesInstanceUid};
    return std::find(std::begin(kWanted), std::end(kWanted), tag) != std::end(kWanted);
  }

  std::map<model::Tag, std::string> values_;
  std::optional<model::Tag> twice_;
  std::string* current_ = nullptr;
};

Error malformed(std::string text) {
  return make_error(ErrorCode::invalid_input, std::move(text), "dimse");
}

/// A list of UIDs (PS3.4 C.2.2.2.2). Errors: invalid_input.
template <class Uid>
Result<std::vector<Uid>> uids(const KeySink& keys, model::Tag tag) {
  std::vector<Uid> list;
  std::string_view rest = keys.value(tag);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\\'), rest.size());
    const std::string_view one = KeySink::trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (one.empty()) continue;
    const auto uid = Uid::parse(one);
    if (!uid) return fail(malformed(model::to_string(tag) + " holds something that is no UID"));
    list.push_back(*uid);
  }
  return list;
}

enum class Level { patient, study, series, image };

std::optional<Level> parse_level(std::string_view text) {
  if (text == "PATIENT") return Level::patient;
  if (text == "STUDY") return Level::study;
  if (text == "SERIES") return Level::series;
  if (text == "IMAGE") return Level::image;
  return std::nullopt;
}

std::optional<std::string> patient_id(const KeySink& keys, std::string_view assumed) {
  const auto set =
      dicom::text::CharacterSet::parse(keys.value(tags::kSpecificCharacterSet), assumed);
  auto decoded = dicom::text::decode(keys.value(tags::kPatientId), set, dicom::text::Kind::values);
  const std::string_view text = KeySink::trim(decoded.text);
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

}  // namespace

void IdentifierCollector::add(ByteSpan bytes) {
  if (too_long_ || bytes.size() > bytes_max_ - bytes_.size()) {
    too_long_ = true;
    bytes_ = {};
    return;
  }
  append(bytes_, bytes);
}

Result<Bytes> IdentifierCollector::take() {
  if (too_long_) {
    return fail(
        malformed("the identifier is longer than " + std::to_string(bytes_max_) + " bytes"));
  }
  return std::exchange(bytes_, {});
}

Result<RetrieveIdentifier> parse_retrieve_identifier(ByteSpan identifier,
                                                     std::string_view transfer_syntax, Root root,
                                                     std::string_view assumed_character_set,
                                                     const Limits& limits) {
  KeySink keys;
  Limits tighter = limits;
  tighter.inflated_bytes_max = limits.identifier_bytes_max;
  dicom::scanner::ElementReader reader(model::assumed_encoding(transfer_syntax), tighter, keys);
  const auto read = [&]() -> Result<void> {
    LATENT_TRY_VOID(reader.feed(identifier));
    return reader.finish();
  }();
  if (!read) return fail(malformed(read.error().text));
  if (keys.twice()) {
    return fail(malformed("the key " + model::to_string(*keys.twice()) + " stands more than once"));
  }

  RetrieveIdentifier parsed;
  parsed.level = keys.value(tags::kQueryRetrieveLevel);
  const auto level = parse_level(parsed.level);
  if (!level) return fail(malformed("(0008,0052) is missing or no level of query and retrieve"));
  Selection& selection = parsed.selection;

  if (root == Root::patient || *level == Level::patient) {
    selection.patient_id = patient_id(keys, assumed_character_set);
  }
  if (*level == Level::patient && root == Root::study) {
    parsed.habits.push_back("level PATIENT in the Study Root model");
  }
  if (*level >= Level::study) {
    LATENT_TRY(selection.studies, uids<StudyUid>(keys, tags::kStudyInstanceUid));
  }
  if (*level >= Level::series) {
    LATENT_TRY(selection.series, uids<SeriesUid>(keys, tags::kSeriesInstanceUid));
    if (selection.studies.empty()) parsed.habits.push_back("level below STUDY without its UID");
  }
  if (*level == Level::image) {
    LATENT_TRY(selection.instances, uids<InstanceUid>(keys, tags::kSopInstanceUid));
    if (selection.series.empty()) parsed.habits.push_back("level IMAGE without UID of the series");
  }
  const bool has_own_key = (*level == Level::patient && selection.patient_id) ||
                           (*level == Level::study && !selection.studies.empty()) ||
                           (*level == Level::series && !selection.series.empty()) ||
                           (*level == Level::image && !selection.instances.empty());
  if (!has_own_key)
    return fail(malformed("the unique key of level " + parsed.level + " is missing"));
  return parsed;
}

Result<Bytes> encode_failed_list(std::span<const InstanceUid> failed,
                                 std::string_view transfer_syntax) {
  std::string list;
  for (const InstanceUid& uid : failed) {
    if (!list.empty()) list += '\\';
    list += uid.text();
  }
  Bytes data_set;
  dicom::writer::ElementWriter writer(model::assumed_encoding(transfer_syntax), data_set);
  writer.text(tags::kFailedSopInstanceUidList, model::vrs::kUI, list);
  return pack_for_syntax(std::move(data_set), transfer_syntax);
}

Result<Bytes> pack_for_syntax(Bytes data_set, std::string_view transfer_syntax) {
  if (model::assumed_encoding(transfer_syntax) != model::Encoding::deflated_explicit_little) {
    return data_set;
  }
  z_stream stream{};
  constexpr int kRawDeflate = -MAX_WBITS;  // no zlib header, PS3.5 A.5
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawDeflate, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorCode::internal, "zlib cannot start", "dimse");
  }
  Bytes packed(deflateBound(&stream, data_set.size()));
  stream.next_in = reinterpret_cast<Bytef*>(data_set.data());
  stream.avail_in = static_cast<uInt>(data_set.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return fail(ErrorCode::internal, "zlib failed", "dimse");
  if (packed.size() % 2 != 0) packed.push_back(std::byte{0});  // even length, PS3.5 A.5
  return packed;
}

}  // namespace latent::server::dimse
