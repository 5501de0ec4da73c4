#include "server/archive/detail/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "security/crypto/secret.h"

namespace latent::server::archive::detail {

namespace fs = std::filesystem;

Result<FileDescriptor> lock_folder(const fs::path& data_dir) {
  std::error_code failure;
  if (fs::create_directories(data_dir, failure))
    fs::permissions(data_dir, fs::perms::owner_all, failure);
  FileDescriptor lock(::open((data_dir / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return fail(ErrorCode::refused,
                "data folder " + data_dir.string() + " cannot be written by this user (" +
                    std::error_code(errno, std::generic_category()).message() + ")",
                "archive");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorCode::refused,
                "data folder " + data_dir.string() + " is in use by another latent", "archive");
  return lock;
}

Result<std::string> node_name(const fs::path& data_dir) {
  const fs::path path = data_dir / "node";
  std::ifstream file(path);
  std::string name;
  if (file >> name) {
    const bool valid =
        name.size() == 8 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (valid) return name;
    return fail(ErrorCode::corrupt, path.string() + " does not hold eight hexadecimal digits",
                "archive");
  }
  std::array<std::byte, 4> drawn;
  security::crypto::random_bytes(drawn);
  name = to_hex(drawn);
  const FileDescriptor made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const std::string line = name + "\n";
  const FileDescriptor folder(::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!made || ::write(made.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fsync(made.get()) != 0 || ::fsync(folder.get()) != 0)
    return fail(ErrorCode::unavailable, path.string() + " cannot be written", "archive");
  return name;
}

}  // namespace latent::server::archive::detail
