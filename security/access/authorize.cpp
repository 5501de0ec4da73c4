#include "security/access/authorize.h"

#include <algorithm>

namespace latent::security::access {

std::string_view name_of(Action action) {
  switch (action) {
    case Action::echo: return "echo";
    case Action::store: return "store";
    case Action::query: return "query";
    case Action::retrieve: return "retrieve";
    case Action::move: return "move";
    case Action::import_: return "import";
    case Action::export_: return "export";
    case Action::verify: return "verify";
  }
  return "unknown";
}

Policy::Policy(std::vector<Grant> grants) : grants_(std::move(grants)) {}

Result<Authorisation> Policy::authorize(const Caller& caller, Action action) const {
  const Grant* deciding = nullptr;
  for (const Grant& grant : grants_) {
    if (grant.kind != caller.kind) continue;
    if (grant.name == caller.name) {
      deciding = &grant;
      break;
    }
    if (grant.name.empty() && deciding == nullptr) deciding = &grant;
  }
  if (deciding == nullptr || std::ranges::find(deciding->actions, action) == deciding->actions.end())
    return fail(ErrorCode::refused,
                "caller " + caller.name + " may not " + std::string(name_of(action)) +
                    "; allow it in the configuration if it should",
                "access");
  return Authorisation(caller, action);
}

}  // namespace latent::security::access
