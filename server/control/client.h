// The command line's side of a conversation: with the running archive over DIR/control.sock, or,
// when none runs, with one that is opened for this command alone in a process of its own.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "security/base/result.h"
#include "server/control/channel.h"
#include "server/settings/config.h"

namespace latent::server::control {

class Client {
 public:
  /// Errors: not_found (no archive in that folder), refused (not the archive's user), unavailable.
  static Result<Client> connect(const settings::Config& config);
  Client(Client&&) noexcept;
  ~Client();

  Channel& channel() { return *channel_; }
  /// The next JSON object: a row, progress or the last one. {"error": …} becomes an Error.
  Result<nlohmann::json> next();

 private:
  explicit Client(std::unique_ptr<Channel> channel, pid_t archive_process);

  std::unique_ptr<Channel> channel_;
  pid_t archive_process_ = -1;  ///< of our own archive; waited for at the end
};

}  // namespace latent::server::control
