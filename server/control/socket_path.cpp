#include "server/control/socket_path.h"

#include <fcntl.h>

namespace latent::server::control {

Result<SocketPath> SocketPath::in(const std::filesystem::path& data_dir) {
  SocketPath path;
  path.folder_ = FileDescriptor(::open(data_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!path.folder_)
    return fail(ErrorCode::not_found, "data folder " + data_dir.string() + " cannot be entered",
                "control");
  path.text_ = "/proc/self/fd/" + std::to_string(path.folder_.get()) + "/control.sock";
  return path;
}

}  // namespace latent::server::control
