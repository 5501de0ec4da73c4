// What can go wrong, as a value. Few codes: each face maps them in one table (DIMSE status, HTTP
// code, exit code). The text names the thing, the reason and the next step, and never holds a
// patient's value, because it is logged and sent to other parties.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace latent {

enum class ErrorCode {
  invalid_input,  ///< The bytes, key or option given are wrong; sending them again will not help.
  not_found,      ///< No such thing, or the caller may not know that it exists.
  refused,        ///< Understood, but policy or state forbids it.
  conflict,       ///< Contradicts what is already kept (same identity, other content).
  exhausted,      ///< A limit (memory, disk, time, count) is reached; later may work.
  unavailable,    ///< A part we depend on does not answer; later may work.
  corrupt,        ///< What we kept ourselves does not verify.
  cancelled,      ///< The asker no longer wants it.
  internal,       ///< A broken invariant of ours.
};

/// The code's name as it stands in logs and `--json` answers, for example "invalid_input".
std::string_view name_of(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string text;   ///< One sentence for a person: thing, reason, next step.
  std::string where;  ///< The room or format word that speaks, for example "scanner" or "auth".
};

inline Error make_error(ErrorCode code, std::string text, std::string where = {}) {
  return Error{code, std::move(text), std::move(where)};
}

}  // namespace latent
