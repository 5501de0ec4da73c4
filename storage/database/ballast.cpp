#include "storage/database/ballast.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "security/base/log.h"
#include "security/base/raii.h"

namespace latent::storage::database {

void Ballast::look() {
  struct statvfs status {};
  if (::statvfs(file_.parent_path().c_str(), &status) != 0) return;
  const std::uint64_t free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  if (free_bytes < kFreedBelow) {
    if (::unlink(file_.c_str()) == 0)
      log::error(
          "the disk is full; the space kept for PostgreSQL's log is given to it, reading goes on as"
          " long as that lasts",
          "bytes", kBytes);
    return;
  }
  if (free_bytes > kMadeAbove && ::access(file_.c_str(), F_OK) != 0) make();
}

void Ballast::make() {
  const FileDescriptor file(
      ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return;
  if (::posix_fallocate(file.get(), 0, static_cast<off_t>(kBytes)) != 0) ::unlink(file_.c_str());
}

}  // namespace latent::storage::database
