// The WHERE clause of a search: conditions to SQL with bound values.
#pragma once

#include <string>
#include <vector>

#include "security/base/result.h"
#include "storage/catalog/search.h"
#include "storage/database/rows.h"

namespace latent::storage::catalog::detail {

/// Adds parameters and gives their placeholders.
class Binder {
 public:
  explicit Binder(database::Params& params) : params_(params) {}
  std::string text(std::string_view value);
  std::string texts(const std::vector<std::string>& values);  ///< text[]
  std::string integer(std::int64_t value);
  std::string date(Days days);
  std::string time(Microseconds of_day);
  std::string moment(Microseconds since_epoch);  ///< timestamp without zone, UTC
  std::string optional_text(const std::optional<std::string>& value);

 private:
  std::string next();
  database::Params& params_;
};

std::string_view table_of(Level level);
/// "study.study_date"
std::string column_of(const Attribute& attribute);

/// Conditions of levels below `level` as one EXISTS, the rest plain, joined by AND; begins with
/// " AND " when there are any. Errors: invalid_input (match and attribute do not fit).
Result<std::string> where_clause(Level level, const std::vector<Condition>& conditions,
                                 Binder& binder);

}  // namespace latent::storage::catalog::detail
