#include "storage/database/detail/cluster_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "storage/database/detail/errors.h"

namespace latent::storage::database {
namespace fs = std::filesystem;
namespace {

constexpr const char* kProgramsRoot = "/usr/lib/postgresql";  // Debian's; not on PATH

/// Durability, reach and secrecy; tech.md §3 measured the rest.
/// After a crash, one syncfs() instead of a sync of each of 1,200 files: 0.5 s instead of 5.5 s on
/// a busy disk. The log: PostgreSQL's errors may quote a value ('invalid input syntax for type
/// bigint: "…"'), so errors of statements are not logged at all: `log` stands above `error` in
/// log_min_messages. They reach the client, which blanks the values.
constexpr std::string_view kSettings =
    R"(# Written by latent at every start; put yours into postgresql.conf, below the include.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
fsync = on
full_page_writes = on
recovery_init_sync_method = syncfs
synchronous_commit = on
shared_buffers = 256MB
wal_compression = zstd
wal_buffers = 16MB
max_wal_size = 2GB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_file_mode = 0600
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_lock_waits = off
log_connections = off
log_disconnections = off
)";

int number_of(const std::string& text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string first_line_of(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

tl::unexpected<Error> file_error(std::string_view what, const fs::path& path) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)),
              std::string(kWhere));
}

/// A new file that replaces the old one. O_EXCL and rename also mean that, as root, we follow no
/// link that the server's user put there.
Result<void> replace_file(const fs::path& path, std::string_view content,
                          const PrivatePostgresConfig& config) {
  fs::path fresh = path;
  fresh += ".new";
  ::unlink(fresh.c_str());
  {
    const FileDescriptor file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return file_error("write", fresh);
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written != static_cast<ssize_t>(content.size())) return file_error("write", fresh);
    if (::geteuid() == 0 && config.run_as &&
        ::fchown(file.get(), config.run_as->uid, config.run_as->gid) != 0)
      return file_error("hand over", fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return file_error("rename", fresh);
  return {};
}

}  // namespace

Result<fs::path> find_programs(const fs::path& cluster) {
  const std::string made_by = first_line_of(cluster / "PG_VERSION");
  std::vector<int> versions;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(kProgramsRoot, ignored))
    if (fs::exists(entry.path() / "bin/postgres", ignored))
      versions.push_back(number_of(entry.path().filename().string()));
  std::sort(versions.begin(), versions.end());
  const int wanted = !made_by.empty()   ? number_of(made_by)
                     : versions.empty() ? -1
                                        : versions.back();
  if (std::find(versions.begin(), versions.end(), wanted) == versions.end())
    return fail(ErrorCode::unavailable,
                made_by.empty()
                    ? std::string("the PostgreSQL server programs are not installed; install the "
                                  "package postgresql-15, or name a server of your own (database)")
                    : fmt::format("the database in {} was made by PostgreSQL {}, whose server "
                                  "programs are not installed; install the package postgresql-{}",
                                  cluster.string(), made_by, made_by),
                std::string(kWhere));
  return fs::path(kProgramsRoot) / std::to_string(wanted) / "bin";
}

Result<std::string> user_name(uid_t uid) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return fail(ErrorCode::unavailable,
                fmt::format("user id {} has no name on this machine; PostgreSQL needs one", uid),
                std::string(kWhere));
  return std::string(found->pw_name);
}

Result<void> hand_over(const fs::path& path, const PrivatePostgresConfig& config) {
  if (::geteuid() != 0 || !config.run_as) return {};
  if (::lchown(path.c_str(), config.run_as->uid, config.run_as->gid) != 0)
    return file_error("hand over", path);
  return {};
}

Result<void> write_configuration(const PrivatePostgresConfig& config, const ClusterUsers& users) {
  std::string settings(kSettings);
  if (!config.durable) settings += "fsync = off\n";
  for (const std::string& line : config.settings) settings += line + '\n';
  LATENT_TRY_VOID(replace_file(config.folder / "latent.conf", settings, config));
  LATENT_TRY_VOID(replace_file(config.folder / "pg_hba.conf",
                               "# Written by latent at every start.\n"
                               "local all all peer map=latent\n",
                               config));
  std::string map = "# Written by latent at every start.\n";
  map += fmt::format("latent \"{}\" \"{}\"\n", users.server, users.server);
  if (users.client != users.server)
    map += fmt::format("latent \"{}\" \"{}\"\n", users.client, users.server);
  return replace_file(config.folder / "pg_ident.conf", map, config);
}

std::optional<PidFile> read_pid_file(const fs::path& cluster) {
  // Lines: pid, data folder, start time, port, socket folder, … (miscadmin.h, LOCK_FILE_LINE_*).
  std::ifstream in(cluster / "postmaster.pid");
  std::vector<std::string> lines;
  for (std::string line; lines.size() < 5 && std::getline(in, line);) lines.push_back(line);
  if (lines.empty()) return std::nullopt;
  PidFile file;
  file.pid = number_of(lines[0]);
  if (lines.size() == 5) file.socket_folder = lines[4];
  if (file.pid <= 0) return std::nullopt;
  return file;
}

bool belongs_to(pid_t pid, const fs::path& cluster) {
  const fs::path process = fs::path("/proc") / std::to_string(pid);
  if (first_line_of(process / "comm") != "postgres") return false;
  std::error_code error;
  const fs::path works_in = fs::read_symlink(process / "cwd", error);
  return !error && works_in == cluster;
}

bool has_processes(const fs::path& cluster) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const int pid = number_of(entry.path().filename().string());
    if (pid > 0 && belongs_to(pid, cluster)) return true;
  }
  return false;
}

void remove_stale_locks(const fs::path& cluster, const PidFile& gone) {
  std::error_code ignored;
  fs::remove(cluster / "postmaster.pid", ignored);
  if (!gone.socket_folder.empty())
    fs::remove(fs::path(gone.socket_folder) / (std::string(kSocketName) + ".lock"), ignored);
}

FileDescriptor open_newest_log(const fs::path& cluster) {
  fs::path newest;
  fs::file_time_type when = fs::file_time_type::min();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cluster / "log", error)) {
    const auto written = entry.last_write_time(error);
    if (error || written <= when) continue;
    when = written;
    newest = entry.path();
  }
  return FileDescriptor(::open(newest.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
}

std::string conninfo_value(std::string_view value) {
  std::string text = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + '\'';
}

}  // namespace latent::storage::database
