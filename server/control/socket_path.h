// Unix socket names hold 107 characters; a data folder's path may be longer. Both ends therefore
// name the socket through a descriptor of its folder.
#pragma once

#include <filesystem>
#include <string>

#include "security/base/raii.h"
#include "security/base/result.h"

namespace latent::server::control {

/// A short name for DIR/control.sock, good as long as it lives.
class SocketPath {
 public:
  static Result<SocketPath> in(const std::filesystem::path& data_dir);
  const std::string& text() const { return text_; }

 private:
  FileDescriptor folder_;
  std::string text_;
};

}  // namespace latent::server::control
