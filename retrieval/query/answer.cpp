#include "retrieval/query/answer.h"

#include <algorithm>
#include <charconv>
#include <map>

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

void collect_texts(const Answer& answer, std::vector<std::string>& texts) {
  for (const AnswerAttribute& attribute : answer.attributes) {
    texts.insert(texts.end(), attribute.values.begin(), attribute.values.end());
    for (const auto& item : attribute.items)
      for (const AnswerAttribute& inner : item)
        texts.insert(texts.end(), inner.values.begin(), inner.values.end());
  }
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
  std::vector<std::string> texts;
  collect_texts(answer, texts);
  const text::CharacterSet set = text::choose_reply_character_set(texts);

  std::map<Tag, AnswerAttribute> all;
  for (const AnswerAttribute& attribute : answer.attributes) all.emplace(attribute.tag, attribute);
  const auto add = [&all](Tag tag, Vr vr, std::string value) {
    all[tag] = {.tag = tag, .vr = vr, .values = {std::move(value)}};
  };
  if (!set.term().empty()) add(tags::kSpecificCharacterSet, vrs::kCS, set.term());
  add(tags::kQueryRetrieveLevel, vrs::kCS, std::string(storage::catalog::name_of(query.level)));
  if (!extras.retrieve_ae_title.empty())
    add(tags::kRetrieveAeTitle, vrs::kAE, extras.retrieve_ae_title);
  if (asks_for(query, tags::kInstanceAvailability))
    add(tags::kInstanceAvailability, vrs::kCS, extras.instance_availability);

  Bytes bytes;
  ElementWriter writer(syntax->encoding, bytes);
  for (const auto& [tag, attribute] : all) write_attribute(writer, attribute, set);
  return bytes;
}

}  // namespace latent::retrieval::query
