// The product itself as a process: `latent serve` on a data folder of its own, for tests that see
// it from outside as its users do. Works for root (the server then runs as the user `latent`) and
// for an ordinary user.
//   ArchiveProcess archive({.arguments = {"--remote", "SINK=127.0.0.1:" + port}});
//   run_program({"echoscu", "127.0.0.1", archive.port_text()});
// Everything that cannot be set up throws std::runtime_error, with the end of the server's log.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "security/base/raii.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_directory.h"

namespace latent::test {

/// The binary under test: $LATENT_BIN, else the one of this build.
std::filesystem::path latent_binary();

class ArchiveProcess {
 public:
  struct Options {
    std::vector<std::string> arguments = {};    ///< added to `latent serve --data …`
    std::string configuration = {};             ///< TOML; empty: no --config
    std::vector<std::string> environment = {};  ///< "NAME=value", for fail points
    std::chrono::seconds patience{60};          ///< until `ready`
    std::filesystem::path data_dir = {};        ///< empty: a folder of its own
    std::vector<std::string> wrapper = {};      ///< a program that executes the archive
  };
  /// A start that came to nothing.
  struct Refusal {
    int exit_code = -1;  ///< -1 when a signal ended it
    int signal = 0;
    std::string log;  ///< what was said meanwhile
  };

  /// Returns when `ready` was printed.
  ArchiveProcess() : ArchiveProcess(Options{}) {}
  explicit ArchiveProcess(Options options);
  /// Not started yet.
  struct NotStarted {};
  ArchiveProcess(Options options, NotStarted);
  /// Ends the server and its database, by force when it must.
  ~ArchiveProcess();
  ArchiveProcess(const ArchiveProcess&) = delete;
  ArchiveProcess& operator=(const ArchiveProcess&) = delete;

  std::uint16_t port() const { return port_; }
  std::string port_text() const { return std::to_string(port_); }
  std::filesystem::path data_dir() const {
    return options_.data_dir.empty() ? folder_ / "data" : options_.data_dir;
  }
  std::filesystem::path root_key() const { return data_dir().string() + ".root-key"; }
  /// A folder beside the data folder, for what a test writes; gone with this object.
  std::filesystem::path scratch(const std::string& name) const;
  /// Standard error of all starts, and what was printed before the last `ready`.
  std::string log() const;
  const std::string& printed() const { return printed_; }
  std::filesystem::path log_file() const { return folder_ / "log"; }
  int process_id() const { return process_; }

  /// SIGTERM; the exit code, -1 when a signal ended it. Throws when it does not end in time.
  int stop();
  /// SIGKILL, to the server alone: its database lives on, as after a crash.
  void kill();
  /// True when it ended by itself (a fail point) before the deadline.
  bool wait_for_end(std::chrono::steady_clock::time_point deadline);
  /// Starts it again on the same folder.
  void start();
  /// The same when it may come to nothing: why, or nothing when it is ready.
  std::optional<Refusal> try_start();
  /// The postmaster of its private database; 0 when none runs.
  int database_process() const;
  /// Replaces Options::environment for the next start.
  void set_environment(std::vector<std::string> environment) {
    options_.environment = std::move(environment);
  }
  bool is_running() const;

  /// `latent VERB … --data DIR`.
  RunResult run(std::vector<std::string> words,
                std::chrono::seconds patience = std::chrono::seconds(120)) const;

 private:
  void launch();
  /// False when it ended before.
  bool wait_for_ready();
  void read_addresses();
  void end_database();

  Options options_;
  TemporaryDirectory folder_;
  int process_ = -1;
  std::uint16_t port_ = 0;
  std::string printed_;
  FileDescriptor output_;  ///< kept open: the server may print more
};

/// `latent verify` finds nothing.
void expect_verified(const ArchiveProcess& archive);

}  // namespace latent::test
