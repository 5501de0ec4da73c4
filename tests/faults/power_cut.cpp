#include "tests/faults/power_cut.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "security/base/raii.h"
#include "tests/faults/shim/journal.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;

struct Entry {
  JournalRecord head;
  std::string old_bytes, first, second;
  bool is_lost = false;  ///< by a sync that failed: no later one brings it back
};

std::vector<Entry> read_journal(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(stream), {}};
  std::vector<Entry> entries;
  std::size_t at = 0;
  const auto take = [&](std::uint64_t size) {
    std::string piece = all.substr(at, size);
    at += size;
    return piece;
  };
  // The last record may be cut by the kill; what it announces was then not done.
  while (all.size() - at >= sizeof(JournalRecord)) {
    Entry entry;
    std::memcpy(&entry.head, &all[at], sizeof entry.head);
    if (entry.head.magic != JournalRecord::kMagic) throw std::runtime_error("journal out of step");
    const std::uint64_t rest =
        entry.head.old_bytes + entry.head.first_length + entry.head.second_length;
    if (all.size() - at - sizeof entry.head < rest) break;
    at += sizeof entry.head;
    entry.old_bytes = take(entry.head.old_bytes);
    entry.first = take(entry.head.first_length);
    entry.second = take(entry.head.second_length);
    entries.push_back(std::move(entry));
  }
  return entries;
}

/// The changes that no sync covers, oldest first.
std::vector<Entry> not_durable(std::vector<Entry> entries) {
  std::vector<Entry> open;
  for (Entry& entry : entries) {
    const bool is_sync = entry.head.change == Change::synced;
    if (!is_sync && entry.head.change != Change::lost) {
      open.push_back(std::move(entry));
      continue;
    }
    const auto is_covered = [&](const Entry& change) {
      return change.head.inode == entry.head.inode && change.head.seq < entry.head.seq;
    };
    if (is_sync) {
      std::erase_if(open,
                    [&](const Entry& change) { return is_covered(change) && !change.is_lost; });
    } else {
      for (Entry& change : open) change.is_lost |= is_covered(change);
    }
  }
  return open;
}

/// How much of what is not durable survives.
struct Style {
  std::string name;
  double keep_sector, keep_name, keep_length;
};

class Undo {
 public:
  Undo(const FaultShim& shim, Style style, std::mt19937_64& random)
      : shim_(shim), style_(std::move(style)), random_(random) {
    cut_.style = style_.name;
    for (const fs::path& folder : {shim.data_dir() / "seg", shim.data_dir() / "ring", shim.kept()})
      index(folder);
    index_file(shim.data_dir() / "node");
  }

  PowerCut run(const std::vector<Entry>& changes) {
    // Newest first. What is kept of one sector, length or name keeps all that came before it
    // there, since each of them has passed through its states in this order.
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
      if (change->head.change == Change::write) undo_bytes(*change);
      if (change->head.change == Change::resize) undo_resize(*change);
      if (change->head.change >= Change::created) undo_name(*change);
    }
    for (const auto& [inode, length] : lengths_) set_length(inode, length);
    return cut_;
  }

 private:
  bool stays(double likelihood) { return std::bernoulli_distribution(likelihood)(random_); }

  void index(const fs::path& folder) {
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(folder, none)) index_file(entry);
  }
  void index_file(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode))
      descriptors_.try_emplace(status.st_ino, ::open(path.c_str(), O_RDWR | O_CLOEXEC));
  }

  /// -1: the file went away in a way that the journal knows too.
  int descriptor(std::uint64_t inode) const {
    const auto found = descriptors_.find(inode);
    return found == descriptors_.end() ? -1 : found->second.get();
  }

  void undo_bytes(const Entry& change) {
    const int fd = descriptor(change.head.inode);
    if (fd < 0) return;
    for (std::uint64_t at = 0; at < change.old_bytes.size(); at += kSectorBytes) {
      const std::pair sector(change.head.inode, (change.head.offset + at) / kSectorBytes);
      if (!change.is_lost) {
        if (kept_sectors_.contains(sector)) continue;
        if (stays(style_.keep_sector)) {
          kept_sectors_.insert(sector);
          ++cut_.sectors_kept;
          continue;
        }
      }
      write_back(fd, change, at, kSectorBytes);
      ++cut_.sectors_lost;
    }
    undo_length(change);
  }

  void undo_resize(const Entry& change) {
    const int fd = descriptor(change.head.inode);
    if (fd < 0) return;
    if (undo_length(change)) write_back(fd, change, 0, change.old_bytes.size());
  }

  static void write_back(int fd, const Entry& change, std::uint64_t at, std::uint64_t size) {
    size = std::min<std::uint64_t>(size, change.old_bytes.size() - at);
    if (::pwrite(fd, &change.old_bytes[at], size, static_cast<off_t>(change.head.offset + at)) < 0)
      throw std::runtime_error("cannot write back");
  }

  /// True when the old length counts again.
  bool undo_length(const Entry& change) {
    const std::uint64_t inode = change.head.inode;
    lengths_.try_emplace(inode, length_of(inode));
    if (!change.is_lost) {
      if (kept_lengths_.contains(inode)) return false;
      if (stays(style_.keep_length)) {
        kept_lengths_.insert(inode);
        return false;
      }
    }
    if (lengths_[inode] != change.head.old_size) ++cut_.lengths_lost;
    lengths_[inode] = change.head.old_size;
    return true;
  }
  std::uint64_t length_of(std::uint64_t inode) const {
    struct stat status {};
    return ::fstat(descriptor(inode), &status) == 0 ? static_cast<std::uint64_t>(status.st_size)
                                                    : 0;
  }
  void set_length(std::uint64_t inode, std::uint64_t length) const {
    if (::ftruncate(descriptor(inode), static_cast<off_t>(length)) != 0)
      throw std::runtime_error("cannot set a length");
  }

  void undo_name(const Entry& change) {
    if (!change.is_lost) {
      const bool is_kept = kept_names_.contains(change.first) ||
                           (!change.second.empty() && kept_names_.contains(change.second));
      if (is_kept || stays(style_.keep_name)) {
        kept_names_.insert(change.first);
        if (!change.second.empty()) kept_names_.insert(change.second);
        return;
      }
    }
    ++cut_.names_lost;
    std::error_code none;
    switch (change.head.change) {
      case Change::created:
        fs::remove(change.first, none);
        break;
      case Change::removed:
        fs::create_hard_link(change.second, change.first, none);
        break;
      case Change::renamed:
        fs::rename(change.second, change.first, none);
        break;
      case Change::made_folder:
        fs::remove_all(change.first, none);
        break;
      default:
        break;
    }
  }

  const FaultShim& shim_;
  const Style style_;
  std::mt19937_64& random_;
  PowerCut cut_;
  std::map<std::uint64_t, FileDescriptor> descriptors_;
  std::map<std::uint64_t, std::uint64_t> lengths_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> kept_sectors_;
  std::set<std::uint64_t> kept_lengths_;
  std::set<std::string> kept_names_;
};

Style any_style(std::mt19937_64& random) {
  static const std::array<Style, 6> kStyles{{
      {"all that was not synced", 0, 0, 0},
      {"nothing", 1, 1, 1},
      {"half of the sectors", 0.5, 0.5, 0.5},
      {"most sectors, all names", 0.1, 0, 1},
      {"a few sectors", 0.95, 1, 1},
      {"names only", 1, 0, 1},
  }};
  return kStyles[std::uniform_int_distribution<std::size_t>(0, kStyles.size() - 1)(random)];
}

}  // namespace

PowerCut cut_power(const FaultShim& shim, std::mt19937_64& random) {
  const auto changes = not_durable(read_journal(shim.journal()));
  return Undo(shim, any_style(random), random).run(changes);
}

}  // namespace latent::test
