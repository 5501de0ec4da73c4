// `latent find KEY=VALUE…`: what is in the archive.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "server/cli/verb.h"
#include "server/control/client.h"

namespace latent::server::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string level = "study";
  std::vector<std::string> keys;
  std::uint64_t limit = 0;
  bool fuzzy = false;
};

/// Control characters in a value must not reach a terminal.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return text;
}

std::string as_text(const nlohmann::json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  std::string joined;
  for (const nlohmann::json& part : value)
    joined += (joined.empty() ? "" : "\\") +
              (part.is_string() ? printable(part.get<std::string>()) : std::string("{…}"));
  return joined;
}

void print_row(const nlohmann::json& row) {
  for (const auto& [name, value] : row.items())
    if (!value.empty() && !(value.is_string() && value.get_ref<const std::string&>().empty()))
      fmt::print("  {:34} {}\n", name, as_text(value));
  fmt::print("\n");
}

Result<int> converse(control::Client& client, const Options& options) {
  LATENT_TRY_VOID(client.channel().send_json({{"verb", "find"},
                                              {"level", options.level},
                                              {"keys", options.keys},
                                              {"limit", options.limit},
                                              {"fuzzy", options.fuzzy}}));
  while (true) {
    LATENT_TRY(const auto object, client.next());
    if (const auto row = object.find("row"); row != object.end()) {
      if (options.common.json)
        fmt::print("{}\n", row->dump());
      else
        print_row(*row);
      continue;
    }
    const auto& done = object.at("done");
    const auto matches = done.value("matches", std::uint64_t{0});
    for (const auto& key : done.value("unsupported", nlohmann::json::array()))
      fmt::print(stderr, "latent find: {} is not indexed; it was neither matched nor returned\n",
                 key.get<std::string>());
    if (!options.common.json) fmt::print("{} {}\n", matches, matches == 1 ? "match" : "matches");
    return kDone;
  }
}

}  // namespace

Command add_find(CLI::App& root) {
  CLI::App* app = root.add_subcommand("find", "Search patients, studies, series, instances");
  auto options = std::make_shared<Options>();
  add_common_options(*app, options->common);
  app->add_option("KEY=VALUE", options->keys,
                  "DICOM keyword or tag and what it must match: PatientName='Doe*' "
                  "StudyDate=20240101-20240131 ModalitiesInStudy=CT; KEY= only returns it");
  app->add_option("--level", options->level, "patient, study (default), series or instance");
  app->add_option("--limit", options->limit, "At most so many answers (default: all)");
  app->add_flag("--fuzzy", options->fuzzy, "Names in any order of components, by their beginnings");
  return {app, [options] {
            const auto config = config_of(options->common);
            if (!config) return report_error("find", config.error(), options->common);
            auto client = control::Client::connect(*config);
            if (!client) return report_error("find", client.error(), options->common);
            const auto result = converse(*client, *options);
            return result ? *result : report_error("find", result.error(), options->common);
          }};
}

}  // namespace latent::server::cli
