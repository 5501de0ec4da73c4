// Random archives and random queries: the catalog's SQL against a slow matcher that knows nothing
// of SQL, and reads the rules of PS3.4 C.2.2.2 in another way.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "dicom/text/person_name.h"
#include "tests/retrieval/query/archive_fixture.h"

namespace latent::retrieval::query {
namespace {

namespace tags = dicom::model::tags;
using storage::catalog::Kind;

/// One instance with the attributes of all four levels; texts in UTF-8.
struct Object {
  std::string patient, study, series, instance;
  Attributes attributes;
};

// ---- the slow matcher ----

std::u32string characters(std::string_view utf8) {
  std::u32string all;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) {
      all.back() = all.back() << 6 | (byte & 0x3F);
    } else {
      all += byte < 0x80 ? byte : byte < 0xE0 ? byte & 0x1F : byte < 0xF0 ? byte & 0x0F : byte & 7;
    }
  }
  return all;
}

/// `single` excludes characters that `?` does not stand for.
bool like(std::u32string_view pattern, std::u32string_view text, std::u32string_view not_single) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == U'*')
    return like(pattern.substr(1), text, not_single) ||
           (!text.empty() && like(pattern, text.substr(1), not_single));
  if (text.empty()) return false;
  const bool fits = pattern.front() == U'?' ? not_single.find(text.front()) == std::u32string::npos
                                            : pattern.front() == text.front();
  return fits && like(pattern.substr(1), text.substr(1), not_single);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// Empty components at the end say nothing: a group is tried with any number of them.
bool group_matches(const std::string& pattern, const std::string& group) {
  std::string folded = dicom::text::collation_key(pattern);
  if (folded.find_first_not_of('*') == std::string::npos) return true;
  std::string key = dicom::text::collation_key(group);
  if (key.empty()) return false;
  for (int empty = 0; empty <= 5; ++empty, key += '^')
    if (like(characters(folded), characters(key), U"^=")) return true;
  return false;
}

bool name_matches(const std::string& pattern, const std::string& name) {
  const auto wanted = split(pattern, '=');
  auto groups = split(name, '=');
  if (wanted.size() == 1)
    return std::ranges::any_of(groups,
                               [&](const std::string& g) { return group_matches(pattern, g); });
  groups.resize(std::max(groups.size(), wanted.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!group_matches(wanted[i], groups[i])) return false;
  return true;
}

/// A time padded to 12 digits, as its first or its last moment.
std::string full_time(std::string digits, bool last) {
  std::erase(digits, '.');
  const std::string_view fill = last ? "235959999999" : "000000000000";
  return digits + std::string(fill.substr(digits.size()));
}

bool range_matches(const std::string& key, const std::string& value, bool is_time) {
  if (value.empty()) return false;
  const std::size_t dash = key.find('-');
  const std::string first = key.substr(0, dash);
  const std::string last = dash == std::string::npos ? key : key.substr(dash + 1);
  if (!is_time) return (first.empty() || first <= value) && (last.empty() || value <= last);
  const std::string moment = full_time(value, false);
  return (first.empty() || full_time(first, false) <= moment) &&
         (last.empty() || moment <= full_time(last, true));
}

bool value_matches(const storage::catalog::Attribute& attribute, const std::string& key,
                   const std::string& value) {
  switch (attribute.kind) {
    case Kind::name:
      return name_matches(key, value);
    case Kind::date:
      return range_matches(key, value, false);
    case Kind::time:
      return range_matches(key, value, true);
    case Kind::number:
      return !value.empty() && std::stoi(key) == std::stoi(value);
    default:
      return !value.empty() && like(characters(key), characters(value), U"");
  }
}

bool key_matches(const Key& key, const Object& object) {
  const auto& attribute = *storage::catalog::find_attribute(key.tag);
  if (key.values.empty()) return true;
  std::string value;
  if (key.tag == tags::kStudyInstanceUid) value = object.study;
  if (key.tag == tags::kSeriesInstanceUid) value = object.series;
  if (key.tag == tags::kSopInstanceUid) value = object.instance;
  if (const auto found = object.attributes.find(key.tag); found != object.attributes.end())
    value = found->second;
  const bool is_multiple = attribute.kind == Kind::texts;
  const auto values = is_multiple ? split(value, '\\') : std::vector{value};
  return std::ranges::any_of(key.values, [&](const std::string& wanted) {
    if (wanted.find_first_not_of('*') == std::string::npos) return true;
    return std::ranges::any_of(
        values, [&](const std::string& one) { return value_matches(attribute, wanted, one); });
  });
}

const std::string& unique_value(const Object& object, Level level) {
  switch (level) {
    case Level::patient:
      return object.patient;
    case Level::study:
      return object.study;
    case Level::series:
      return object.series;
    case Level::image:
      break;
  }
  return object.instance;
}

std::set<std::string> slow_answer(const std::vector<Object>& objects, const Query& query) {
  std::set<std::string> found;
  for (const Object& object : objects)
    if (std::ranges::all_of(query.keys, [&](const Key& key) { return key_matches(key, object); }))
      found.insert(unique_value(object, query.level));
  return found;
}

// ---- random archives and queries ----

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int below(int n) { return std::uniform_int_distribution(0, n - 1)(engine_); }
  bool often() { return below(4) != 0; }
  template <class Values>
  std::string pick(const Values& values) {
    return std::string(
        values[static_cast<std::size_t>(below(static_cast<int>(std::size(values))))]);
  }

 private:
  std::mt19937 engine_;
};

constexpr std::string_view kNames[] = {"Müller^Hans",
                                       "MULLER^Hans^Peter",
                                       "Mueller",
                                       "Doe^John",
                                       "O'Neill^Mary-Ann",
                                       "Doe^^J",
                                       "D%e^J_hn",
                                       "Åström^Örjan",
                                       "Иванов^Иван",
                                       "doe",
                                       "Yamada^Tarou=山田^太郎=やまだ^たろう",
                                       "Kim^Hong=金^弘",
                                       "=李^明",
                                       "a.b(c)^[d]",
                                       ""};
constexpr std::string_view kTexts[] = {"Thorax", "thorax",       "50% off_", "it's",   "a\"b",
                                       "x*y?z",  "Kopf Schädel", "頭部",     "T1 tse", "T2",
                                       ""};
constexpr std::string_view kDates[] = {"20231231", "20240101", "20240229",
                                       "20240301", "19991231", ""};
constexpr std::string_view kTimes[] = {"00", "0930", "101112", "101112.5", "235959.999999", ""};
constexpr std::string_view kModalities[] = {"CT", "MR", "SR", "US"};
constexpr std::string_view kImageTypes[] = {"ORIGINAL\\PRIMARY", "DERIVED\\SECONDARY\\MPR", ""};

void set(Attributes& attributes, Tag tag, std::string value) {
  if (!value.empty()) attributes[tag] = std::move(value);
}

std::vector<Object> random_archive(Dice& dice) {
  std::vector<Object> objects;
  for (int p = 0; p < 12; ++p) {
    Attributes of_patient{{tags::kSpecificCharacterSet, "ISO_IR 192"},
                          {tags::kPatientId, fmt::format("{}_{}%", dice.pick(kTexts), p)}};
    set(of_patient, tags::kPatientName, dice.pick(kNames));
    set(of_patient, tags::kPatientBirthDate, dice.pick(kDates));
    for (int s = dice.below(3); s >= 0; --s) {
      Attributes of_study = of_patient;
      set(of_study, tags::kStudyDate, dice.pick(kDates));
      set(of_study, tags::kStudyTime, dice.pick(kTimes));
      set(of_study, {0x0008, 0x1030}, dice.pick(kTexts));
      set(of_study, {0x0008, 0x0090}, dice.pick(kNames));
      for (int e = dice.below(3); e >= 0; --e) {
        Attributes of_series = of_study;
        set(of_series, tags::kModality, dice.pick(kModalities));
        set(of_series, {0x0008, 0x103E}, dice.pick(kTexts));
        set(of_series, {0x0020, 0x0011}, std::to_string(dice.below(4)));
        for (int i = dice.below(3); i >= 0; --i) {
          Attributes of_image = of_series;
          set(of_image, {0x0008, 0x0008}, dice.pick(kImageTypes));
          set(of_image, {0x0020, 0x0013}, fmt::format("{:02}", dice.below(4)));
          set(of_image, {0x0008, 0x0033}, dice.pick(kTimes));
          objects.push_back({of_patient.at(tags::kPatientId), fmt::format("1.{}.{}", p, s),
                             fmt::format("1.{}.{}.{}", p, s, e),
                             fmt::format("1.{}.{}.{}.{}", p, s, e, i), of_image});
        }
      }
    }
  }
  return objects;
}

/// The value itself, or made vaguer: a piece of it between wild cards, one character unknown,
/// another case.
std::string vague(Dice& dice, std::string value, bool is_name) {
  auto text = characters(value);
  const auto place = [&] {
    return static_cast<std::size_t>(dice.below(static_cast<int>(text.size()) + 1));
  };
  switch (dice.below(6)) {
    case 0:
      text = text.substr(0, place()) + U"*";
      break;
    case 1:
      text = U"*" + text.substr(place());
      break;
    case 2: {
      const std::size_t at = place();
      text.replace(at, at < text.size() ? 1 : 0, U"?");
      break;
    }
    case 3:
      text.replace(place(), std::u32string::npos, U"*");
      text = U"*" + text;
      break;
    case 4:
      text.insert(place(), U"*");
      break;
    default:
      break;
  }
  std::string utf8;
  for (const char32_t c : text) {
    if (c < 0x80) {
      utf8 += static_cast<char>(is_name && dice.below(3) == 0 && c >= 'a' && c <= 'z' ? c - 32 : c);
    } else if (c < 0x800) {
      utf8 += static_cast<char>(0xC0 | c >> 6);
      utf8 += static_cast<char>(0x80 | (c & 0x3F));
    } else {
      utf8 += static_cast<char>(0xE0 | c >> 12);
      utf8 += static_cast<char>(0x80 | (c >> 6 & 0x3F));
      utf8 += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return utf8;
}

std::string random_range(Dice& dice, std::span<const std::string_view> pool) {
  const auto filled = pool.first(pool.size() - 1);  // the last one is empty
  switch (dice.below(4)) {
    case 0:
      return dice.pick(filled);
    case 1:
      return dice.pick(filled) + "-";
    case 2:
      return "-" + dice.pick(filled);
    default:
      return dice.pick(filled) + "-" + dice.pick(filled);
  }
}

Key random_key(Dice& dice, const std::vector<Object>& objects) {
  constexpr std::array<Tag, 17> kTags = {
      tags::kPatientName,  tags::kPatientId,        tags::kPatientBirthDate,  tags::kStudyDate,
      tags::kStudyTime,    Tag{0x0008, 0x1030},     Tag{0x0008, 0x0090},      tags::kModality,
      Tag{0x0008, 0x103E}, Tag{0x0020, 0x0011},     Tag{0x0008, 0x0008},      Tag{0x0020, 0x0013},
      Tag{0x0008, 0x0033}, tags::kStudyInstanceUid, tags::kSeriesInstanceUid, tags::kSopInstanceUid,
      tags::kPatientName};
  Key key;
  key.tag = kTags[static_cast<std::size_t>(dice.below(kTags.size()))];
  const auto& attribute = *storage::catalog::find_attribute(key.tag);
  const Object& like_this =
      objects[static_cast<std::size_t>(dice.below(static_cast<int>(objects.size())))];
  switch (attribute.kind) {
    case Kind::name:
      key.values = {vague(dice, dice.pick(kNames), true)};
      break;
    case Kind::date:
      key.values = {random_range(dice, kDates)};
      break;
    case Kind::time:
      key.values = {random_range(dice, kTimes)};
      break;
    case Kind::number:
      key.values = {std::to_string(dice.below(4))};
      break;
    case Kind::uid:
      for (int n = dice.below(8); n >= 0; --n) {
        const Object& other =
            objects[static_cast<std::size_t>(dice.below(static_cast<int>(objects.size())))];
        key.values.push_back(key.tag == tags::kStudyInstanceUid    ? other.study
                             : key.tag == tags::kSeriesInstanceUid ? other.series
                                                                   : other.instance);
      }
      break;
    case Kind::texts:
      key.values = {vague(dice, split(dice.pick(kImageTypes), '\\').back(), false)};
      break;
    default:
      key.values = {vague(dice,
                          key.tag == tags::kPatientId  ? like_this.patient
                          : key.tag == tags::kModality ? dice.pick(kModalities)
                                                       : dice.pick(kTexts),
                          false)};
  }
  if (std::ranges::all_of(key.values, &std::string::empty)) key.values.clear();
  if (dice.below(6) == 0 && attribute.kind != Kind::uid && !key.values.empty())
    key.values.push_back(key.values.front());
  return key;
}

std::string as_text(const Query& query) {
  std::string all(storage::catalog::name_of(query.level));
  for (const Key& key : query.keys)
    all += fmt::format(" {}=[{}]", dicom::model::to_string(key.tag), fmt::join(key.values, "|"));
  return all;
}

class QueryPropertyTest : public ArchiveFixture {};

TEST_F(QueryPropertyTest, TheCatalogAnswersWhatASlowMatcherAnswers) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Dice dice(seed);
  const std::vector<Object> objects = random_archive(dice);
  std::vector<NewInstance> instances;
  for (const Object& object : objects)
    instances.push_back(new_instance(object.study, object.series, object.instance, instances.size(),
                                     object.attributes));
  insert(instances);

  int with_hits = 0;
  for (int round = 0; round < 200; ++round) {
    Query query = query_at(static_cast<Level>(dice.below(4)));
    for (int n = dice.below(3); n >= 0; --n) {
      Key key = random_key(dice, objects);
      const bool is_there =
          std::ranges::any_of(query.keys, [&](const Key& other) { return other.tag == key.tag; });
      if (!is_there) query.keys.push_back(std::move(key));
    }
    constexpr Tag kUnique[] = {tags::kPatientId, tags::kStudyInstanceUid, tags::kSeriesInstanceUid,
                               tags::kSopInstanceUid};
    const auto expected = slow_answer(objects, query);
    std::vector<std::string> got;
    for (const Answer& answer : answers(query))
      got.push_back(answer.find(kUnique[static_cast<std::size_t>(query.level)])->values.front());
    ASSERT_THAT(got, ::testing::UnorderedElementsAreArray(expected)) << as_text(query);
    if (!expected.empty()) ++with_hits;
  }
  EXPECT_GT(with_hits, 40);
}

}  // namespace
}  // namespace latent::retrieval::query
