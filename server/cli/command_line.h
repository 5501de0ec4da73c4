// The command line: one file per verb, one table (all_verbs.cpp). Verbs translate options into a
// conversation with the archive (server/control) and answers into lines for people or scripts.
//
// Exit codes, the same everywhere: 0 done; 1 done in part (something was refused, failed, or found
// wrong); 2 nothing was done (bad options, no archive, nothing matched).
#pragma once

#include <functional>

#include "security/base/result.h"
#include "server/settings/config.h"

namespace latent::server::cli {

enum ExitCode : int { kDone = 0, kInPart = 1, kNothingDone = 2 };

/// What `latent serve` does beyond the configuration.
struct ServeOptions {
  bool demo = false;  ///< load the demo studies once ready
};
/// Given by main; returns the exit code.
using Serve = std::function<int(const settings::Config&, const ServeOptions&)>;

int run(int argc, char** argv, const Serve& serve);

}  // namespace latent::server::cli
