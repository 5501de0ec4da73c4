// Descriptors kept open for reading, the least recently used closed first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <unordered_map>

#include "security/base/mutex.h"
#include "security/base/raii.h"
#include "security/base/result.h"

namespace latent::storage::blobs::detail {

/// Threads: safe; no lock is held while a file is opened or read.
class FileCache {
 public:
  FileCache(std::filesystem::path folder, std::size_t files_max);
  /// Stays open as long as the caller holds it. Errors: not_found, unavailable.
  Result<std::shared_ptr<const FileDescriptor>> file(std::uint64_t segment);

 private:
  using File = std::shared_ptr<const FileDescriptor>;
  using Order = std::list<std::pair<std::uint64_t, File>>;

  const std::filesystem::path folder_;
  const std::size_t files_max_;
  Mutex mutex_;
  Order order_ LATENT_GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<std::uint64_t, Order::iterator> places_ LATENT_GUARDED_BY(mutex_);
};

}  // namespace latent::storage::blobs::detail
