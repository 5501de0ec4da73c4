// `latent demo`: a few invented studies, computed here, to try the archive with.
#include "server/cli/demo.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "security/base/mutex.h"
#include "server/cli/import_conversation.h"
#include "server/cli/progress.h"
#include "server/cli/verb.h"
#include "server/demo/studies.h"

namespace latent::server::cli {

Result<DemoCounts> load_demo(const settings::Config& config) {
  LATENT_TRY(auto client, control::Client::connect(config));
  Mutex mutex;
  DemoCounts counts;
  std::string refusal;
  ImportConversation conversation(std::move(client), [&](const nlohmann::json& outcome) {
    const std::string kind = outcome.value("kind", "");
    const MutexLock lock(mutex);
    if (kind == "refused")
      refusal = outcome.value("text", "");
    else
      ++(kind == "duplicate" ? counts.already_there : counts.stored);
  });
  Progress progress(Progress::Show::on_terminal);
  Result<void> sent;
  for (std::size_t i = 0; sent && i < demo::demo_object_count(); ++i) {
    const demo::DemoObject object = demo::demo_object(i);
    progress.show(fmt::format("demo studies: {} of {} objects", i, demo::demo_object_count()));
    sent = conversation.begin_file(object.name);
    if (sent) sent = conversation.send(object.file);
    if (sent) sent = conversation.end_file();
  }
  LATENT_TRY_VOID(conversation.finish(std::move(sent)));
  if (!refusal.empty())
    return fail(ErrorCode::internal, "a demo object was refused: " + refusal, "demo");
  return counts;
}

Command add_demo(CLI::App& root) {
  CLI::App* app = root.add_subcommand("demo", "Load a few invented studies (CT, MR, ultrasound)");
  auto options = std::make_shared<CommonOptions>();
  add_common_options(*app, *options);
  return {app, [options] {
            const auto config = config_of(*options);
            if (!config) return report_error("demo", config.error(), *options);
            const auto counts = load_demo(*config);
            if (!counts) return report_error("demo", counts.error(), *options);
            if (options->json)
              fmt::print("{}\n", nlohmann::json({{"stored", counts->stored},
                                                 {"duplicate", counts->already_there}})
                                     .dump());
            else
              fmt::print("{} demo objects stored, {} already there\n", counts->stored,
                         counts->already_there);
            return int{kDone};
          }};
}

}  // namespace latent::server::cli
