#include "server/control/session.h"

#include <array>

#include "security/base/log.h"
#include "server/control/detail/verbs.h"

namespace latent::server::control {
namespace {

using security::access::Action;

struct Row {
  std::string_view name;
  Action action;
  detail::Verb run;
};
constexpr std::array kVerbs{
    Row{"import", Action::import_, detail::import_files},
    Row{"find", Action::query, detail::find},
    Row{"export", Action::export_, detail::export_instances},
    Row{"verify", Action::verify, detail::verify},
};

Result<nlohmann::json> run_verb(archive::Archive& archive, const security::access::Caller& caller,
                                Channel& channel, const std::stop_token& stop) {
  LATENT_TRY(const nlohmann::json request, channel.receive_json());
  const std::string name = detail::text_member(request, "verb");
  for (const Row& verb : kVerbs) {
    if (verb.name != name) continue;
    LATENT_TRY(const auto authorisation, archive.policy().authorize(caller, verb.action));
    detail::Conversation conversation{archive, authorisation, channel, request, stop};
    return verb.run(conversation);
  }
  return fail(ErrorCode::invalid_input, "this archive knows no verb of that name; is it older?",
              "control");
}

}  // namespace

void run_session(archive::Archive& archive, const security::access::Caller& caller,
                 Channel& channel, std::stop_token stop) {
  const auto result = run_verb(archive, caller, channel, stop);
  nlohmann::json last;
  if (result) {
    last["done"] = *result;
  } else {
    last["error"] = {{"code", name_of(result.error().code)},
                     {"text", result.error().text},
                     {"where", result.error().where}};
  }
  if (const auto sent = channel.send_json(last); !sent)
    log::debug("a command line went away", "caller", caller.name);
}

namespace detail {

std::string text_member(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

}  // namespace detail
}  // namespace latent::server::control
