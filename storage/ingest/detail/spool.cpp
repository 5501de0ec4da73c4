#include "storage/ingest/detail/spool.h"

namespace latent::storage::ingest::detail {

bool Spool::push(Bytes sealed, const std::function<void()>& on_room) {
  const MutexLock lock(mutex_);
  queued_bytes_ += sealed.size();
  queue_.push_back(std::move(sealed));
  if (!start_writing())
    failure_ = fail(ErrorCode::unavailable, "the archive is stopping", "ingest");
  if (queued_bytes_ <= kQueuedBytesMax) return true;
  on_room_ = on_room;
  return false;
}

void Spool::finish(Finished finished) {
  MutexLock lock(mutex_);
  finished_ = std::move(finished);
  if (start_writing()) return;
  const Finished refused = std::exchange(finished_, nullptr);
  lock.unlock();
  refused(fail(ErrorCode::unavailable, "the archive is stopping", "ingest"));
  lock.relock();
}

void Spool::abandon() {
  const MutexLock lock(mutex_);
  abandoned_ = true;
  queue_.clear();
  if (!start_writing()) file_.reset();
}

bool Spool::start_writing() {
  // The helpers' queue is bounded by the associations; it takes nothing only when it stops.
  if (!writing_) writing_ = helpers_.post([self = shared_from_this()] { self->write_queued(); });
  return writing_;
}

void Spool::write_queued() {
  MutexLock lock(mutex_);
  while (!queue_.empty() && !abandoned_) {
    const Bytes piece = std::move(queue_.front());
    queue_.pop_front();
    const bool healthy = failure_.has_value();
    lock.unlock();
    Result<void> written;
    if (healthy && file_ == nullptr) {
      if (auto opened = store_.begin_large(id_))
        file_ = std::move(*opened);
      else
        written = fail(opened.error());
    }
    if (healthy && written) written = file_->append(piece);
    lock.relock();
    if (!written) failure_ = std::move(written);
    queued_bytes_ -= piece.size();
    if (on_room_ && queued_bytes_ <= kQueuedBytesMax / 2) {
      const auto on_room = std::exchange(on_room_, nullptr);
      lock.unlock();
      on_room();
      lock.relock();
    }
  }
  if (abandoned_) {
    file_.reset();
  } else if (finished_) {
    const Finished finished = std::exchange(finished_, nullptr);
    const Result<void> failure = failure_;
    lock.unlock();
    finished(failure ? file_->finish() : Result<blobs::BlobLocation>(fail(failure.error())));
    file_.reset();
    lock.relock();
  }
  writing_ = false;
}

}  // namespace latent::storage::ingest::detail
