// An archive under attack, seen from outside: a known peer that is served all the while, the
// server's memory, and a table of what came of each attack, which is the proof that docs/proof.md
// shows. The table is printed at the end of the test program; with LATENT_PROOF=FOLDER each kind of
// attack also becomes FOLDER/hostile_<kind>.md.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"

namespace latent::test {

/// Resident memory of a process, in KiB.
class ServerMemory {
 public:
  explicit ServerMemory(int process) : process_(process) {}
  std::size_t resident() const;
  std::size_t peak() const;
  /// The peak counts from now on.
  void forget_peak() const;

 private:
  int process_;
};

/// A peer in good standing that associates, says C-ECHO and releases, over and over, in a thread of
/// its own, and remembers the worst time from connecting to the answer of its C-ECHO.
class Watcher {
 public:
  explicit Watcher(std::uint16_t port);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  struct Report {
    std::size_t served = 0;
    double worst_ms = 0;
    std::string failure{};  ///< of the first one that was not served
    /// How late a thread that does nothing was woken at worst: what the machine itself, with
    /// whatever else it runs, takes away from everybody.
    double machine_ms = 0;
  };
  Report report() const;

 private:
  void run();
  void take_pulse();
  DicomPeer peer_;
  mutable std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  Report report_;
  std::thread thread_, pulse_;  ///< last: they use all of the above
};

class Siege {
 public:
  /// `kind` names the table: "files", "pdus", … The watcher calls as KNOWN.
  explicit Siege(std::string kind, ArchiveProcess::Options options = {});
  /// Ends the watcher and asserts that it was always served.
  ~Siege();
  Siege(const Siege&) = delete;
  Siege& operator=(const Siege&) = delete;

  ArchiveProcess& archive() { return archive_; }
  std::uint16_t port() const { return archive_.port(); }
  const ServerMemory& memory() const { return memory_; }

  /// Runs one attack and puts its row into the table. `run` returns the verdict as text; the growth
  /// is what the server's memory rose at its highest. Returns the verdict.
  template <class Run>
  std::string attack(const std::string& input, Run run, std::size_t growth_kib_max = 16 << 10) {
    const Start start = begin();
    std::string verdict = run();
    end(start, input, verdict, growth_kib_max);
    return verdict;
  }
  /// A line below the table.
  void note(const std::string& line);

 private:
  struct Start {
    std::chrono::steady_clock::time_point time;
    std::size_t resident_kib = 0;
  };
  Start begin() const;
  void end(const Start& start, const std::string& input, const std::string& verdict,
           std::size_t growth_kib_max);

  std::string kind_;
  ArchiveProcess archive_;
  ServerMemory memory_;
  Watcher watcher_;
};

}  // namespace latent::test
