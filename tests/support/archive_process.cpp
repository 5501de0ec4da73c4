#include "tests/support/archive_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "security/base/clock.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string last_lines(const std::string& log) {
  constexpr std::size_t kShown = 4000;
  return log.size() > kShown ? "…" + log.substr(log.size() - kShown) : log;
}

}  // namespace

fs::path latent_binary() {
  if (const char* set = std::getenv("LATENT_BIN"); set != nullptr && *set != '\0') return set;
  return LATENT_BINARY;
}

ArchiveProcess::ArchiveProcess(Options options, NotStarted) : options_(std::move(options)) {}
// By way of the other one, so that the destructor cleans up after a start that fails.
ArchiveProcess::ArchiveProcess(Options options) : ArchiveProcess(std::move(options), NotStarted{}) {
  start();
}

ArchiveProcess::~ArchiveProcess() {
  if (is_running()) {
    ::kill(process_, SIGTERM);
    if (!wait_for_exit(process_, deadline_in(std::chrono::seconds(20)))) ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  end_database();
}

void ArchiveProcess::start() {
  if (const auto refusal = try_start())
    throw std::runtime_error("the archive did not start: " + last_lines(refusal->log));
}

std::optional<ArchiveProcess::Refusal> ArchiveProcess::try_start() {
  std::error_code none;
  const auto said_before = fs::file_size(log_file(), none);
  launch();
  if (wait_for_ready()) {
    read_addresses();
    return std::nullopt;
  }
  int status = 0;
  ::waitpid(std::exchange(process_, -1), &status, 0);
  Refusal refusal;
  if (WIFEXITED(status)) refusal.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) refusal.signal = WTERMSIG(status);
  refusal.log = log();
  if (!none) refusal.log.erase(0, said_before);
  return refusal;
}

void ArchiveProcess::launch() {
  if (is_running()) throw std::runtime_error("the archive runs already");
  std::vector<std::string> words = options_.wrapper;
  words.insert(words.end(), {latent_binary().string(), "serve", "--data", data_dir().string()});
  if (!options_.configuration.empty()) {
    std::ofstream(folder_ / "latent.toml") << options_.configuration;
    words.insert(words.end(), {"--config", (folder_ / "latent.toml").string()});
  }
  words.insert(words.end(), {"--dimse-port", "0"});
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  for (std::string& entry : options_.environment) environment.push_back(entry.data());
  environment.push_back(nullptr);

  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  FileDescriptor read_end(ends[0]), write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const ScopeExit free_actions([&] { posix_spawn_file_actions_destroy(&actions); });
  const std::string log = log_file().string();
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int failure = ::posix_spawnp(&process_, arguments.front(), &actions, nullptr,
                                     arguments.data(), environment.data());
  if (failure != 0) throw std::system_error(failure, std::generic_category(), words.front());
  output_ = std::move(read_end);
}

bool ArchiveProcess::wait_for_ready() {
  const Deadline deadline = deadline_in(options_.patience);
  printed_.clear();
  while (!printed_.starts_with("ready\n") && printed_.find("\nready\n") == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd entry{output_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0)
      throw std::runtime_error("the archive is not ready in time: " + last_lines(this->log()));
    std::array<char, 4096> piece{};
    const ssize_t got = ::read(output_.get(), piece.data(), piece.size());
    if (got <= 0) return false;
    printed_.append(piece.data(), static_cast<std::size_t>(got));
  }
  return true;
}

void ArchiveProcess::read_addresses() {
  const std::string before = "127.0.0.1:";
  const std::size_t line = printed_.find("DICOM ");
  const std::size_t at = line == std::string::npos ? line : printed_.find(before, line);
  if (at == std::string::npos)
    throw std::runtime_error("no DICOM address printed before `ready`: " + printed_);
  port_ = static_cast<std::uint16_t>(std::strtoul(&printed_[at + before.size()], nullptr, 10));
}

fs::path ArchiveProcess::scratch(const std::string& name) const {
  const fs::path folder = folder_ / name;
  fs::create_directories(folder);
  return folder;
}

std::string ArchiveProcess::log() const { return text_of(log_file()); }

bool ArchiveProcess::is_running() const { return process_ > 0; }

int ArchiveProcess::stop() {
  if (!is_running()) throw std::runtime_error("the archive does not run");
  ::kill(process_, SIGTERM);
  if (!wait_for_exit(process_, deadline_in(std::chrono::seconds(30))))
    throw std::runtime_error("the archive does not stop: " + last_lines(log()));
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void ArchiveProcess::kill() {
  if (!is_running()) throw std::runtime_error("the archive does not run");
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

bool ArchiveProcess::wait_for_end(std::chrono::steady_clock::time_point deadline) {
  if (!is_running()) return true;
  if (!wait_for_exit(process_, deadline)) return false;
  ::waitpid(std::exchange(process_, -1), nullptr, 0);
  return true;
}

int ArchiveProcess::database_process() const {
  const int server = std::atoi(text_of(data_dir() / "pg" / "postmaster.pid").c_str());
  return server > 1 ? server : 0;
}

RunResult ArchiveProcess::run(std::vector<std::string> words, std::chrono::seconds patience) const {
  words.insert(words.begin(), latent_binary().string());
  words.insert(words.end(), {"--data", data_dir().string()});
  return run_program(words, {.patience = patience});
}

void ArchiveProcess::end_database() {
  const int server = database_process();
  if (server == 0) return;
  ::kill(server, SIGQUIT);  // immediate shutdown, its children go with it
  wait_for_exit(server, deadline_in(std::chrono::seconds(10)));
}

void expect_verified(const ArchiveProcess& archive) {
  const RunResult verified = archive.run({"verify"}, std::chrono::seconds(900));
  EXPECT_EQ(verified.exit_code, 0) << verified.report();
}

}  // namespace latent::test
