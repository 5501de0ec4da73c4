// `latent serve`: the archive with all its faces, from start to SIGTERM.
#pragma once

#include "server/cli/command_line.h"
#include "server/settings/config.h"

namespace latent::server::app {

/// Runs until SIGTERM or SIGINT; returns the exit code (0 after a graceful stop, 2 when it could
/// not start). Prints addresses and hints, then one line `ready` when all ports accept.
int serve(const settings::Config& config, const cli::ServeOptions& options);

}  // namespace latent::server::app
