#include "storage/blobs/file_io.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace latent::storage::blobs {
namespace {

ErrorCode code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::exhausted;
    case ENOENT:
      return ErrorCode::not_found;
    case EEXIST:
      return ErrorCode::conflict;
    default:
      return ErrorCode::unavailable;
  }
}

}  // namespace

Error file_error(const std::filesystem::path& path, std::string_view doing) {
  const int error = errno;
  return make_error(code_of(error),
                    path.string() + ": " + std::string(doing) + ": " + std::strerror(error),
                    "blobs");
}

Result<FileDescriptor> create_file(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return fail(file_error(path, "cannot make the file"));
  return file;
}

Result<FileDescriptor> open_file(const std::filesystem::path& path, Access access) {
  const int mode = access == Access::read ? O_RDONLY : O_RDWR;
  FileDescriptor file(::open(path.c_str(), mode | O_CLOEXEC));
  if (!file) return fail(file_error(path, "cannot open the file"));
  return file;
}

Result<std::uint64_t> file_size(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(file_error(path, "cannot stat the file"));
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::uint64_t> data_end(int fd, const std::filesystem::path& path) {
  LATENT_TRY(const std::uint64_t size, file_size(fd, path));
  off_t end = 0;
  for (off_t data = ::lseek(fd, 0, SEEK_DATA); data >= 0; data = ::lseek(fd, end, SEEK_DATA)) {
    end = ::lseek(fd, data, SEEK_HOLE);
    if (end < 0) return size;
  }
  if (errno != ENXIO) return size;  // ENXIO: no more data
  return std::min(size, static_cast<std::uint64_t>(end));
}

Result<std::size_t> read_some(int fd, const std::filesystem::path& path, std::uint64_t offset,
                              MutableByteSpan out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(file_error(path, "cannot read"));
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<void> write_all(int fd, const std::filesystem::path& path, std::uint64_t offset,
                       ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(file_error(path, "cannot write"));
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

namespace {

/// How many pieces from the front make up about `bytes`; at least one.
int pieces_of(std::span<const iovec> pieces, std::size_t bytes) {
  std::size_t count = 0;
  for (std::size_t sum = 0; count < std::min<std::size_t>(pieces.size(), IOV_MAX) && sum < bytes;
       ++count)
    sum += pieces[count].iov_len;
  return static_cast<int>(count);
}

}  // namespace

Result<void> write_gathered(int fd, const std::filesystem::path& path, std::uint64_t offset,
                            std::span<iovec> pieces) {
  constexpr std::size_t kCallBytes = 1u << 20;
  constexpr ssize_t kWorthStarting = 128u << 10;
  while (!pieces.empty()) {
    const ssize_t n =
        ::pwritev(fd, pieces.data(), pieces_of(pieces, kCallBytes), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(file_error(path, "cannot write"));
    // The disk starts on this part while the next is being copied. A hint: the sync comes later,
    // and is where errors show.
    if (n >= kWorthStarting)
      static_cast<void>(
          ::sync_file_range(fd, static_cast<off_t>(offset), n, SYNC_FILE_RANGE_WRITE));
    offset += static_cast<std::uint64_t>(n);
    auto left = static_cast<std::size_t>(n);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (left > 0) {
      pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + left;
      pieces.front().iov_len -= left;
    }
  }
  return {};
}

Result<void> truncate_file(int fd, const std::filesystem::path& path, std::uint64_t bytes) {
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0)
    return fail(file_error(path, "cannot cut the file"));
  return {};
}

Result<void> sync_file(int fd, const std::filesystem::path& path) {
  if (::fsync(fd) != 0) return fail(file_error(path, "cannot sync"));
  return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(file_error(folder, "cannot open the folder"));
  return sync_file(fd.get(), folder);
}

Result<FileDescriptor> replace_file(const std::filesystem::path& path, ByteSpan content,
                                    const std::function<void()>& before_rename) {
  std::filesystem::path fresh = path;
  fresh += ".new";
  ::unlink(fresh.c_str());  // left by a crash; it never had the name
  LATENT_TRY(FileDescriptor file, create_file(fresh));
  LATENT_TRY_VOID(write_all(file.get(), fresh, 0, content));
  LATENT_TRY_VOID(sync_file(file.get(), fresh));
  if (before_rename) before_rename();
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return fail(file_error(path, "cannot put the new file in its place"));
  LATENT_TRY_VOID(sync_folder(path.parent_path()));
  return file;
}

Result<void> make_folder(const std::filesystem::path& folder) {
  // From the last that exists downwards, each name durable before the next is made.
  std::vector<std::filesystem::path> missing;
  std::error_code error;
  for (auto path = std::filesystem::absolute(folder, error).lexically_normal();
       !std::filesystem::exists(path, error); path = path.parent_path())
    missing.push_back(path);
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    if (path->filename().empty()) continue;  // a trailing slash
    if (::mkdir(path->c_str(), 0700) != 0 && errno != EEXIST)
      return fail(file_error(*path, "cannot make the folder"));
    LATENT_TRY_VOID(sync_folder(path->parent_path()));
  }
  return {};
}

}  // namespace latent::storage::blobs
