// The verbs of the control socket, one file each; session.cpp has the table.
#pragma once

#include <nlohmann/json.hpp>
#include <stop_token>

#include "security/access/authorize.h"
#include "server/archive/archive.h"
#include "server/control/channel.h"

namespace latent::server::control::detail {

struct Conversation {
  archive::Archive& archive;
  const security::access::Authorisation& authorisation;
  Channel& channel;
  const nlohmann::json& request;
  std::stop_token stop;
};

/// Each returns what stands in the last object's "done".
using Verb = Result<nlohmann::json> (*)(Conversation&);
Result<nlohmann::json> import_files(Conversation& conversation);
Result<nlohmann::json> find(Conversation& conversation);
Result<nlohmann::json> export_instances(Conversation& conversation);
Result<nlohmann::json> verify(Conversation& conversation);

/// Text of a member, or "" when there is none or it is no text.
std::string text_member(const nlohmann::json& object, const char* name);
/// The UIDs in a list member. Errors: invalid_input, naming the member.
template <class AnyUid>
Result<std::vector<AnyUid>> uid_list(const nlohmann::json& object, const char* name) {
  std::vector<AnyUid> uids;
  const auto list = object.find(name);
  if (list == object.end() || !list->is_array()) return uids;
  for (const nlohmann::json& entry : *list) {
    const auto uid = entry.is_string() ? AnyUid::parse(entry.template get_ref<const std::string&>())
                                       : std::nullopt;
    if (!uid) return fail(ErrorCode::invalid_input, std::string(name) + ": not a UID", "control");
    uids.push_back(*uid);
  }
  return uids;
}

}  // namespace latent::server::control::detail
