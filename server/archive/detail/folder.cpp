#include "server/archive/detail/folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "security/crypto/secret.h"
#include "storage/blobs/file_io.h"

namespace latent::server::archive::detail {

namespace fs = std::filesystem;

Result<FileDescriptor> lock_folder(const fs::path& data_dir) {
  std::error_code failure;
  if (fs::create_directories(data_dir, failure)) {
    fs::permissions(data_dir, fs::perms::owner_all, failure);
    static_cast<void>(storage::blobs::sync_folder(data_dir.parent_path()));
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
  LATENT_TRY_VOID(storage::blobs::replace_file(path, as_bytes(name + "\n")));
  return name;
}

}  // namespace latent::server::archive::detail
