#include "retrieval/query/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dicom/model/dictionary.h"
#include "dicom/text/character_set.h"
#include "retrieval/query/detail/identifier_reader.h"

namespace latent::retrieval::query {
namespace {

namespace tags = dicom::model::tags;
namespace text = dicom::text;
namespace vrs = dicom::model::vrs;
using detail::RawKey;
using storage::catalog::find_attribute;

constexpr std::array kLevels = {Level::patient, Level::study, Level::series, Level::image};

/// The unique key of a level (PS3.4 C.6.1.1.2 to C.6.1.1.5).
Tag unique_key(Level level) {
  switch (level) {
    case Level::patient:
      return tags::kPatientId;
    case Level::study:
      return tags::kStudyInstanceUid;
    case Level::series:
      return tags::kSeriesInstanceUid;
    case Level::image:
      break;
  }
  return tags::kSopInstanceUid;
}

bool has_level(Root root, Level level) {
  switch (root) {
    case Root::patient:
      return true;
    case Root::study:
      return level != Level::patient;
    case Root::patient_study_only:
      return level <= Level::study;
  }
  return false;
}

std::string_view trimmed(std::string_view value) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!value.empty() && is_padding(value.back())) value.remove_suffix(1);
  while (!value.empty() && is_padding(value.front())) value.remove_prefix(1);
  return value;
}

bool is_one_text(Vr vr) { return vr == vrs::kLT || vr == vrs::kST || vr == vrs::kUT; }

/// The VR by which a value is understood: a peer's own idea of a standard tag's VR is ignored.
Vr vr_of(const RawKey& key) {
  const auto known = dicom::model::find(key.tag);
  return known ? known->vr : key.vr;
}

std::vector<std::string> decode(const RawKey& key, const text::CharacterSet& declared) {
  const Vr vr = vr_of(key);
  std::vector<std::string> values;
  if (vr == vrs::kUS) {
    for (std::size_t at = 0; at + 2 <= key.value.size(); at += 2)
      values.push_back(std::to_string(load_le<std::uint16_t>(key.value, at)));
    return values;
  }
  const text::CharacterSet set =
      dicom::model::uses_character_set(vr) ? declared : text::CharacterSet();
  const text::Kind kind = vr == vrs::kPN    ? text::Kind::person_name
                          : is_one_text(vr) ? text::Kind::text
                                            : text::Kind::values;
  std::vector<std::string_view> pieces{as_text(key.value)};
  if (!is_one_text(vr)) pieces = text::split_values(as_text(key.value), set);
  for (const std::string_view piece : pieces)
    values.emplace_back(trimmed(text::decode(piece, set, kind).text));
  // An empty value asks for nothing; among others it would not widen the question to everybody.
  std::erase_if(values, [](const std::string& value) { return value.empty(); });
  return values;
}

const Key* find_key(const Query& query, Tag tag) {
  const auto found = std::ranges::find_if(
      query.keys, [tag](const Key& key) { return key.tag == tag && !key.sequence; });
  return found == query.keys.end() ? nullptr : &*found;
}

/// Names something: "*" does not.
bool has_value(const Query& query, Tag tag) {
  const Key* key = find_key(query, tag);
  return key != nullptr &&
         std::ranges::any_of(key->values, [](const std::string& value) { return value != "*"; });
}

Result<Level> level_of(const std::vector<RawKey>& keys, Root root,
                       std::vector<std::string>& habits) {
  const auto found = std::ranges::find_if(keys, [](const RawKey& key) {
    return key.tag == tags::kQueryRetrieveLevel && !key.sequence;
  });
  if (found == keys.end())
    return fail(ErrorCode::invalid_input, "Query/Retrieve Level (0008,0052) is missing", "query");
  std::string said(trimmed(as_text(found->value)));
  if (std::ranges::any_of(said, [](char c) { return c >= 'a' && c <= 'z'; })) {
    habits.emplace_back("query level in lower case");
    for (char& c : said)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  const auto level = std::ranges::find_if(
      kLevels, [&](Level one) { return storage::catalog::name_of(one) == said; });
  if (level == kLevels.end())
    return fail(ErrorCode::invalid_input,
                "Query/Retrieve Level (0008,0052) is none of PATIENT, STUDY, SERIES, IMAGE",
                "query");
  if (!has_level(root, *level))
    return fail(ErrorCode::invalid_input,
                fmt::format("this information model has no level {} (0008,0052)", said), "query");
  return *level;
}

/// PS3.4 C.4.1.2.1: a hierarchical query names the unique keys of all levels above.
Result<void> check_upper_keys(Query& query) {
  if (query.options.relational) return {};
  bool lower_is_unique = query.level != Level::patient && has_value(query, unique_key(query.level));
  for (std::size_t i = static_cast<std::size_t>(query.level); i-- > 0;) {
    const Level upper = kLevels[i];
    if (upper == Level::patient && query.root == Root::study) break;
    const Tag tag = unique_key(upper);
    if (has_value(query, tag)) {
      lower_is_unique = lower_is_unique || upper != Level::patient;
      continue;
    }
    if (!lower_is_unique)
      return fail(ErrorCode::invalid_input,
                  fmt::format("a query at level {} needs the unique key {} of level {} (relational "
                              "queries were not negotiated)",
                              storage::catalog::name_of(query.level), dicom::model::to_string(tag),
                              storage::catalog::name_of(upper)),
                  "query");
    query.habits.push_back(fmt::format("no unique key {} of level {}", dicom::model::to_string(tag),
                                       storage::catalog::name_of(upper)));
  }
  return {};
}

void note_lower_keys(Query& query) {
  for (const Key& key : query.keys) {
    const auto* attribute = find_attribute(key.sequence.value_or(key.tag));
    if (attribute != nullptr && attribute->level > query.level)
      query.habits.push_back(fmt::format(
          "key {} of level {} at level {}", dicom::model::to_string(attribute->tag),
          storage::catalog::name_of(attribute->level), storage::catalog::name_of(query.level)));
  }
}

}  // namespace

Result<Query> parse_identifier(ByteSpan identifier, std::string_view transfer_syntax, Root root,
                               const Options& options, std::string_view assumed_character_set,
                               const Limits& limits) {
  LATENT_TRY(auto raw_keys, detail::read_identifier(identifier, transfer_syntax, limits));
  Query query;
  query.root = root;
  query.options = options;
  LATENT_TRY(query.level, level_of(raw_keys, root, query.habits));

  const auto declared = std::ranges::find_if(raw_keys, [](const RawKey& key) {
    return key.tag == tags::kSpecificCharacterSet && !key.sequence;
  });
  const auto set = text::CharacterSet::parse(
      declared == raw_keys.end() ? std::string_view() : as_text(declared->value),
      assumed_character_set);
  for (const RawKey& raw : raw_keys) {
    if (raw.tag == tags::kQueryRetrieveLevel || raw.tag == tags::kSpecificCharacterSet) continue;
    Key& key = query.keys.emplace_back();
    key.tag = raw.tag;
    key.sequence = raw.sequence;
    if (!raw.is_sequence) key.values = decode(raw, set);
  }
  std::ranges::stable_sort(query.keys, {}, [](const Key& key) {
    return std::pair(key.sequence.value_or(key.tag), key.sequence ? key.tag : Tag{});
  });
  LATENT_TRY_VOID(check_upper_keys(query));
  note_lower_keys(query);
  return query;
}

}  // namespace latent::retrieval::query
