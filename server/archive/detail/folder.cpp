#include "server/archive/detail/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "security/crypto/secret.h"

namespace latent::server::archive::detail {

namespace {

namespace fs = std::filesystem;

/// Makes names in it durable.
bool sync_folder(const fs::path& folder) {
  const FileDescriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return handle && ::fsync(handle.get()) == 0;
}

/// Beside its place and renamed when whole: a crash or a full disk leaves no half name behind.
Result<void> write_name(const fs::path& path, const std::string& line) {
  fs::path fresh = path;
  fresh += ".new";
  const auto cannot = [&] {
    return fail(ErrorCode::unavailable,
                path.string() + " cannot be written (" +
                    std::error_code(errno, std::generic_category()).message() + ")",
                "archive");
  };
  const FileDescriptor made(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return cannot();
  if (::write(made.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fsync(made.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0 ||
      !sync_folder(path.parent_path()))
    return cannot();
  return {};
}

}  // namespace

Result<FileDescriptor> lock_folder(const fs::path& data_dir) {
  std::error_code failure;
  if (fs::create_directories(data_dir, failure)) {
    fs::permissions(data_dir, fs::perms::owner_all, failure);
    sync_folder(data_dir.parent_path());
  }
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
  // Drawn once: under another name nothing of what is kept would be found.
  std::error_code failure;
  if (fs::exists(data_dir / "ring", failure))
    return fail(ErrorCode::corrupt,
                path.string() +
                    " is gone or empty, but the archive has been used; write into it "
                    "the name of the file in " +
                    (data_dir / "ring").string() + ", without .ring",
                "archive");
  std::array<std::byte, 4> drawn;
  security::crypto::random_bytes(drawn);
  name = to_hex(drawn);
  LATENT_TRY_VOID(write_name(path, name + "\n"));
  return name;
}

}  // namespace latent::server::archive::detail
