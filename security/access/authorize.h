// The authorise verb: one function for every face, deny by default, table-driven (security.md §3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "security/access/caller.h"
#include "security/base/result.h"

namespace latent::security::access {

enum class Action { echo, store, query, retrieve, move, import_, export_, verify };
std::string_view name_of(Action action);

/// Proof that a caller may do something; verbs take it instead of a bare caller. Only authorize()
/// makes one.
class Authorisation {
 public:
  const Caller& caller() const { return caller_; }
  Action action() const { return action_; }

 private:
  friend class Policy;
  Authorisation(Caller caller, Action action) : caller_(std::move(caller)), action_(action) {}
  Caller caller_;
  Action action_;
};

/// One row for each kind of caller that is let in. The most specific row decides.
struct Grant {
  Caller::Kind kind = Caller::Kind::peer;
  std::string name;              ///< exact caller name, or empty for every caller of this kind
  std::vector<Action> actions;
};

/// Immutable after construction; safe to share between threads.
class Policy {
 public:
  explicit Policy(std::vector<Grant> grants);
  /// Errors: refused, with a sentence for the log that names caller and action. A row with the
  /// caller's own name replaces the row for all of its kind: it can narrow as well as widen.
  Result<Authorisation> authorize(const Caller& caller, Action action) const;

 private:
  std::vector<Grant> grants_;
};

}  // namespace latent::security::access
