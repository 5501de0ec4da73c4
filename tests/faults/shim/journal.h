// What the shim writes down about the archive's files and the power cut reads: one record for each
// change that is not durable before a sync, with what it takes to undo it.
#pragma once

#include <cstdint>

namespace latent::test {

enum class Change : std::uint32_t {
  write = 1,   ///< bytes of a file: what stood in [offset, …) before, whole sectors
  resize = 2,  ///< length of a file: the old one, and what a shorter one cut off
  synced = 3,  ///< all changes of `inode` before `seq` are durable
  lost = 4,    ///< a sync failed: all changes of `inode` before `seq` that are not durable are lost
  created = 5,  ///< a name in the folder `inode`
  removed = 6,  ///< a name; `second` is a hard link that keeps the file
  renamed = 7,  ///< from `first` to `second`
  made_folder = 8,
};

struct JournalRecord {
  static constexpr std::uint32_t kMagic = 0x4C4A524E;
  std::uint32_t magic = kMagic;
  Change change = Change::write;
  std::uint64_t seq = 0;
  std::uint64_t inode = 0;     ///< the file, or the folder that holds the name
  std::uint64_t offset = 0;    ///< of the old bytes
  std::uint64_t old_size = 0;  ///< of the file
  std::uint64_t old_bytes = 0;
  std::uint32_t first_length = 0, second_length = 0;
  // Followed by the old bytes, then both names.
};

inline constexpr std::uint64_t kSectorBytes = 512;

}  // namespace latent::test
