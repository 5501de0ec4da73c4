// `latent verify`: every blob opens, every row is backed, every blob is owned or counted garbage.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "server/cli/progress.h"
#include "server/cli/verb.h"
#include "server/control/client.h"

namespace latent::server::cli {
namespace {

void print_finding(const nlohmann::json& finding) {
  fmt::print("{}: segment {:016x} offset {}{}: {}\n", finding.value("word", ""),
             finding.value("segment", std::uint64_t{0}), finding.value("offset", std::uint64_t{0}),
             finding.value("blob", "").empty() ? "" : " blob " + finding.value("blob", ""),
             finding.value("text", ""));
}

void print_summary(const nlohmann::json& report, double seconds) {
  fmt::print("{} instances in {} segments verified ({}) in {}: {}\n",
             report.value("instances", std::uint64_t{0}),
             report.value("segments", std::uint64_t{0}), readable_bytes(report.value("bytes", 0.0)),
             readable_time(seconds),
             report.value("findings", std::uint64_t{0}) == 0
                 ? std::string("all is well")
                 : fmt::format("{} findings", report.value("findings", std::uint64_t{0})));
  if (const auto unowned = report.value("unowned_blobs", std::uint64_t{0}); unowned > 0)
    fmt::print("{} records without a row ({}), to be swept\n", unowned,
               readable_bytes(report.value("unowned_bytes", 0.0)));
}

Result<int> converse(control::Client& client, const CommonOptions& options) {
  Progress progress(options.json ? Progress::Show::never : Progress::Show::on_terminal);
  LATENT_TRY_VOID(client.channel().send_json({{"verb", "verify"}}));
  while (true) {
    LATENT_TRY(const auto object, client.next());
    if (options.json) fmt::print("{}\n", object.dump());
    if (object.contains("done")) {
      progress.clear();
      if (!options.json) print_summary(object["done"], progress.elapsed().count());
      return object["done"].value("findings", 0) == 0 ? kDone : kInPart;
    }
    if (object.contains("progress"))
      progress.show(fmt::format("{} instances, {}",
                                object["progress"].value("instances", std::uint64_t{0}),
                                readable_bytes(object["progress"].value("bytes", 0.0))));
    if (object.contains("finding") && !options.json) {
      progress.clear();
      print_finding(object["finding"]);
    }
  }
}

}  // namespace

Command add_verify(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("verify", "Open every sealed object and compare it with its row");
  auto options = std::make_shared<CommonOptions>();
  add_common_options(*app, *options);
  return {app, [options] {
            const auto config = config_of(*options);
            if (!config) return report_error("verify", config.error(), *options);
            auto client = control::Client::connect(*config);
            if (!client) return report_error("verify", client.error(), *options);
            const auto result = converse(*client, *options);
            return result ? *result : report_error("verify", result.error(), *options);
          }};
}

}  // namespace latent::server::cli
