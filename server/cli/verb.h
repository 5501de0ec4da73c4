// What the verbs share: the options that all of them have, and how a verb is one row of a table.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "security/base/result.h"
#include "server/cli/command_line.h"
#include "server/settings/config.h"

namespace latent::server::cli {

struct CommonOptions {
  std::optional<std::string> data_dir;
  std::optional<std::string> config_file;
  bool json = false;
};

/// `--data`, `--config` and, where a verb answers with rows, `--json`.
void add_common_options(CLI::App& command, CommonOptions& options);
/// Configuration as the options say. Errors as settings::load_config.
Result<settings::Config> config_of(const CommonOptions& options);

/// Prints "latent <verb>: <sentence>" to standard error; with --json an object to standard output.
int report_error(std::string_view verb, const Error& error, const CommonOptions& options);

/// A verb made ready to run after its options were parsed.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};
using AddVerb = Command (*)(CLI::App& root);

Command add_import(CLI::App& root);
Command add_find(CLI::App& root);
Command add_export(CLI::App& root);
Command add_verify(CLI::App& root);
Command add_echo(CLI::App& root);
Command add_demo(CLI::App& root);
/// All of them, in the order of `--help`; `serve` comes first and is added by run().
std::span<const AddVerb> all_verbs();

}  // namespace latent::server::cli
