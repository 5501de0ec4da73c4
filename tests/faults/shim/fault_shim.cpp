// Stands between the archive and the C library (LD_PRELOAD) and concerns only the archive's own
// files. Two things, each asked for by the environment (see fault_shim.h for the words):
//  - a journal of what is not synced yet, so that a test can forget it as a power cut would;
//  - a fault: the nth call of a kind fails, or takes long.
// PostgreSQL is not concerned: it is started with an environment of its own.
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/faults/shim/journal.h"

namespace {

using latent::test::Change;
using latent::test::JournalRecord;
using latent::test::kSectorBytes;

/// The C library's own. Looked up at the first use: other libraries may open files before our
/// constructors run.
struct Real {
  template <class Function>
  static Function* find(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
  }
  int (*open)(const char*, int, ...) = find<int(const char*, int, ...)>("open");
  int (*close)(int) = find<int(int)>("close");
  ssize_t (*write)(int, const void*, size_t) = find<ssize_t(int, const void*, size_t)>("write");
  ssize_t (*pwrite)(int, const void*, size_t,
                    off_t) = find<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  ssize_t (*pread)(int, void*, size_t, off_t) = find<ssize_t(int, void*, size_t, off_t)>("pread");
  int (*fsync)(int) = find<int(int)>("fsync");
  int (*fdatasync)(int) = find<int(int)>("fdatasync");
  int (*ftruncate)(int, off_t) = find<int(int, off_t)>("ftruncate");
  int (*fallocate)(int, off_t, off_t) = find<int(int, off_t, off_t)>("posix_fallocate");
  int (*rename)(const char*, const char*) = find<int(const char*, const char*)>("rename");
  int (*unlink)(const char*) = find<int(const char*)>("unlink");
  int (*mkdir)(const char*, mode_t) = find<int(const char*, mode_t)>("mkdir");
};
const Real& real() {
  static const Real functions;
  return functions;
}

std::string text_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::string() : std::string(text);
}

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

/// kind:nth:what:count:path
struct Fault {
  std::string kind, path;
  long nth = 0, count = 0;  ///< count 0: for ever
  int error = 0, delay_ms = 0;
  long seen = 0;

  explicit Fault(const std::string& text) {
    const auto parts = parts_of(text, ':');
    if (parts.size() != 5) return;
    kind = parts[0];
    nth = std::strtol(parts[1].c_str(), nullptr, 10);
    if (parts[2] == "EIO") error = EIO;
    if (parts[2] == "ENOSPC") error = ENOSPC;
    if (parts[2].starts_with("slow=")) delay_ms = std::atoi(parts[2].c_str() + 5);
    count = std::strtol(parts[3].c_str(), nullptr, 10);
    path = parts[4];
  }
};

struct OpenFile {
  std::string path;
  std::uint64_t inode = 0;
};

std::uint64_t inode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}
std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

class Shim {
 public:
  static Shim& instance() {
    static Shim* const shim = new Shim();  // used until the very end of the process
    return *shim;
  }

  bool concerns(std::string_view path) const {
    return std::ranges::any_of(folders_, [&](const std::string& folder) {
      return !folder.empty() && path.starts_with(folder);
    });
  }
  /// Nothing for what is not the archive's own.
  const OpenFile* find(int fd) {
    const std::lock_guard lock(files_mutex_);
    const auto found = files_.find(fd);
    return found == files_.end() ? nullptr : &found->second;
  }
  void opened(int fd, const std::string& path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return;
    const std::lock_guard lock(files_mutex_);
    files_[fd] = {path, status.st_ino};
  }
  void closed(int fd) {
    const std::lock_guard lock(files_mutex_);
    files_.erase(fd);
  }

  /// True when the call shall fail; errno says how. A slow one waits here.
  bool fails(std::string_view kind, const std::string& path) {
    const std::unique_lock lock(fault_mutex_);
    if (fault_.kind != kind || path.find(fault_.path) == std::string::npos) return false;
    if (!switch_.empty() && ::access(switch_.c_str(), F_OK) != 0) return false;
    ++fault_.seen;
    if (fault_.seen < fault_.nth) return false;
    if (fault_.count != 0 && fault_.seen >= fault_.nth + fault_.count) return false;
    if (hits_ >= 0) {
      const std::string line = std::string(kind) + " " + path + "\n";
      if (real().write(hits_, line.data(), line.size()) < 0) std::abort();
    }
    if (fault_.delay_ms > 0) ::poll(nullptr, 0, fault_.delay_ms);
    errno = fault_.error;
    return fault_.error != 0;
  }

  bool keeps_journal() const { return journal_ >= 0; }
  std::recursive_mutex& mutex() { return journal_mutex_; }
  std::uint64_t next_seq() { return ++seq_; }

  void note(JournalRecord record, std::string_view old_bytes = {}, std::string_view first = {},
            std::string_view second = {}) {
    if (journal_ < 0) return;
    if (record.seq == 0) record.seq = next_seq();
    record.old_bytes = old_bytes.size();
    record.first_length = static_cast<std::uint32_t>(first.size());
    record.second_length = static_cast<std::uint32_t>(second.size());
    std::string all(reinterpret_cast<const char*>(&record), sizeof record);
    all.append(old_bytes).append(first).append(second);
    if (real().write(journal_, all.data(), all.size()) != static_cast<ssize_t>(all.size()))
      std::abort();  // a test that forgets the wrong things would prove nothing
  }
  /// A hard link to `path` that outlives its name.
  std::string keep(const std::string& path) {
    std::string link = kept_ + "/" + std::to_string(next_seq());
    return ::link(path.c_str(), link.c_str()) == 0 ? link : std::string();
  }

 private:
  Shim()
      : folders_(parts_of(text_of("LATENT_SHIM_FOLDERS"), ':')),
        switch_(text_of("LATENT_SHIM_SWITCH")),
        kept_(text_of("LATENT_SHIM_KEPT")),
        fault_(text_of("LATENT_SHIM_FAULT")) {
    constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    if (const auto path = text_of("LATENT_SHIM_JOURNAL"); !path.empty())
      journal_ = real().open(path.c_str(), kAppend, 0666);
    if (const auto path = text_of("LATENT_SHIM_HITS"); !path.empty())
      hits_ = real().open(path.c_str(), kAppend, 0666);
  }

  const std::vector<std::string> folders_;
  const std::string switch_;  ///< the fault only counts while this file exists
  const std::string kept_;
  int journal_ = -1, hits_ = -1;

  std::mutex files_mutex_;
  std::unordered_map<int, OpenFile> files_;
  std::mutex fault_mutex_;
  Fault fault_;
  std::recursive_mutex journal_mutex_;
  std::uint64_t seq_ = 0;
};

/// What stands in [from, to) of the file now, only as far as it has data.
std::string old_bytes(int fd, std::uint64_t from, std::uint64_t to) {
  std::string bytes(to - from, '\0');
  const ssize_t got = real().pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(from));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

std::uint64_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

ssize_t tracked_write(int fd, const OpenFile& file, const char* bytes, std::size_t size,
                      std::uint64_t offset) {
  Shim& shim = Shim::instance();
  const bool fails = shim.fails("write", file.path);
  const int error = errno;
  // A disk that fills up has taken a part.
  if (fails) size /= 2;
  const std::lock_guard lock(shim.mutex());
  if (shim.keeps_journal()) {
    const std::uint64_t from = offset / kSectorBytes * kSectorBytes;
    const std::uint64_t to = (offset + size + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    JournalRecord record{.change = Change::write, .inode = file.inode, .offset = from};
    record.old_size = size_of(fd);
    // The end is told by padding: a sector that had no bytes comes back as zeros.
    std::string before = old_bytes(fd, from, to);
    before.resize(to - from);
    shim.note(record, before);
  }
  const ssize_t done = real().pwrite(fd, bytes, size, static_cast<off_t>(offset));
  errno = fails ? error : errno;
  return fails ? -1 : done;
}

int tracked_sync(int fd, const OpenFile& file, int (*sync)(int)) {
  Shim& shim = Shim::instance();
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(shim.mutex());
    before = shim.next_seq();
  }
  const bool fails = shim.fails("sync", file.path);
  const int error = errno;
  const int done = fails ? -1 : sync(fd);
  const std::lock_guard lock(shim.mutex());
  shim.note(
      {.change = done == 0 ? Change::synced : Change::lost, .seq = before, .inode = file.inode});
  errno = fails ? error : errno;
  return done;
}

/// The old length and what lies behind `size`; holes are passed over by seeking.
void note_resize(int fd, const OpenFile& file, std::uint64_t size) {
  Shim& shim = Shim::instance();
  if (!shim.keeps_journal()) return;
  JournalRecord record{.change = Change::resize, .inode = file.inode, .offset = size};
  record.old_size = size_of(fd);
  std::string cut;
  for (std::uint64_t at = size; at < record.old_size;) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0) break;
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    at = static_cast<std::uint64_t>(hole);
    cut.resize(static_cast<std::uint64_t>(data) - size);
    cut += old_bytes(fd, static_cast<std::uint64_t>(data), at);
  }
  shim.note(record, cut);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  Shim& shim = Shim::instance();
  if (!shim.concerns(path)) return real().open(path, flags, mode);
  if (shim.fails("open", path)) return -1;
  const std::lock_guard lock(shim.mutex());
  const bool is_new = (flags & O_CREAT) != 0 && ::access(path, F_OK) != 0;
  const int fd = real().open(path, flags, mode);
  if (fd < 0) return fd;
  shim.opened(fd, path);
  if (is_new) shim.note({.change = Change::created, .inode = inode_of(folder_of(path))}, {}, path);
  return fd;
}

/// What a fortified call without a mode becomes.
int __open_2(const char* path, int flags) { return open(path, flags); }

int close(int fd) {
  Shim::instance().closed(fd);
  return real().close(fd);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  const OpenFile* file = Shim::instance().find(fd);
  if (file == nullptr) return real().write(fd, bytes, size);
  // Only small files are written so, from their start on.
  const ssize_t done = tracked_write(fd, *file, static_cast<const char*>(bytes), size,
                                     static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_CUR)));
  if (done > 0) ::lseek(fd, done, SEEK_CUR);
  return done;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  const OpenFile* file = Shim::instance().find(fd);
  if (file == nullptr) return real().pwrite(fd, bytes, size, offset);
  return tracked_write(fd, *file, static_cast<const char*>(bytes), size,
                       static_cast<std::uint64_t>(offset));
}

ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  const OpenFile* file = Shim::instance().find(fd);
  std::string all;
  for (int i = 0; i < count; ++i)
    all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  if (file == nullptr) return real().pwrite(fd, all.data(), all.size(), offset);
  return tracked_write(fd, *file, all.data(), all.size(), static_cast<std::uint64_t>(offset));
}

ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  const OpenFile* file = Shim::instance().find(fd);
  if (file != nullptr && Shim::instance().fails("read", file->path)) return -1;
  return real().pread(fd, bytes, size, offset);
}

int fsync(int fd) {
  const OpenFile* file = Shim::instance().find(fd);
  return file == nullptr ? real().fsync(fd) : tracked_sync(fd, *file, real().fsync);
}

int fdatasync(int fd) {
  const OpenFile* file = Shim::instance().find(fd);
  return file == nullptr ? real().fdatasync(fd) : tracked_sync(fd, *file, real().fdatasync);
}

int ftruncate(int fd, off_t size) {
  Shim& shim = Shim::instance();
  const OpenFile* file = shim.find(fd);
  if (file == nullptr) return real().ftruncate(fd, size);
  if (shim.fails("truncate", file->path)) return -1;
  const std::lock_guard lock(shim.mutex());
  note_resize(fd, *file, static_cast<std::uint64_t>(size));
  return real().ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size) {
  Shim& shim = Shim::instance();
  const OpenFile* file = shim.find(fd);
  if (file == nullptr) return real().fallocate(fd, offset, size);
  if (shim.fails("fallocate", file->path)) return errno;
  const std::lock_guard lock(shim.mutex());
  note_resize(fd, *file, static_cast<std::uint64_t>(offset + size));
  return real().fallocate(fd, offset, size);
}

int rename(const char* from, const char* to) noexcept {
  Shim& shim = Shim::instance();
  if (!shim.concerns(to)) return real().rename(from, to);
  if (shim.fails("rename", to)) return -1;
  const std::lock_guard lock(shim.mutex());
  if (shim.keeps_journal()) {
    const std::string replaced = shim.keep(to);
    const std::uint64_t folder = inode_of(folder_of(to));
    if (!replaced.empty())
      shim.note({.change = Change::removed, .inode = folder}, {}, to, replaced);
    shim.note({.change = Change::renamed, .inode = folder}, {}, from, to);
  }
  return real().rename(from, to);
}

int unlink(const char* path) noexcept {
  Shim& shim = Shim::instance();
  if (!shim.concerns(path)) return real().unlink(path);
  if (shim.fails("unlink", path)) return -1;
  const std::lock_guard lock(shim.mutex());
  if (shim.keeps_journal()) {
    const std::string kept = shim.keep(path);
    if (!kept.empty())
      shim.note({.change = Change::removed, .inode = inode_of(folder_of(path))}, {}, path, kept);
  }
  return real().unlink(path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  Shim& shim = Shim::instance();
  if (!shim.concerns(path)) return real().mkdir(path, mode);
  if (shim.fails("mkdir", path)) return -1;
  const std::lock_guard lock(shim.mutex());
  const int done = real().mkdir(path, mode);
  if (done == 0)
    shim.note({.change = Change::made_folder, .inode = inode_of(folder_of(path))}, {}, path);
  return done;
}

}  // extern "C"
