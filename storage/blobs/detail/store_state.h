// What BlobStore and LargeBlob share.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "security/base/mutex.h"
#include "storage/blobs/blob_store.h"
#include "storage/blobs/detail/file_cache.h"
#include "storage/blobs/detail/gather.h"
#include "storage/blobs/detail/segment_file.h"

namespace latent::storage::blobs {

struct BlobStore::State {
  State(Config given, const Clock& time)
      : config(std::move(given)),
        clock(time),
        folder(config.directory / config.node),
        readers(folder, config.open_files_max) {}

  /// A number that no file has.
  std::uint64_t take_number() {
    const MutexLock lock(mutex);
    return next_number++;
  }
  FileHeader header_for(std::uint64_t number) const {
    return {config.store_id, number, static_cast<std::uint64_t>(clock.now_us()) / 1000};
  }

  /// The segment that takes `bytes` more: the active one, or a new one. By the appending thread.
  Result<std::shared_ptr<detail::SegmentFile>> segment_for(std::uint64_t bytes);
  /// Writes `gather` behind each other; `relative` offsets become those in the file.
  Result<std::vector<BlobLocation>> write(detail::Gather& gather,
                                          std::vector<BlobLocation> relative,
                                          const OnPlaced& on_placed);
  /// segment_bytes is left out.
  Result<Space> file_system() const;

  // Constant after open().
  const Config config;
  const Clock& clock;
  const std::filesystem::path folder;
  RecoveryReport recovery;

  // Own synchronisation.
  detail::FileCache readers;

  mutable Mutex mutex;
  std::uint64_t next_number LATENT_GUARDED_BY(mutex) = 1;
  std::shared_ptr<detail::SegmentFile> active LATENT_GUARDED_BY(mutex);
  // Segments that are not sealed: the active one and those that failed. What is not here is
  // durable.
  std::map<std::uint64_t, std::shared_ptr<detail::SegmentFile>> unsealed LATENT_GUARDED_BY(mutex);
  std::set<std::uint64_t> streaming LATENT_GUARDED_BY(mutex);  // large blobs not finished
};

}  // namespace latent::storage::blobs
