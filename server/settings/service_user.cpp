#include "server/settings/service_user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "security/base/log.h"
#include "security/base/raii.h"

namespace latent::server::settings {
namespace {

constexpr const char* kUserName = "latent";

Error system_error(std::string_view doing) {
  return make_error(ErrorCode::unavailable, fmt::format("{}: {}", doing, std::strerror(errno)),
                    "service_user");
}

std::optional<ServiceUser> look_up() {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(kUserName, &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr)
    return std::nullopt;
  return ServiceUser{kUserName, entry.pw_uid, entry.pw_gid};
}

Result<void> run_useradd() {
  std::array<std::string, 8> words = {"/usr/sbin/useradd",         "--system",   "--user-group",
                                      "--no-create-home",          "--home-dir", "/nonexistent",
                                      "--shell=/usr/sbin/nologin", kUserName};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::array<char*, 2> environment = {path.data(), nullptr};

  pid_t child = 0;
  errno = ::posix_spawn(&child, argv.front(), nullptr, nullptr, argv.data(), environment.data());
  if (errno != 0)
    return fail(system_error("useradd cannot be started; make the user \"latent\" yourself"));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail(system_error("waiting for useradd"));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(
        ErrorCode::unavailable,
        "useradd could not make the user \"latent\"; make it yourself, without login and home",
        "service_user");
  return {};
}

/// True when the folder holds nothing. `folder` stays open and the caller's.
bool is_empty(int folder) {
  std::error_code error;
  return std::filesystem::is_empty(fmt::format("/proc/self/fd/{}", folder), error) && !error;
}

}  // namespace

bool running_as_root() { return ::geteuid() == 0 || ::getuid() == 0; }

std::string user_name(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer;
  ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::string(found->pw_name) : std::to_string(user);
}

Result<ServiceUser> find_or_create_service_user() {
  auto user = look_up();
  if (!user) {
    LATENT_TRY_VOID(run_useradd());
    user = look_up();
    if (!user)
      return fail(ErrorCode::unavailable,
                  "useradd made the user \"latent\", but it cannot be looked up", "service_user");
    log::info("system user made", "user", user->name, "uid", user->uid);
  }
  if (user->uid == 0 || user->gid == 0)
    return fail(ErrorCode::refused,
                "the user \"latent\" has root's rights; give it an id of its own", "service_user");
  return *user;
}

Result<void> make_folder_for(const ServiceUser& user, const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (error)
    return fail(
        ErrorCode::unavailable,
        fmt::format("{} cannot be made: {}", folder.parent_path().string(), error.message()),
        "service_user");
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(system_error(folder.string() + " cannot be made"));

  const FileDescriptor opened(
      ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) return fail(system_error(folder.string() + " cannot be opened as a folder"));
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return fail(system_error(folder.string()));
  if (status.st_uid == user.uid) return {};
  if (status.st_uid != 0 || !is_empty(opened.get()))
    return fail(
        ErrorCode::refused,
        fmt::format(
            "{} belongs to another user (id {}) and the archive runs as \"{}\"; give the folder "
            "to that user (chown -R) or name another one with --data",
            folder.string(), status.st_uid, user.name),
        "service_user");
  if (::fchown(opened.get(), user.uid, user.gid) != 0 || ::fchmod(opened.get(), 0700) != 0)
    return fail(system_error(folder.string() + " cannot be given to the user latent"));
  return {};
}

Result<void> hand_over(const ServiceUser& user, const std::filesystem::path& file) {
  const FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!opened) return fail(system_error(file.string() + " cannot be opened"));
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return fail(system_error(file.string()));
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1)
    return fail(ErrorCode::refused, file.string() + " is not a file of its own (link or device)",
                "service_user");
  if (::fchown(opened.get(), user.uid, user.gid) != 0 || ::fchmod(opened.get(), 0600) != 0)
    return fail(system_error(file.string() + " cannot be given to the user latent"));
  return {};
}

Result<void> become(const ServiceUser& user) {
  if (user.uid == 0 || user.gid == 0)
    return fail(ErrorCode::internal, "become() was asked for root", "service_user");
  if (::chdir("/") != 0) return fail(system_error("chdir to /"));
  if (::setgroups(0, nullptr) != 0) return fail(system_error("giving up root's groups"));
  if (::setresgid(user.gid, user.gid, user.gid) != 0)
    return fail(system_error("becoming group latent"));
  if (::setresuid(user.uid, user.uid, user.uid) != 0)
    return fail(system_error("becoming user latent"));
  // If any of these succeeds we are not who we say we are.
  if (::setuid(0) == 0 || ::seteuid(0) == 0 || ::setgid(0) == 0 || ::geteuid() != user.uid ||
      ::getuid() != user.uid || ::getegid() != user.gid || ::getgroups(0, nullptr) != 0)
    return fail(ErrorCode::internal, "root's rights could be regained after giving them up",
                "service_user");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(system_error("no new privileges"));
  const rlimit no_core{0, 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return fail(system_error("no core dumps"));
  ::unsetenv("HOME");  // root's; its files are closed to us and libpq would look there
  return {};
}

Result<void> leave_root(const std::filesystem::path& data_dir,
                        const std::filesystem::path& root_key_file) {
  if (!running_as_root()) return {};
  LATENT_TRY(const ServiceUser user, find_or_create_service_user());
  LATENT_TRY_VOID(make_folder_for(user, data_dir));
  if (!root_key_file.empty()) LATENT_TRY_VOID(hand_over(user, root_key_file));
  LATENT_TRY_VOID(become(user));
  for (const auto& path : {data_dir, root_key_file})
    if (!path.empty() && ::access(path.c_str(), R_OK | W_OK) != 0)
      return fail(
          ErrorCode::refused,
          fmt::format("the user \"{}\", as which the archive runs, cannot use {} ({}): a folder "
                      "above it is closed; name another one with --data",
                      user.name, path.string(), std::strerror(errno)),
          "service_user");
  return {};
}

}  // namespace latent::server::settings
