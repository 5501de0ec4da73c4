#include "storage/catalog/search.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/catalog/detail/items.h"
#include "storage/catalog/detail/search_sql.h"
#include "storage/catalog/detail/where.h"
#include "storage/database/transaction.h"

namespace latent::storage::catalog {
namespace {

using database::Params;
using database::Statement;
using detail::Binder;
using detail::column_of;

/// Planned for its own values: the index to take depends on them. Holds until the end of the round
/// trip.
constexpr std::string_view kPlanForValues =
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)";

std::string_view tables_of(Level level) {
  switch (level) {
    case Level::patient:
      return " FROM patient WHERE patient.studies > 0";
    case Level::study:
      return " FROM study JOIN patient ON patient.id = study.patient WHERE study.series > 0";
    case Level::series:
      return " FROM series JOIN study ON study.id = series.study"
             " JOIN patient ON patient.id = study.patient WHERE series.instances > 0";
    case Level::image:
      return " FROM instance JOIN series ON series.id = instance.series"
             " JOIN study ON study.id = series.study JOIN patient ON patient.id = study.patient"
             " WHERE instance.superseded_at IS NULL";
  }
  return {};
}

/// What makes an order total: rows are numbered as they arrive; instances have their UID.
std::string key_of(Level level) {
  return level == Level::image ? "instance.sop_instance"
                               : std::string(detail::table_of(level)) + ".id";
}
std::string_view key_type(Level level) { return level == Level::image ? "text" : "bigint"; }

/// The expression by which an attribute orders, and the type of its bound value.
struct OrderTerm {
  std::string expression;
  std::string_view type;
  bool descending = false;
};

Result<OrderTerm> order_term(const SearchOrder& order, Level level) {
  const Attribute& attribute = *order.attribute;
  const std::string column = column_of(attribute);
  if (attribute.level <= level) {
    switch (attribute.kind) {
      case Kind::text:
      case Kind::uid:
        return OrderTerm{column, "text", order.descending};
      case Kind::name:
        return OrderTerm{column + "_key", "text", order.descending};
      case Kind::date:
        return OrderTerm{column + "_value", "date", order.descending};
      case Kind::time:
        return OrderTerm{column + "_value", "time", order.descending};
      case Kind::date_time:
        return OrderTerm{column + "_value", "timestamp", order.descending};
      case Kind::number:
        return OrderTerm{column + "_value", "bigint", order.descending};
      case Kind::integer:
        return OrderTerm{column, "bigint", order.descending};
      case Kind::texts:
      case Kind::uids:
      case Kind::sequence:
        break;
    }
  }
  return fail(ErrorCode::invalid_input,
              "answers cannot be ordered by " + dicom::model::to_string(attribute.tag), "catalog");
}

/// Everything behind `place` in the order; missing values come last.
std::string behind(const SearchPlace& place, const std::vector<OrderTerm>& terms, Level level,
                   Binder& binder) {
  std::string any;
  std::string equal_so_far;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const OrderTerm& term = terms[i];
    const std::string value =
        fmt::format("{}::{}", binder.optional_text(place.order[i]), term.type);
    if (place.order[i])
      any += fmt::format("({0}({1} {2} {3} OR {1} IS NULL)) OR ", equal_so_far, term.expression,
                         term.descending ? "<" : ">", value);
    equal_so_far += fmt::format("{} IS NOT DISTINCT FROM {} AND ", term.expression, value);
  }
  return fmt::format(" AND ({}({}{} > {}::{}))", any, equal_so_far, key_of(level),
                     binder.text(place.key), key_type(level));
}

std::string selected(const Attribute& attribute) {
  const std::string column = column_of(attribute);
  const bool is_array = attribute.kind == Kind::texts || attribute.kind == Kind::uids;
  return is_array ? "array_to_string(" + column + ", '\\')" : column + "::text";
}

std::string received_clause(const Search& search, Binder& binder) {
  if (!search.received) return {};
  const std::string column =
      search.level == Level::image ? "instance.received" : "study.received_first";
  std::string sql;
  const auto add = [&](const char* compare, std::optional<TimeUs> end) {
    if (end)
      sql += fmt::format(" AND {} {} {}::timestamp AT TIME ZONE 'UTC'", column, compare,
                         binder.moment(*end));
  };
  add(">=", search.received->first);
  add("<=", search.received->last);
  if (search.level != Level::patient || sql.empty()) return sql;
  return " AND EXISTS (SELECT FROM study WHERE study.patient = patient.id" + sql + ")";
}

SearchCell cell_of(const Attribute& attribute, std::string_view text) {
  SearchCell cell;
  if (attribute.kind == Kind::sequence) {
    cell.items = detail::items_from_json(text);
    return cell;
  }
  namespace vrs = dicom::model::vrs;
  const bool is_one =
      attribute.vr == vrs::kLT || attribute.vr == vrs::kST || attribute.vr == vrs::kUT;
  while (!text.empty()) {
    const std::size_t at = is_one ? std::string_view::npos : text.find('\\');
    cell.values.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) break;
    text.remove_prefix(at + 1);
    if (text.empty()) cell.values.emplace_back();
  }
  return cell;
}

/// True when a condition names one row, or as good as one: the plan is then the same for all
/// values, and PostgreSQL may keep it. Planning costs more than such a search itself.
bool names_one_row(const Search& search) {
  namespace tags = dicom::model::tags;
  static constexpr Tag kIdentifiers[] = {tags::kPatientId, tags::kAccessionNumber,
                                         tags::kStudyInstanceUid, tags::kSeriesInstanceUid,
                                         tags::kSopInstanceUid};
  return search.order.empty() && !search.received && !search.conditions.empty() &&
         std::ranges::all_of(search.conditions, [&](const Condition& condition) {
           if (condition.attribute->level > search.level || condition.item != nullptr ||
               condition.any_of.size() != 1)
             return false;
           const auto* match = std::get_if<OneOf>(&condition.any_of.front());
           return match != nullptr && match->values.size() == 1 &&
                  std::ranges::find(kIdentifiers, condition.attribute->tag) !=
                      std::end(kIdentifiers);
         });
}

}  // namespace

Result<Statement> detail::search_statement(const Search& search, const SearchWindow& window) {
  Statement statement;
  std::vector<OrderTerm> terms;
  Binder binder(statement.params);
  std::string& sql = statement.sql;
  sql = "SELECT " + key_of(search.level) + "::text";
  std::string order = " ORDER BY ";
  for (const SearchOrder& wanted : search.order) {
    LATENT_TRY(auto term, order_term(wanted, search.level));
    sql += ", (" + term.expression + ")::text";
    order += term.expression + (term.descending ? " DESC NULLS LAST, " : " ASC NULLS LAST, ");
    terms.push_back(std::move(term));
  }
  for (const Attribute* attribute : search.returned) {
    if (attribute->level > search.level)
      return fail(ErrorCode::invalid_input,
                  dicom::model::to_string(attribute->tag) + " is not known at level " +
                      std::string(name_of(search.level)),
                  "catalog");
    sql += ", " + selected(*attribute);
  }
  sql += tables_of(search.level);
  LATENT_TRY(const std::string where,
             detail::where_clause(search.level, search.conditions, binder));
  sql += where + received_clause(search, binder);
  if (window.after) sql += behind(*window.after, terms, search.level, binder);
  sql += order + key_of(search.level);
  // No index has this expression. Else a plan without knowledge of the values may walk all rows in
  // order until it meets the one that is meant.
  if (names_one_row(search)) sql += search.level == Level::image ? " || ''" : " + 0";
  if (window.skip != 0) sql += " OFFSET " + binder.integer(static_cast<std::int64_t>(window.skip));
  sql += " LIMIT " + binder.integer(static_cast<std::int64_t>(window.hits_max));
  return statement;
}

Result<SearchPage> search(database::Pool& pool, Deadline deadline, const Search& search,
                          const SearchWindow& window) {
  LATENT_TRY(auto statement, detail::search_statement(search, window));
  const std::size_t order_terms = search.order.size();
  std::vector<Statement> statements;
  if (!names_one_row(search)) statements.push_back({std::string(kPlanForValues), {}});
  statements.push_back(std::move(statement));
  LATENT_TRY(auto answers, database::Transaction::run_at_once(pool, deadline, statements));
  const database::Rows& rows = answers.back();
  SearchPage page;
  page.hits.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    auto& hit = page.hits.emplace_back();
    hit.reserve(search.returned.size());
    int column = static_cast<int>(1 + order_terms);
    for (const Attribute* attribute : search.returned)
      hit.push_back(cell_of(*attribute, rows.text(row, column++)));
  }
  if (static_cast<std::uint64_t>(rows.size()) < window.hits_max || rows.empty()) return page;
  const int last = rows.size() - 1;
  page.end.emplace().key = rows.text(last, 0);
  for (std::size_t i = 0; i < order_terms; ++i)
    page.end->order.push_back(rows.optional_text(last, static_cast<int>(1 + i)));
  return page;
}

}  // namespace latent::storage::catalog
