// The archive's side of one conversation with the command line: reads one request, runs the verb,
// sends rows, progress and a last object {"done": {...}} or {"error": {...}}.
#pragma once

#include <stop_token>

#include "security/access/caller.h"
#include "server/archive/archive.h"
#include "server/control/channel.h"

namespace latent::server::control {

/// Runs to the end of the conversation. `caller` is who stands at the other end of the socket.
void run_session(archive::Archive& archive, const security::access::Caller& caller,
                 Channel& channel, std::stop_token stop);

}  // namespace latent::server::control
