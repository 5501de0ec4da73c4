#include "server/cli/command_line.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "server/cli/verb.h"

namespace latent::server::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 done in part (something refused, failed or found wrong), 2 nothing "
    "done.";

struct ServeArguments {
  CommonOptions common;
  settings::Overrides overrides;
  ServeOptions options;
};

Command add_serve(CLI::App& root, const Serve& serve) {
  CLI::App* app = root.add_subcommand("serve", "Run the archive in the foreground");
  auto options = std::make_shared<ServeArguments>();
  app->add_option("--data", options->overrides.data_dir,
                  "Data folder (default latent-data, for root /var/lib/latent)");
  app->add_option("--config", options->common.config_file,
                  "Configuration file (see latent.example.toml)");
  app->add_option("--aet", options->overrides.aet, "Our AE title (default LATENT)");
  app->add_option("--dimse-port", options->overrides.dimse_port, "DICOM port (default 11112)");
  app->add_option("--http-port", options->overrides.http_port, "HTTP port (default 8080)");
  app->add_option("--remote", options->overrides.remotes,
                  "AET=HOST:PORT, a destination that C-MOVE may send to; may be repeated");
  app->add_flag("--demo", options->options.demo, "Load a few invented studies once ready");
  return {app, [options, &serve] {
            const std::optional<std::filesystem::path> file =
                options->common.config_file
                    ? std::optional<std::filesystem::path>(*options->common.config_file)
                    : std::nullopt;
            const auto config = settings::load_config(file, options->overrides);
            return config ? serve(*config, options->options)
                          : report_error("serve", config.error(), options->common);
          }};
}

}  // namespace

void add_common_options(CLI::App& command, CommonOptions& options) {
  command.add_option("--data", options.data_dir,
                     "Data folder of the archive (default latent-data, for root /var/lib/latent)");
  command.add_option("--config", options.config_file, "Configuration file of the archive");
  command.add_flag("--json", options.json, "Answer in JSON, one object a line, for scripts");
}

Result<settings::Config> config_of(const CommonOptions& options) {
  settings::Overrides overrides;
  overrides.data_dir = options.data_dir;
  std::optional<std::filesystem::path> file;
  if (options.config_file) file = *options.config_file;
  return settings::load_config(file, overrides);
}

int report_error(std::string_view verb, const Error& error, const CommonOptions& options) {
  if (options.json) {
    const nlohmann::json object{{"error", {{"code", name_of(error.code)}, {"text", error.text}}}};
    fmt::print("{}\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  fmt::print(stderr, "latent {}: {}\n", verb, error.text);
  return kNothingDone;
}

int run(int argc, char** argv, const Serve& serve) {
  CLI::App root("Latent, a medical imaging archive", "latent");
  root.require_subcommand(1);
  root.footer(kFooter);
  root.set_version_flag("--version", std::string("latent " LATENT_VERSION));
  std::vector<Command> commands{add_serve(root, serve)};
  for (const AddVerb add : all_verbs()) commands.push_back(add(root));
  for (Command& command : commands) command.app->footer(kFooter);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return root.exit(failure) == 0 ? kDone : kNothingDone;
  }
  for (const Command& command : commands)
    if (command.app->parsed()) return command.run();
  return kNothingDone;
}

}  // namespace latent::server::cli
