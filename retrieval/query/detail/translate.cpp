#include "retrieval/query/detail/translate.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "dicom/model/dictionary.h"
#include "dicom/text/date_time.h"
#include "dicom/text/person_name.h"
#include "dicom/text/wildcard.h"

namespace latent::retrieval::query::detail {
namespace {

namespace catalog = storage::catalog;
namespace tags = dicom::model::tags;
namespace text = dicom::text;
namespace vrs = dicom::model::vrs;
using catalog::Attribute;
using catalog::Condition;
using catalog::ItemAttribute;
using catalog::Kind;
using catalog::Match;

/// Of values joined by OR; a list of UIDs may be as long as an identifier.
constexpr std::size_t kValuesMax = 64;
constexpr std::size_t kUidsMax = 100'000;
/// Twice the longest value that PS3.5 allows for any VR that is matched by pattern.
constexpr std::size_t kValueBytesMax = 1024;
constexpr std::size_t kWordsBytesMax = 16'384;
/// Comparisons in one statement, of all keys together: it is planned, and kept prepared.
constexpr std::size_t kMatchesMax = 256;

/// A date and the time that belongs to it (PS3.4 C.2.2.2.5.2).
struct Moment {
  Tag date;
  Tag time;
};
constexpr Moment kMoments[] = {
    {{0x0008, 0x0020}, {0x0008, 0x0030}}, {{0x0008, 0x0021}, {0x0008, 0x0031}},
    {{0x0008, 0x0022}, {0x0008, 0x0032}}, {{0x0008, 0x0023}, {0x0008, 0x0033}},
    {{0x0010, 0x0030}, {0x0010, 0x0032}}, {{0x0040, 0x0244}, {0x0040, 0x0245}}};

/// Answered by the face, which knows its own title; what lies here is online.
bool is_of_face(Tag tag) {
  return tag == tags::kRetrieveAeTitle || tag == tags::kInstanceAvailability;
}

bool is_universal(const Key& key) {
  return std::ranges::all_of(key.values, [](const std::string& value) {
    return std::ranges::all_of(value, [](char c) { return c == '*'; });
  });
}

Match text_match(const std::string& value) {
  if (text::has_wildcard(value)) return catalog::Pattern{value};
  return catalog::OneOf{{value}};
}

Match number_match(std::string_view value, const std::string& as_text) {
  if (value.starts_with('+')) value.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size()) return catalog::Number{number};
  return catalog::OneOf{{as_text}};
}

/// What is no date or time is compared as text: nonsense finds the same nonsense.
Match match_of(const Attribute& attribute, const std::string& value, const Options& options) {
  switch (attribute.kind) {
    case Kind::name:
      return catalog::Name{value, options.fuzzy_names};
    case Kind::date:
      if (const auto range = text::parse_date_range(value)) return catalog::DateRange{*range};
      break;
    case Kind::time:
      if (const auto range = text::parse_time_range(value)) return catalog::TimeRange{*range};
      break;
    case Kind::date_time:
      if (const auto range = text::parse_date_time_range(value))
        return catalog::DateTimeRange{*range};
      break;
    case Kind::number:
    case Kind::integer:
      return number_match(value, value);
    case Kind::text:
    case Kind::texts:
    case Kind::uid:
    case Kind::uids:
    case Kind::sequence:
      return text_match(value);
  }
  return catalog::OneOf{{value}};
}

Result<void> check_size(const Key& key, const Attribute& attribute) {
  const bool is_uid = attribute.kind == Kind::uid || attribute.kind == Kind::uids;
  const bool is_short = std::ranges::all_of(
      key.values, [](const std::string& value) { return value.size() <= kValueBytesMax; });
  if (is_short && key.values.size() <= (is_uid ? kUidsMax : kValuesMax)) return {};
  return fail(ErrorCode::invalid_input,
              "the key " + dicom::model::to_string(key.tag) + " holds too many or too long values",
              "query");
}

/// Whole values go into one list; the others are alternatives to it.
std::vector<Match> matches_of(const Key& key, const Attribute& attribute, const Options& options) {
  std::vector<Match> any_of;
  catalog::OneOf whole;
  for (const std::string& value : key.values) {
    Match match = key.sequence ? text_match(value) : match_of(attribute, value, options);
    if (auto* one = std::get_if<catalog::OneOf>(&match)) {
      whole.values.push_back(std::move(one->values.front()));
    } else {
      any_of.push_back(std::move(match));
    }
  }
  if (!whole.values.empty()) any_of.emplace_back(std::move(whole));
  return any_of;
}

/// Comparisons that a condition becomes; each word of a fuzzy name is one of its own.
std::size_t matches_in(const Condition& condition) {
  std::size_t count = condition.any_of.size();
  for (const Match& match : condition.any_of)
    if (const auto* name = std::get_if<catalog::Name>(&match); name != nullptr && name->fuzzy)
      count += text::name_words(name->name).size();
  return count;
}

class Translator {
 public:
  explicit Translator(const Query& query) : query_(query) { made_.search.level = query.level; }

  Result<Translation> run() {
    if (query_.options.combined_date_time) LATENT_TRY_VOID(combine_moments());
    for (const Key& key : query_.keys) LATENT_TRY_VOID(take(key));
    LATENT_TRY_VOID(check_matches());
    give_back(unique_key());
    for (const Order& order : query_.order) {
      const Attribute* attribute = catalog::find_attribute(order.tag);
      if (attribute == nullptr)
        return fail(ErrorCode::invalid_input,
                    "answers cannot be ordered by " + dicom::model::to_string(order.tag), "query");
      made_.search.order.push_back({attribute, order.descending});
    }
    for (auto& [tag, column] : columns_) made_.columns.push_back(std::move(column));
    return std::move(made_);
  }

 private:
  Tag unique_key() const {
    switch (query_.level) {
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

  /// A key for a date and one for its time become one range of moments.
  Result<void> combine_moments() {
    for (const Moment& moment : kMoments) {
      const Key* date = single(moment.date);
      const Key* time = single(moment.time);
      if (date == nullptr || time == nullptr) continue;
      const auto days = text::parse_date_range(date->values.front());
      const auto times = text::parse_time_range(time->values.front());
      if (!days || !times) continue;
      constexpr text::Microseconds kDay = 86'400'000'000;
      text::Range<text::Microseconds> range;
      if (days->first) range.first = *days->first * kDay + times->first.value_or(0);
      if (days->last) range.last = *days->last * kDay + times->last.value_or(kDay - 1);
      Condition& condition = made_.search.conditions.emplace_back();
      condition.attribute = catalog::find_attribute(moment.date);
      condition.any_of.emplace_back(
          catalog::CombinedRange{catalog::find_attribute(moment.time), range});
      combined_.insert(moment.date);
      combined_.insert(moment.time);
    }
    return {};
  }
  const Key* single(Tag tag) const {
    const auto found = std::ranges::find_if(query_.keys, [tag](const Key& key) {
      return key.tag == tag && !key.sequence && key.values.size() == 1 && !is_universal(key);
    });
    return found == query_.keys.end() ? nullptr : &*found;
  }

  Result<void> check_matches() const {
    std::size_t count = 0;
    for (const Condition& condition : made_.search.conditions) count += matches_in(condition);
    if (count <= kMatchesMax) return {};
    return fail(ErrorCode::invalid_input, "the keys hold too many values together", "query");
  }

  Result<void> take(const Key& key) {
    if (is_of_face(key.tag) && !key.sequence) {
      const bool asks_online = is_universal(key) || key.tag == tags::kRetrieveAeTitle ||
                               std::ranges::find(key.values, "ONLINE") != key.values.end();
      if (!asks_online) made_.unsupported.push_back(key.tag);
      return {};
    }
    const Attribute* attribute = catalog::find_attribute(key.sequence.value_or(key.tag));
    if (attribute == nullptr) {
      made_.unsupported.push_back(key.tag);
      return {};
    }
    if (key.sequence) return take_item(key, *attribute);
    const bool is_returned = give_back(key.tag);
    // (0008,0201) in a query says how its times are meant; it is no criterion (PS3.4 C.2.2.2.5).
    if (is_universal(key) || attribute->kind == Kind::sequence ||
        key.tag == tags::kTimezoneOffsetFromUtc || combined_.contains(key.tag)) {
      if (!is_returned) made_.unsupported.push_back(key.tag);
      return {};
    }
    LATENT_TRY_VOID(check_size(key, *attribute));
    Condition& condition = made_.search.conditions.emplace_back();
    condition.attribute = attribute;
    condition.any_of = matches_of(key, *attribute, query_.options);
    return {};
  }

  Result<void> take_item(const Key& key, const Attribute& sequence) {
    const auto items = catalog::item_attributes(sequence.tag);
    const auto item = std::ranges::find(items, key.tag, &ItemAttribute::tag);
    const bool is_returned = give_back(sequence.tag);
    if (item == items.end() || (is_universal(key) && !is_returned)) {
      made_.unsupported.push_back(key.tag);
      return {};
    }
    if (is_returned) columns_.at(sequence.tag).item_tags.push_back(key.tag);
    if (is_universal(key)) return {};
    LATENT_TRY_VOID(check_size(key, sequence));
    Condition& condition = made_.search.conditions.emplace_back();
    condition.attribute = &sequence;
    condition.item = &*item;
    condition.any_of = matches_of(key, sequence, query_.options);
    return {};
  }

  /// False when the level does not know the attribute. Modality asked of a study, as viewers do, is
  /// answered by all of its modalities.
  bool give_back(Tag tag) {
    if (columns_.contains(tag)) return true;
    const Attribute* attribute = catalog::find_attribute(tag);
    if (tag == tags::kModality && query_.level == Level::study)
      attribute = catalog::find_attribute(tags::kModalitiesInStudy);
    if (attribute->level > query_.level) return false;
    columns_[tag] = {.tag = tag, .vr = attribute->vr, .cell = made_.search.returned.size()};
    made_.search.returned.push_back(attribute);
    return true;
  }

  const Query& query_;
  Translation made_;
  std::map<Tag, AnswerColumn> columns_;
  std::set<Tag> combined_;
};

void append_words(std::string& words, const Key& key) {
  const auto name = [&words](Tag tag) {
    const auto known = dicom::model::find(tag);
    words += known ? std::string(known->keyword) : dicom::model::to_string(tag);
  };
  words += ' ';
  if (key.sequence) {
    name(*key.sequence);
    words += '.';
  }
  name(key.tag);
  for (const std::string& value : key.values) {
    words += &value == &key.values.front() ? '=' : '\\';
    words += value;
  }
}

}  // namespace

Result<Translation> translate(const Query& query) { return Translator(query).run(); }

Answer answer_of(const Translation& translation, std::vector<catalog::SearchCell> hit) {
  Answer answer;
  answer.attributes.reserve(translation.columns.size());
  for (const AnswerColumn& column : translation.columns) {
    catalog::SearchCell& cell = hit[column.cell];
    AnswerAttribute& attribute = answer.attributes.emplace_back();
    attribute.tag = column.tag;
    attribute.vr = column.vr;
    attribute.values = std::move(cell.values);  // each column has a cell of its own
    for (const auto& item : cell.items) {
      auto& attributes = attribute.items.emplace_back();
      for (const ItemAttribute& known : catalog::item_attributes(column.tag)) {
        if (!column.item_tags.empty() &&
            std::ranges::find(column.item_tags, known.tag) == column.item_tags.end())
          continue;
        const auto value =
            std::ranges::find_if(item, [&](const auto& one) { return one.first == known.tag; });
        AnswerAttribute& inner = attributes.emplace_back();
        inner.tag = known.tag;
        inner.vr = known.vr;
        if (value != item.end()) inner.values.push_back(value->second);
      }
    }
  }
  return answer;
}

std::string as_words(const Query& query) {
  std::string words(catalog::name_of(query.level));
  for (const Key& key : query.keys) {
    if (key.values.empty()) continue;
    append_words(words, key);
    if (words.size() > kWordsBytesMax) {
      std::size_t end = kWordsBytesMax;  // without cutting a character
      while ((static_cast<unsigned char>(words[end]) & 0xC0) == 0x80) --end;
      words.resize(end);
      words += " …";
      break;
    }
  }
  return words;
}

}  // namespace latent::retrieval::query::detail
