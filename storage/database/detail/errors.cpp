#include "storage/database/detail/errors.h"

namespace latent::storage::database {

ErrorCode code_of(std::string_view sqlstate) {
  const std::string_view group = sqlstate.substr(0, 2);
  if (group == "23") return ErrorCode::conflict;
  if (group == "53") return ErrorCode::exhausted;
  // 08 connection, 57 operator intervention and statement time-out, 40 serialisation and deadlock,
  // 55P03 lock time-out, 25006 a standby that took the primary's address: later may work.
  if (group == "08" || group == "57" || group == "40" || sqlstate == "55P03" ||
      sqlstate == "25006" || sqlstate.empty())
    return ErrorCode::unavailable;
  return ErrorCode::internal;
}

std::string without_values(std::string_view sqlstate, std::string_view message) {
  if (sqlstate.substr(0, 2) != "22") return std::string(message);
  std::string kept;
  bool quoted = false;
  for (char c : message.substr(0, message.find(':'))) {
    if (c == '"') {
      quoted = !quoted;
      if (quoted) kept += "\"…\"";
    } else if (!quoted) {
      kept += c;
    }
  }
  return kept;
}

}  // namespace latent::storage::database
