// "Keyword=value" texts as a Query.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "dicom/model/dictionary.h"
#include "retrieval/query/query.h"

namespace latent::retrieval::query {
namespace {

namespace vrs = dicom::model::vrs;
using storage::catalog::Attribute;

Result<Tag> tag_of(std::string_view name) {
  if (const auto known = dicom::model::find_keyword(name)) return *known;
  std::uint32_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [behind, error] = std::from_chars(name.data(), end, number, 16);
  if (name.size() == 8 && error == std::errc() && behind == end) return Tag::from(number);
  return fail(
      ErrorCode::invalid_input,
      fmt::format("\"{}\" is neither a DICOM keyword nor a tag of 8 hexadecimal digits", name),
      "query");
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t at = text.find_first_of(separators);
    if (at != 0) parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  }
  return parts;
}

Result<Key> key_of(std::string_view parameter) {
  const std::size_t equals = parameter.find('=');
  const std::string_view name = parameter.substr(0, equals);
  const std::size_t dot = name.find('.');
  Key key;
  if (dot != std::string_view::npos) {
    LATENT_TRY(key.sequence, tag_of(name.substr(0, dot)));
    LATENT_TRY(key.tag, tag_of(name.substr(dot + 1)));
  } else {
    LATENT_TRY(key.tag, tag_of(name));
  }
  if (equals == std::string_view::npos) return key;
  // A comma divides UIDs as QIDO does; in other values it is text.
  const auto known = dicom::model::find(key.tag);
  const bool is_uid = known && known->vr == vrs::kUI;
  key.values = split(parameter.substr(equals + 1), is_uid ? "\\," : "\\");
  return key;
}

/// What a person wants to see of a match: the level's own attributes and who and when it was.
bool is_usual(const Attribute& attribute, Level level) {
  if (attribute.level == level) return true;
  return attribute.level < level &&
         (attribute.level == Level::patient || attribute.vr == vrs::kUI) &&
         attribute.kind != storage::catalog::Kind::integer;
}

}  // namespace

Result<Query> parse_parameters(Level level, const std::vector<std::string>& parameters) {
  Query query;
  query.level = level;
  query.root = Root::patient;
  query.options.relational = true;
  for (const std::string& parameter : parameters) {
    LATENT_TRY(auto key, key_of(parameter));
    query.keys.push_back(std::move(key));
  }
  for (const Attribute& attribute : storage::catalog::attributes()) {
    if (!is_usual(attribute, level)) continue;
    const bool is_there = std::ranges::any_of(
        query.keys, [&](const Key& key) { return key.tag == attribute.tag && !key.sequence; });
    if (!is_there) query.keys.emplace_back().tag = attribute.tag;
  }
  std::ranges::stable_sort(query.keys, {}, [](const Key& key) {
    return std::pair(key.sequence.value_or(key.tag), key.sequence ? key.tag : Tag{});
  });
  return query;
}

}  // namespace latent::retrieval::query
