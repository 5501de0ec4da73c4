// Runs another program to its end, the way a shell would but without one: arguments as they are,
// both outputs caught, a bound on the time.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace latent::test {

struct RunOptions {
  std::chrono::seconds patience{120};
  std::filesystem::path working_directory = {};  ///< empty: the caller's
  std::vector<std::string> environment = {};     ///< "NAME=value", added to the caller's
};

struct RunResult {
  int exit_code = -1;  ///< -1 when it was ended by a signal, or by us when time was up
  int signal = 0;
  bool timed_out = false;
  std::string output;  ///< standard output, whole
  std::string errors;  ///< standard error, whole
  /// For assertion messages.
  std::string report() const;
};

/// `command.front()` is looked up in PATH. Its children are ended with it when time is up. Throws
/// std::runtime_error when it cannot be started.
RunResult run_program(const std::vector<std::string>& command, const RunOptions& options = {});

/// False when PATH holds no such program.
bool program_exists(const std::string& name);

/// Waits for a child's end; false when the deadline comes first. Then waitpid() does not block.
bool wait_for_exit(int process, std::chrono::steady_clock::time_point deadline);

}  // namespace latent::test
