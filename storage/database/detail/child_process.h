// Starting and waiting for the server programs. Processes are held by pidfd: a process id that the
// kernel gave to somebody else is never signalled.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "security/base/clock.h"
#include "security/base/raii.h"
#include "security/base/result.h"
#include "storage/database/private_postgres.h"

namespace latent::storage::database {

struct Command {
  std::vector<std::string> arguments = {};  ///< the first is the program's path
  std::optional<PrivatePostgresConfig::ServiceUser> run_as = std::nullopt;
  int output = -1;  ///< descriptor for standard output and error
  bool end_with_this_thread = false;
};

class Process {
 public:
  Process() = default;
  /// Starts a child in a session of its own (a Ctrl-C in the terminal is for latent alone) with no
  /// descriptor of ours but `output`: an inherited folder lock would outlive us with the child.
  static Result<Process> start(const Command& command);
  /// Any running process, usually not our child. Nothing when there is none.
  static std::optional<Process> attach(pid_t pid);

  pid_t pid() const { return pid_; }
  /// True when it ended before `deadline`; a child is reaped then.
  bool wait(Deadline deadline);
  bool running() const;
  void signal(int number) const;
  /// After wait() of a child: it exited with 0.
  bool succeeded() const { return succeeded_; }

 private:
  pid_t pid_ = -1;
  FileDescriptor pidfd_;
  bool child_ = false;
  bool succeeded_ = false;
};

}  // namespace latent::storage::database
