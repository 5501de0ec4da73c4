// DIR/control.sock: where the command line finds a running archive. Only the archive's own user and
// root may speak there; the kernel says who it is (SO_PEERCRED).
#pragma once

#include <memory>

#include "security/base/result.h"
#include "server/archive/archive.h"

namespace latent::server::control {

class Server {
 public:
  /// Removes a stale socket and listens. The folder's lock is held, so nobody else listens there.
  static Result<std::unique_ptr<Server>> start(archive::Archive& archive);
  /// Ends the sessions that run (their clients hear it) and removes the socket.
  ~Server();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace latent::server::control
