// A large object's way to a file of its own: sealed bytes are queued here and written by a helper
// thread, so that the thread that receives never waits for the disk.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "security/base/bytes.h"
#include "security/base/mutex.h"
#include "security/base/worker_pool.h"
#include "storage/blobs/blob_store.h"

namespace latent::storage::ingest::detail {

class Spool : public std::enable_shared_from_this<Spool> {
 public:
  using Finished = std::function<void(Result<blobs::BlobLocation>)>;
  static constexpr std::uint64_t kQueuedBytesMax = 4ull << 20;

  /// `store` and `helpers` outlive it. The file is opened by the first write.
  Spool(blobs::BlobStore& store, const BlobId& id, WorkerPool& helpers)
      : store_(store), id_(id), helpers_(helpers) {}

  /// Queues sealed bytes. True: go on; false: wait until `on_room` is called (from a helper).
  bool push(Bytes sealed, const std::function<void()>& on_room);
  /// After the last push; `finished` is called from a helper when the file is durable, or with the
  /// first error that writing met.
  void finish(Finished finished);
  /// Drops what is queued and removes the file.
  void abandon();

 private:
  /// False when the helpers take no more work.
  bool start_writing() LATENT_REQUIRES(mutex_);
  void write_queued();

  blobs::BlobStore& store_;
  const BlobId id_;
  WorkerPool& helpers_;

  Mutex mutex_;
  std::deque<Bytes> queue_ LATENT_GUARDED_BY(mutex_);
  std::uint64_t queued_bytes_ LATENT_GUARDED_BY(mutex_) = 0;
  bool writing_ LATENT_GUARDED_BY(mutex_) = false;
  bool abandoned_ LATENT_GUARDED_BY(mutex_) = false;
  std::function<void()> on_room_ LATENT_GUARDED_BY(mutex_);
  Finished finished_ LATENT_GUARDED_BY(mutex_);
  Result<void> failure_ LATENT_GUARDED_BY(mutex_);

  std::unique_ptr<blobs::LargeBlob> file_;  ///< only touched by the one helper that is writing
};

}  // namespace latent::storage::ingest::detail
