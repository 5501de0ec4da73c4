// A file beside the private PostgreSQL that is there to be removed: when the disk is full, its
// space lets audit rows be written for a while, so that reads go on (formats.md §4, "Disk");
// without it PostgreSQL could not write its log and would end. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>

namespace latent::storage::database {

class Ballast {
 public:
  static constexpr std::uint64_t kBytes = 64ull << 20;  ///< four files of PostgreSQL's log
  /// Freed when less than this is left, made (again) when so much is left beside it.
  static constexpr std::uint64_t kFreedBelow = 64ull << 20;
  static constexpr std::uint64_t kMadeAbove = 256ull << 20;

  /// `file` lies on PostgreSQL's file system; its folder exists.
  explicit Ballast(std::filesystem::path file) : file_(std::move(file)) {}

  /// Looks at the free space and makes or frees it, or leaves it. What cannot be done is logged and
  /// tried at the next look.
  void look();

 private:
  void make();
  const std::filesystem::path file_;
};

}  // namespace latent::storage::database
