#include "tests/support/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "security/base/clock.h"
#include "security/base/raii.h"

namespace latent::test {
namespace {

struct Pipe {
  FileDescriptor read_end, write_end;
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe");
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
  }
};

int milliseconds_left(Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

/// Reads what is there; false at the end.
bool drain(int descriptor, std::string& into) {
  std::array<char, 65536> piece{};
  const ssize_t got = ::read(descriptor, piece.data(), piece.size());
  if (got > 0) into.append(piece.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

/// Both outputs until both end; false when time is up.
bool collect(const Pipe& output, const Pipe& errors, RunResult& result, Deadline deadline) {
  std::array<pollfd, 2> ends{
      {{output.read_end.get(), POLLIN, 0}, {errors.read_end.get(), POLLIN, 0}}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const int ready = ::poll(ends.data(), ends.size(), milliseconds_left(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    if (ends[0].revents != 0 && !drain(ends[0].fd, result.output)) ends[0].fd = -1;
    if (ends[1].revents != 0 && !drain(ends[1].fd, result.errors)) ends[1].fd = -1;
  }
  return true;
}

pid_t spawn(const std::vector<std::string>& command, const RunOptions& options, const Pipe& output,
            const Pipe& errors) {
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> added = options.environment;
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  for (std::string& entry : added) environment.push_back(entry.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const ScopeExit free_actions([&] { posix_spawn_file_actions_destroy(&actions); });
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output.write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.write_end.get(), STDERR_FILENO);
  if (!options.working_directory.empty())
    posix_spawn_file_actions_addchdir_np(&actions, options.working_directory.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const ScopeExit free_attributes([&] { posix_spawnattr_destroy(&attributes); });
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);

  pid_t process = -1;
  const int failure = ::posix_spawnp(&process, arguments.front(), &actions, &attributes,
                                     arguments.data(), environment.data());
  if (failure != 0) throw std::system_error(failure, std::generic_category(), command.front());
  return process;
}

}  // namespace

std::string RunResult::report() const {
  std::ostringstream text;
  text << "exit code " << exit_code;
  if (signal != 0) text << ", signal " << signal;
  if (timed_out) text << ", time was up";
  text << "\n--- standard output\n" << output << "\n--- standard error\n" << errors;
  return text.str();
}

bool wait_for_exit(int process, Deadline deadline) {
  const FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!handle) return errno == ESRCH;
  pollfd entry{handle.get(), POLLIN, 0};
  int ready = -1;
  do ready = ::poll(&entry, 1, milliseconds_left(deadline));
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

RunResult run_program(const std::vector<std::string>& command, const RunOptions& options) {
  const Deadline deadline = deadline_in(options.patience);
  Pipe output, errors;
  const pid_t process = spawn(command, options, output, errors);
  output.write_end.reset();
  errors.write_end.reset();

  RunResult result;
  result.timed_out =
      !collect(output, errors, result, deadline) || !wait_for_exit(process, deadline);
  if (result.timed_out) ::kill(-process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

bool program_exists(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  return false;
}

}  // namespace latent::test
