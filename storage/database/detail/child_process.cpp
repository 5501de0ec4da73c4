#include "storage/database/detail/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to declare these as C functions
}

#include "storage/database/detail/errors.h"

namespace latent::storage::database {
namespace {

/// Between fork and exec only async-signal-safe calls are allowed: everything they need is made
/// before (other threads may hold malloc's lock at the moment of the fork).
[[noreturn]] void become(const Command& command, char* const* arguments, char* const* environment,
                         int input, pid_t parent) {
  ::setsid();
  if (::dup2(input, 0) < 0 || ::dup2(command.output, 1) < 0 || ::dup2(command.output, 2) < 0)
    ::_exit(127);
  ::close_range(3, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
  ::umask(077);
  if (command.run_as) {
    const auto& user = *command.run_as;
    if (::setgroups(0, nullptr) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0)
      ::_exit(127);
  }
  // After setuid, which clears it.
  if (command.end_with_this_thread &&
      (::prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || ::getppid() != parent))
    ::_exit(127);
  // The folder we were started in may not be enterable for that user.
  if (::chdir("/") != 0) ::_exit(127);
  ::execve(arguments[0], arguments, environment);
  static constexpr char kMessage[] = "cannot execute the program\n";
  // Whether anybody reads it or not, the child ends here.
  ::_exit(::write(2, kMessage, sizeof kMessage - 1) < 0 ? 126 : 127);
}

}  // namespace

Result<Process> Process::start(const Command& command) {
  std::vector<std::string> owned = command.arguments;
  std::vector<char*> arguments;
  for (std::string& argument : owned) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  // English messages (we look for some), a clean rest.
  char lc_all[] = "LC_ALL=C", tz[] = "TZ=UTC", path[] = "PATH=/usr/bin:/bin";
  char* const environment[] = {lc_all, tz, path, nullptr};
  const FileDescriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(command, arguments.data(), environment, input.get(), parent);
  if (pid < 0)
    return fail(ErrorCode::unavailable,
                fmt::format("cannot start {}: {}", owned[0], std::strerror(errno)),
                std::string(kWhere));
  Process process;
  process.pid_ = pid;
  process.child_ = true;
  process.pidfd_ = FileDescriptor(::pidfd_open(pid, 0));
  if (!process.pidfd_)
    return fail(ErrorCode::unavailable,
                fmt::format("cannot watch {}: {}", owned[0], std::strerror(errno)),
                std::string(kWhere));
  return process;
}

std::optional<Process> Process::attach(pid_t pid) {
  Process process;
  process.pid_ = pid;
  process.pidfd_ = FileDescriptor(::pidfd_open(pid, 0));
  if (!process.running()) return std::nullopt;
  return process;
}

bool Process::running() const {
  if (!pidfd_) return false;
  pollfd watched{pidfd_.get(), POLLIN, 0};
  return ::poll(&watched, 1, 0) == 0;
}

bool Process::wait(Deadline deadline) {
  if (!pidfd_) return true;
  for (;;) {
    using namespace std::chrono;
    const auto left = ceil<milliseconds>(deadline - steady_clock::now()).count();
    pollfd watched{pidfd_.get(), POLLIN, 0};
    const int ready =
        ::poll(&watched, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
    if (ready > 0) break;
    if (ready == 0 && left <= 0) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
  if (child_) {
    int status = 0;
    succeeded_ =
        ::waitpid(pid_, &status, 0) == pid_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  pidfd_.reset();
  return true;
}

void Process::signal(int number) const {
  if (pidfd_) ::pidfd_send_signal(pidfd_.get(), number, nullptr, 0);
}

}  // namespace latent::storage::database
