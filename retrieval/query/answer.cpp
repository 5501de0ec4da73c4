#include "retrieval/query/answer.h"

#include <algorithm>
#include <charconv>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/text/character_set.h"
#include "dicom/writer/element_writer.h"

namespace latent::retrieval::query {
namespace {

namespace model = dicom::model;
namespace tags = model::tags;
namespace text = dicom::text;
namespace vrs = model::vrs;
using dicom::writer::ElementWriter;

std::string joined(const std::vector<std::string>& values) {
  std::string all;
  for (const std::string& value : values) {
    if (&value != &values.front()) all += '\\';
    all += value;
  }
  return all;
}

template <class Visit>
void for_each_text(const Answer& answer, const Visit& visit) {
  for (const AnswerAttribute& attribute : answer.attributes) {
    for (const std::string& value : attribute.values) visit(value);
    for (const auto& item : attribute.items)
      for (const AnswerAttribute& inner : item)
        for (const std::string& value : inner.values) visit(value);
  }
}

/// The repertoire that can hold all values: none of its own when they are ASCII, as nearly always.
text::CharacterSet character_set_for(const Answer& answer) {
  bool is_ascii = true;
  for_each_text(answer, [&](const std::string& value) {
    is_ascii = is_ascii && std::ranges::none_of(value, [](char c) { return (c & 0x80) != 0; });
  });
  if (is_ascii) return {};
  std::vector<std::string> texts;
  for_each_text(answer, [&](const std::string& value) { texts.push_back(value); });
  return text::choose_reply_character_set(texts);
}

Bytes unsigned_shorts(const std::vector<std::string>& values) {
  Bytes bytes;
  for (const std::string& value : values) {
    std::uint16_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    append_le(bytes, number);
  }
  return bytes;
}

void write_value(ElementWriter& writer, const AnswerAttribute& attribute,
                 const text::CharacterSet& set) {
  if (attribute.vr == vrs::kUS)
    return writer.element(attribute.tag, attribute.vr, unsigned_shorts(attribute.values));
  if (set.term().empty() && attribute.values.size() == 1)
    return writer.text(attribute.tag, attribute.vr, attribute.values.front());
  const std::string value = joined(attribute.values);
  // What a code string or date holds beyond ASCII was wrong when it came; it goes back as text.
  writer.text(attribute.tag, attribute.vr, text::encode(value, set).value_or(value));
}

void write_attribute(ElementWriter& writer, const AnswerAttribute& attribute,
                     const text::CharacterSet& set) {
  if (attribute.vr != vrs::kSQ) return write_value(writer, attribute, set);
  writer.begin_sequence(attribute.tag);
  for (const auto& item : attribute.items) {
    writer.begin_item();
    for (const AnswerAttribute& inner : item) write_value(writer, inner, set);
    writer.end_item();
  }
  writer.end_sequence();
}

bool asks_for(const Query& query, Tag tag) {
  return std::ranges::any_of(query.keys,
                             [tag](const Key& key) { return key.tag == tag && !key.sequence; });
}

}  // namespace

const AnswerAttribute* Answer::find(Tag tag) const {
  const auto found = std::ranges::find(attributes, tag, &AnswerAttribute::tag);
  return found == attributes.end() ? nullptr : &*found;
}

Result<Bytes> encode_answer(const Answer& answer, const Query& query, const AnswerExtras& extras,
                            std::string_view transfer_syntax) {
  const auto* syntax = model::find_transfer_syntax(transfer_syntax);
  if (syntax == nullptr || syntax->encapsulated)
    return fail(ErrorCode::invalid_input,
                "answers cannot be written in transfer syntax " + std::string(transfer_syntax),
                "query");
  const text::CharacterSet set = character_set_for(answer);

  std::vector<AnswerAttribute> added;
  const auto add = [&added](Tag tag, Vr vr, std::string value) {
    added.push_back({.tag = tag, .vr = vr, .values = {std::move(value)}});
  };
  if (!set.term().empty()) add(tags::kSpecificCharacterSet, vrs::kCS, set.term());
  add(tags::kQueryRetrieveLevel, vrs::kCS, std::string(storage::catalog::name_of(query.level)));
  if (!extras.retrieve_ae_title.empty())
    add(tags::kRetrieveAeTitle, vrs::kAE, extras.retrieve_ae_title);
  if (asks_for(query, tags::kInstanceAvailability))
    add(tags::kInstanceAvailability, vrs::kCS, extras.instance_availability);

  // What the face says stands before what the catalog says of the same tag, and replaces it.
  std::vector<const AnswerAttribute*> all;
  all.reserve(added.size() + answer.attributes.size());
  for (const AnswerAttribute& attribute : added) all.push_back(&attribute);
  for (const AnswerAttribute& attribute : answer.attributes) all.push_back(&attribute);
  const auto tag_of = [](const AnswerAttribute* attribute) { return attribute->tag; };
  std::ranges::stable_sort(all, {}, tag_of);
  const auto replaced = std::ranges::unique(all, {}, tag_of);
  all.erase(replaced.begin(), replaced.end());

  Bytes bytes;
  ElementWriter writer(syntax->encoding, bytes);
  for (const AnswerAttribute* attribute : all) write_attribute(writer, *attribute, set);
  return bytes;
}

}  // namespace latent::retrieval::query
