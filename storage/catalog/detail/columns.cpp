#include "storage/catalog/detail/columns.h"

#include <algorithm>
#include <charconv>

#include "dicom/text/date_time.h"
#include "dicom/text/person_name.h"
#include "storage/catalog/detail/items.h"

namespace latent::storage::catalog::detail {
namespace {

namespace text = dicom::text;
namespace vrs = dicom::model::vrs;
using dicom::scanner::DatasetIndex;
using dicom::scanner::RawValue;

/// What the catalog keeps of a value; the rest is in the object. 512 bytes hold 64 characters of
/// any script twice over, and fit a B-tree entry (2,704 bytes) together with a second column.
constexpr std::size_t kShortBytesMax = 512;
constexpr std::size_t kNameBytesMax = 2048;
constexpr std::size_t kLongBytesMax = 10'240;
constexpr std::size_t kValuesMax = 64;
constexpr std::size_t kItemsMax = 64;

std::size_t bytes_max_of(Vr vr) {
  if (vr == vrs::kPN) return kNameBytesMax;
  return vr == vrs::kLT || vr == vrs::kST || vr == vrs::kUT ? kLongBytesMax : kShortBytesMax;
}

std::string_view trimmed(std::string_view value) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!value.empty() && is_padding(value.back())) value.remove_suffix(1);
  while (!value.empty() && is_padding(value.front())) value.remove_prefix(1);
  return value;
}

std::string_view cut(std::string_view utf8, std::size_t bytes_max) {
  if (utf8.size() <= bytes_max) return utf8;
  while (bytes_max > 0 && (static_cast<unsigned char>(utf8[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return utf8.substr(0, bytes_max);
}

bool is_one_text(Vr vr) { return vr == vrs::kLT || vr == vrs::kST || vr == vrs::kUT; }

text::Kind kind_of(Vr vr) {
  if (vr == vrs::kPN) return text::Kind::person_name;
  return is_one_text(vr) ? text::Kind::text : text::Kind::values;
}

std::string joined(const std::vector<std::string>& values) {
  std::string all;
  for (const std::string& value : values) {
    if (&value != &values.front()) all += '\\';
    all += value;
  }
  return all;
}

Cell cell(std::string value) { return value.empty() ? Cell() : Cell(std::move(value)); }

Cell date_cell(std::string_view value) {
  const auto days = text::parse_date(value);
  return days ? Cell(text::format_date(*days)) : Cell();
}

Cell time_cell(std::string_view value) {
  const auto moment = text::parse_time(value);
  return moment ? Cell(text::format_time(*moment)) : Cell();
}

Cell date_time_cell(std::string_view value, const DatasetIndex& index) {
  const auto zone = index.attributes.find(dicom::model::tags::kTimezoneOffsetFromUtc);
  const auto offset = zone == index.attributes.end()
                          ? std::optional<int>()
                          : text::parse_utc_offset(as_text(zone->second.bytes));
  const auto moment = text::parse_date_time(value, offset.value_or(0));
  if (!moment) return {};
  constexpr text::Microseconds kDay = 86'400'000'000;
  const auto day = *moment / kDay - (*moment % kDay < 0 ? 1 : 0);
  return text::format_date(static_cast<text::Days>(day)) + ' ' +
         text::format_time(*moment - day * kDay);
}

Cell number_cell(std::string_view value) {
  value = trimmed(value);
  if (value.starts_with('+')) value.remove_prefix(1);
  std::int32_t number = 0;  // IS is a 32-bit number (PS3.5 6.2)
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return {};
  return std::to_string(number);
}

Cell unsigned_short_cell(const RawValue& raw) {
  if (raw.bytes.size() < 2) return {};
  return std::to_string(load_le<std::uint16_t>(raw.bytes));
}

Cell sequence_cell(const DatasetIndex& index, const text::CharacterSet& set, Tag sequence) {
  const auto found = index.sequences.find(sequence);
  if (found == index.sequences.end() || found->second.empty()) return {};
  Items items;
  for (std::size_t i = 0; i < std::min(found->second.size(), kItemsMax); ++i) {
    auto& item = items.emplace_back();
    for (const ItemAttribute& attribute : item_attributes(sequence)) {
      const auto raw = found->second[i].find(attribute.tag);
      if (raw == found->second[i].end()) continue;
      std::string value = joined(
          decode_values(as_text(raw->second.bytes), attribute.vr, set, bytes_max_of(attribute.vr)));
      if (!value.empty()) item.emplace_back(attribute.tag, std::move(value));
    }
  }
  return items_to_json(items);
}

bool has_typed_value(Kind kind) {
  return kind == Kind::date || kind == Kind::time || kind == Kind::date_time ||
         kind == Kind::number;
}

std::string type_of_value(Kind kind) {
  switch (kind) {
    case Kind::date:
      return "date";
    case Kind::time:
      return "time";
    case Kind::date_time:
      return "timestamp";
    default:
      return "bigint";
  }
}

std::vector<Column> build_columns(Level level) {
  std::vector<Column> columns;
  std::string name;
  const auto add = [&](std::string suffix, std::string type) {
    columns.push_back({name + suffix, std::move(type), name});
  };
  for (const Attribute& attribute : attributes()) {
    if (attribute.level != level || attribute.origin != Origin::data_set) continue;
    name = attribute.column;
    if (attribute.kind == Kind::sequence) {
      add("", "jsonb");
    } else if (attribute.kind == Kind::integer) {
      add("", "integer");
    } else {
      add("", "text");
    }
    columns.back().is_list = attribute.kind == Kind::texts;
    if (has_typed_value(attribute.kind)) add("_value", type_of_value(attribute.kind));
    if (attribute.kind == Kind::name) add("_key", "text");
  }
  return columns;
}

void append_cells(Cells& cells, const Attribute& attribute, const DatasetIndex& index,
                  const text::CharacterSet& set) {
  if (attribute.kind == Kind::sequence) {
    cells.push_back(sequence_cell(index, set, attribute.tag));
    return;
  }
  const auto raw = index.attributes.find(attribute.tag);
  const bool is_there = raw != index.attributes.end();
  if (attribute.kind == Kind::integer) {
    cells.push_back(is_there ? unsigned_short_cell(raw->second) : Cell());
    return;
  }
  const std::vector<std::string> values =
      is_there
          ? decode_values(as_text(raw->second.bytes), attribute.vr, set, bytes_max_of(attribute.vr))
          : std::vector<std::string>();
  const std::string_view first = values.empty() ? std::string_view() : values.front();
  cells.push_back(cell(joined(values)));
  switch (attribute.kind) {
    case Kind::date:
      cells.push_back(date_cell(first));
      break;
    case Kind::time:
      cells.push_back(time_cell(first));
      break;
    case Kind::date_time:
      cells.push_back(date_time_cell(first, index));
      break;
    case Kind::number:
      cells.push_back(number_cell(first));
      break;
    case Kind::name:
      cells.push_back(cell(name_key(joined(values))));
      break;
    default:
      break;
  }
}

}  // namespace

std::string Column::of(std::string_view parameter) const {
  const std::string source(parameter);
  return is_list ? "string_to_array(" + source + ", '\\')" : source;
}

std::vector<std::string> decode_values(std::string_view raw, Vr vr, const text::CharacterSet& set,
                                       std::size_t bytes_max) {
  std::vector<std::string> values;
  const bool in_set = dicom::model::uses_character_set(vr);
  const auto add = [&](std::string_view piece) {
    // Other VRs are ASCII; read as text all the same, so that no foreign byte reaches PostgreSQL.
    const std::string decoded =
        text::decode(piece, in_set ? set : text::CharacterSet(), kind_of(vr)).text;
    values.emplace_back(cut(trimmed(decoded), bytes_max));
  };
  if (is_one_text(vr)) {
    if (!raw.empty()) add(raw);
  } else {
    for (const std::string_view piece :
         text::split_values(raw, in_set ? set : text::CharacterSet())) {
      if (values.size() == kValuesMax) break;
      add(piece);
    }
  }
  if (std::ranges::all_of(values, &std::string::empty)) values.clear();
  return values;
}

std::string name_key(std::string_view name) {
  std::string key;
  for (;;) {  // over values, and inside over groups
    const std::size_t value_end = name.find('\\');
    std::string_view value = name.substr(0, value_end);
    std::string value_key;
    for (;;) {
      const std::size_t group_end = value.find('=');
      const std::string group = text::collation_key(value.substr(0, group_end));
      value_key += group;
      if (!group.empty()) value_key += '^';
      if (group_end == std::string_view::npos) break;
      value_key += '=';
      value.remove_prefix(group_end + 1);
    }
    value_key.erase(value_key.find_last_not_of('=') + 1);
    key += value_key;
    if (value_end == std::string_view::npos) return key;
    key += '\\';
    name.remove_prefix(value_end + 1);
  }
}

const std::vector<Column>& columns_of(Level level) {
  static const std::vector<Column> kColumns[] = {
      build_columns(Level::patient), build_columns(Level::study), build_columns(Level::series),
      build_columns(Level::image)};
  return kColumns[static_cast<std::size_t>(level)];
}

Cells cells_of(const DatasetIndex& index, const text::CharacterSet& set, Level level) {
  Cells cells;
  cells.reserve(columns_of(level).size());
  for (const Attribute& attribute : attributes())
    if (attribute.level == level && attribute.origin == Origin::data_set)
      append_cells(cells, attribute, index, set);
  return cells;
}

}  // namespace latent::storage::catalog::detail
