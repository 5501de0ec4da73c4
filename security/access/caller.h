// Who asks, how that was proven, and from where. Every verb takes one, on every face.
#pragma once

#include <optional>
#include <string>

namespace latent::security::access {

struct Caller {
  enum class Kind { peer, local_user, service };
  Kind kind = Kind::service;
  /// "dimse:CT1", "cli:root", "latent": as it stands in audit rows and manifests.
  std::string name;
  std::optional<std::string> ip;
};

}  // namespace latent::security::access
