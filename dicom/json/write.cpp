#include "dicom/json/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dicom/json/detail/values.h"

namespace latent::dicom::json {
namespace {

using model::Vr;
namespace tags = model::tags;
namespace vrs = model::vrs;

constexpr std::size_t kPieceBytes = 16u << 10;

bool is_binary(Vr vr) {
  return vr == vrs::kOB || vr == vrs::kOD || vr == vrs::kOF || vr == vrs::kOL || vr == vrs::kOV ||
         vr == vrs::kOW || vr == vrs::kUN || !model::is_known(vr);
}

}  // namespace

Writer::Writer(Options options, Output output)
    : options_(std::move(options)), output_(std::move(output)) {
  levels_.push_back(
      {.character_set = text::CharacterSet::parse({}, options_.assumed_character_set)});
  pending_ = "{";
}

void Writer::finish() {
  pending_ += '}';
  flush(1);
}

void Writer::flush(std::size_t bytes_min) {
  if (pending_.size() < bytes_min) return;
  output_(pending_);
  pending_.clear();
}

/// Leaves the attribute's object open behind the VR.
void Writer::open_attribute(model::Tag tag, Vr vr) {
  Level& level = levels_.back();
  if (!std::exchange(level.is_empty, false)) pending_ += ',';
  const Vr written = model::is_known(vr) ? vr : vrs::kUN;
  pending_ += fmt::format(R"("{:08X}":{{"vr":"{}")", tag.value(),
                          std::string_view(model::text_of(written)));
}

void Writer::write_bulk(const scanner::ElementHead& head) {
  open_attribute(head.tag, head.vr);
  if (const std::string uri = options_.bulk_data_uri ? options_.bulk_data_uri(head) : "";
      !uri.empty()) {
    pending_ += R"(,"BulkDataURI":)";
    detail::append_string(pending_, uri);
  }
  pending_ += '}';
  flush(kPieceBytes);
}

void Writer::on_element(const scanner::ElementHead& head) {
  head_ = head;
  value_.clear();
  take_ = Take::pass;
  if (head.tag.is_group_length()) return;
  const std::uint32_t held_max =
      is_binary(head.vr) ? options_.inline_binary_bytes_max : options_.value_bytes_max;
  if (head.length > held_max) {
    write_bulk(head);
  } else {
    take_ = Take::hold;
  }
}

void Writer::on_value(ByteSpan piece) {
  if (take_ == Take::hold) append(value_, piece);
}

void Writer::on_element_end() {
  if (take_ != Take::hold) return;
  take_ = Take::pass;
  open_attribute(head_.tag, head_.vr);
  text::CharacterSet& character_set = levels_.back().character_set;
  if (head_.tag == tags::kSpecificCharacterSet) {
    character_set = text::CharacterSet::parse(as_text(value_), options_.assumed_character_set);
    if (!value_.empty()) pending_ += R"(,"Value":["ISO_IR 192"])";
  } else if (is_binary(head_.vr)) {
    detail::append_inline_binary(pending_, head_, value_);
  } else {
    detail::append_value(pending_, head_, value_, character_set);
  }
  pending_ += '}';
  flush(kPieceBytes);
}

void Writer::on_sequence(const scanner::ElementHead& head) {
  open_attribute(head.tag, vrs::kSQ);
  levels_.back().items = 0;
}

void Writer::on_item(const scanner::ElementHead&) {
  Level& around = levels_.back();
  pending_ += around.items++ == 0 ? R"(,"Value":[{)" : ",{";
  levels_.push_back({.character_set = around.character_set});
}

void Writer::on_item_end() {
  levels_.pop_back();
  pending_ += '}';
  flush(kPieceBytes);
}

void Writer::on_sequence_end() { pending_ += levels_.back().items == 0 ? "}" : "]}"; }

void Writer::on_fragments(const scanner::ElementHead& head) {
  take_ = Take::pass;
  write_bulk(head);
}

void Writer::on_fragment(const scanner::ElementHead&) {}
void Writer::on_fragment_end() {}
void Writer::on_fragments_end() {}

Result<std::string> to_json(ByteSpan data_set, model::Encoding encoding, const Limits& limits,
                            Options options) {
  std::string json;
  Writer writer(std::move(options), [&](std::string_view piece) { json += piece; });
  scanner::ElementReader reader(encoding, limits, writer);
  LATENT_TRY_VOID(reader.feed(data_set));
  LATENT_TRY_VOID(reader.finish());
  writer.finish();
  return json;
}

}  // namespace latent::dicom::json
