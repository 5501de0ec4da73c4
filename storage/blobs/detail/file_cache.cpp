#include "storage/blobs/detail/file_cache.h"

#include <algorithm>
#include <utility>

#include "storage/blobs/detail/segment_file.h"
#include "storage/blobs/file_io.h"

namespace latent::storage::blobs::detail {

FileCache::FileCache(std::filesystem::path folder, std::size_t files_max)
    : folder_(std::move(folder)), files_max_(std::max<std::size_t>(files_max, 1)) {}

Result<std::shared_ptr<const FileDescriptor>> FileCache::file(std::uint64_t segment) {
  {
    const MutexLock lock(mutex_);
    if (const auto place = places_.find(segment); place != places_.end()) {
      order_.splice(order_.begin(), order_, place->second);
      return place->second->second;
    }
  }
  LATENT_TRY(FileDescriptor opened, open_file(folder_ / segment_name(segment), Access::read));
  auto file = std::make_shared<const FileDescriptor>(std::move(opened));

  const MutexLock lock(mutex_);
  if (const auto place = places_.find(segment); place != places_.end())
    return place->second->second;  // another thread was faster
  order_.emplace_front(segment, file);
  places_[segment] = order_.begin();
  if (order_.size() > files_max_) {
    places_.erase(order_.back().first);
    order_.pop_back();
  }
  return file;
}

}  // namespace latent::storage::blobs::detail
