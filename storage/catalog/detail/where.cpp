#include "storage/catalog/detail/where.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "dicom/text/wildcard.h"
#include "storage/catalog/detail/name_pattern.h"

namespace latent::storage::catalog::detail {
namespace {

constexpr Microseconds kDay = 86'400'000'000;

Days day_of(Microseconds moment) {
  return static_cast<Days>(moment / kDay - (moment % kDay < 0 ? 1 : 0));
}

/// "x >= $1 AND x <= $2"; true when both ends are open and x is known.
template <class Value, class Bind>
std::string between(const std::string& expression, const Range<Value>& range, Bind bind) {
  std::string sql;
  if (range.first) sql = expression + " >= " + bind(*range.first);
  if (range.last) sql += (sql.empty() ? "" : " AND ") + expression + " <= " + bind(*range.last);
  return sql.empty() ? expression + " IS NOT NULL" : "(" + sql + ")";
}

/// What a match becomes for one attribute; nothing when the two do not fit.
class MatchToSql {
 public:
  MatchToSql(const Condition& condition, Binder& binder)
      : attribute_(*condition.attribute),
        binder_(binder),
        column_(condition.item != nullptr ? fmt::format("(item ->> '{}')", condition.item->key)
                                          : column_of(attribute_)),
        is_array_(attribute_.kind == Kind::texts || attribute_.kind == Kind::uids),
        is_text_(condition.item != nullptr || attribute_.kind != Kind::integer) {}

  std::optional<std::string> operator()(const OneOf& match) const {
    if (!is_text_) return std::nullopt;
    if (is_array_) return column_ + " && " + binder_.texts(match.values);
    if (match.values.size() == 1) return column_ + " = " + binder_.text(match.values.front());
    return column_ + " = ANY(" + binder_.texts(match.values) + ")";
  }
  std::optional<std::string> operator()(const Pattern& match) const {
    if (!is_text_) return std::nullopt;
    const std::string like = " LIKE " + binder_.text(dicom::text::like_pattern(match.pattern));
    if (!is_array_) return column_ + like;
    return "EXISTS (SELECT FROM unnest(" + column_ + ") AS one(value) WHERE one.value" + like + ")";
  }
  std::optional<std::string> operator()(const Name& match) const {
    if (attribute_.kind != Kind::name) return std::nullopt;
    const std::string key = column_ + "_key";
    const std::string regex = name_regex(match.name);
    if (regex.empty()) return "true";
    const std::string exact = key + " ~ " + binder_.text(regex);
    if (!match.fuzzy) return exact;
    std::string words;
    for (const std::string& word : word_regexes(match.name))
      words += (words.empty() ? "" : " AND ") + key + " ~ " + binder_.text(word);
    return words.empty() ? exact : "(" + exact + " OR (" + words + "))";
  }
  std::optional<std::string> operator()(const DateRange& match) const {
    if (attribute_.kind != Kind::date) return std::nullopt;
    return between(column_ + "_value", match.range, [this](Days d) { return binder_.date(d); });
  }
  std::optional<std::string> operator()(const TimeRange& match) const {
    if (attribute_.kind != Kind::time) return std::nullopt;
    return between(column_ + "_value", match.range,
                   [this](Microseconds t) { return binder_.time(t); });
  }
  std::optional<std::string> operator()(const DateTimeRange& match) const {
    if (attribute_.kind != Kind::date_time) return std::nullopt;
    return between(column_ + "_value", match.range,
                   [this](Microseconds t) { return binder_.moment(t); });
  }
  std::optional<std::string> operator()(const CombinedRange& match) const {
    if (attribute_.kind != Kind::date || match.time == nullptr || match.time->kind != Kind::time)
      return std::nullopt;
    const std::string date = column_ + "_value";
    const std::string time = column_of(*match.time) + "_value";
    // The days alone first: they have an index.
    Range<Days> days;
    if (match.range.first) days.first = day_of(*match.range.first);
    if (match.range.last) days.last = day_of(*match.range.last);
    const std::string on_days = between(date, days, [this](Days d) { return binder_.date(d); });
    const std::string exactly = between("(" + date + " + " + time + ")", match.range,
                                        [this](Microseconds t) { return binder_.moment(t); });
    return on_days + " AND (" + time + " IS NULL OR " + exactly + ")";
  }
  std::optional<std::string> operator()(const Number& match) const {
    if (attribute_.kind == Kind::number)
      return column_ + "_value = " + binder_.integer(match.value);
    if (attribute_.kind == Kind::integer) return column_ + " = " + binder_.integer(match.value);
    return std::nullopt;
  }

 private:
  const Attribute& attribute_;
  Binder& binder_;
  std::string column_;
  bool is_array_;
  bool is_text_;
};

Result<std::string> condition_sql(const Condition& condition, Binder& binder) {
  const MatchToSql to_sql(condition, binder);
  std::string any;
  for (const Match& match : condition.any_of) {
    auto sql = std::visit(to_sql, match);
    if (!sql)
      return fail(
          ErrorCode::invalid_input,
          "a value cannot be matched against " + dicom::model::to_string(condition.attribute->tag),
          "catalog");
    any += (any.empty() ? "" : " OR ") + *sql;
  }
  return any.empty() ? "true" : "(" + any + ")";
}

/// Conditions on one sequence: one item fulfils them all.
Result<std::string> items_sql(const std::vector<const Condition*>& conditions, Binder& binder) {
  std::string all;
  for (const Condition* condition : conditions) {
    LATENT_TRY(const std::string sql, condition_sql(*condition, binder));
    all += (all.empty() ? "" : " AND ") + sql;
  }
  return "EXISTS (SELECT FROM jsonb_array_elements(" + column_of(*conditions.front()->attribute) +
         ") AS element(item) WHERE " + all + ")";
}

/// " AND …" for each condition.
Result<std::string> conjunction(const std::vector<const Condition*>& conditions, Binder& binder) {
  std::string all;
  std::map<Tag, std::vector<const Condition*>> by_sequence;
  for (const Condition* condition : conditions) {
    if (condition->item != nullptr) {
      by_sequence[condition->attribute->tag].push_back(condition);
      continue;
    }
    LATENT_TRY(const std::string sql, condition_sql(*condition, binder));
    all += " AND " + sql;
  }
  for (const auto& [sequence, of_items] : by_sequence) {
    LATENT_TRY(const std::string sql, items_sql(of_items, binder));
    all += " AND " + sql;
  }
  return all;
}

/// The tables between `level` and the lowest that `conditions` speak of, tied to the row outside.
std::string tables_below(Level level, Level lowest) {
  std::string from;
  std::string tie;
  if (level == Level::patient) {
    from = "study";
    tie = "study.patient = patient.id AND study.series > 0";
  }
  if (level <= Level::study && lowest >= Level::series) {
    if (!from.empty()) {
      from += " JOIN series ON series.study = study.id AND series.instances > 0";
    } else {
      from = "series";
      tie = "series.study = study.id AND series.instances > 0";
    }
  }
  if (lowest == Level::image) {
    const std::string current = "instance.series = series.id AND instance.superseded_at IS NULL";
    if (!from.empty()) {
      from += " JOIN instance ON " + current;
    } else {
      from = "instance";
      tie = current;
    }
  }
  return from + " WHERE " + tie;
}

}  // namespace

std::string Binder::next() { return "$" + std::to_string(params_.values().size()); }
std::string Binder::text(std::string_view value) {
  params_.text(value);
  return next() + "::text";
}
std::string Binder::optional_text(const std::optional<std::string>& value) {
  params_.text(value);
  return next() + "::text";
}
std::string Binder::texts(const std::vector<std::string>& values) {
  params_.text_array(std::vector<std::optional<std::string>>(values.begin(), values.end()));
  return next() + "::text[]";
}
std::string Binder::integer(std::int64_t value) {
  params_.integer(value);
  return next() + "::bigint";
}
std::string Binder::date(Days days) {
  params_.text(std::string_view(dicom::text::format_date(days)));
  return next() + "::date";
}
std::string Binder::time(Microseconds of_day) {
  params_.text(std::string_view(dicom::text::format_time(of_day)));
  return next() + "::time";
}
std::string Binder::moment(Microseconds since_epoch) {
  const Days day = day_of(since_epoch);
  params_.text(std::string_view(dicom::text::format_date(day) + ' ' +
                                dicom::text::format_time(since_epoch - day * kDay)));
  return next() + "::timestamp";
}

std::string_view table_of(Level level) {
  switch (level) {
    case Level::patient:
      return "patient";
    case Level::study:
      return "study";
    case Level::series:
      return "series";
    case Level::image:
      return "instance";
  }
  return "instance";
}

std::string column_of(const Attribute& attribute) {
  if (attribute.origin == Origin::summed) {
    return attribute.level == Level::study
               ? "(SELECT sum(part.instances)::bigint FROM series AS part"
                 " WHERE part.study = study.id)"
               : "(SELECT sum(part.instances)::bigint FROM study AS whole JOIN series AS part"
                 " ON part.study = whole.id WHERE whole.patient = patient.id)";
  }
  return fmt::format("{}.{}", table_of(attribute.level), attribute.column);
}

Result<std::string> where_clause(Level level, const std::vector<Condition>& conditions,
                                 Binder& binder) {
  std::vector<const Condition*> plain;
  std::vector<const Condition*> below;
  Level lowest = level;
  for (const Condition& condition : conditions) {
    const Level its = condition.attribute->level;
    (its > level ? below : plain).push_back(&condition);
    lowest = std::max(lowest, its);
  }
  LATENT_TRY(std::string sql, conjunction(plain, binder));
  if (below.empty()) return sql;
  LATENT_TRY(const std::string inside, conjunction(below, binder));
  return sql + " AND EXISTS (SELECT FROM " + tables_below(level, lowest) + inside + ")";
}

}  // namespace latent::storage::catalog::detail
