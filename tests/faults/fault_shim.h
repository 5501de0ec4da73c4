// Asks the preloaded shim (tests/faults/shim) to keep back or fail what the archive writes. Gives
// environment variables for ArchiveProcess; concerns seg/, ring/ and node of one data folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace latent::test {

/// Sanitizers stand at the same place before the C library: both at once do not work.
bool shim_works_here();

struct Fault {
  std::string kind;          ///< open read write sync rename fallocate truncate unlink mkdir
  long nth = 1;              ///< of these calls the first that fails
  std::string what = "EIO";  ///< EIO, ENOSPC, or slow=MILLISECONDS
  long count = 1;            ///< how many fail; 0: all from there on
  std::string path = {};     ///< only calls on paths that contain this
};

class FaultShim {
 public:
  /// `folder` is for the shim's own files, on the file system of `data_dir`; both exist as long as
  /// this.
  FaultShim(std::filesystem::path data_dir, std::filesystem::path folder);

  /// Notes everything that is not synced; begins a new journal.
  std::vector<std::string> with_journal();
  /// The fault counts from the start of the process, or (`is_switched`) while switch_on().
  enum class When { always, switched };
  std::vector<std::string> with_fault(const Fault& fault, When when = When::always);
  /// Both.
  std::vector<std::string> with_journal_and_fault(const Fault& fault);
  void switch_on();
  void switch_off();

  /// Calls that failed since with_fault(), "kind path" each.
  std::vector<std::string> hits() const;
  std::filesystem::path journal() const { return folder_ / "journal"; }
  std::filesystem::path kept() const { return folder_ / "kept"; }
  const std::filesystem::path& data_dir() const { return data_dir_; }

 private:
  std::vector<std::string> base() const;
  std::filesystem::path data_dir_, folder_;
};

}  // namespace latent::test
