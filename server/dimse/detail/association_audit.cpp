#include "server/dimse/detail/association_audit.h"

#include <algorithm>
#include <exception>
#include <iterator>

#include "security/base/log.h"
#include "storage/database/transaction.h"

namespace latent::server::dimse {

using security::audit::AuditEvent;
using storage::database::Transaction;

AssociationAudit::AssociationAudit(storage::database::Pool& pool,
                                   const storage::auditlog::Recorder& recorder)
    : pool_(pool), recorder_(recorder), thread_([this] { run(); }) {}

AssociationAudit::~AssociationAudit() { stop(deadline_in(std::chrono::milliseconds(0))); }

bool AssociationAudit::add(AuditEvent event) {
  const MutexLock lock(mutex_);
  if (stopping_ || queue_.size() >= kQueueMax) return false;
  queue_.push_back(std::move(event));
  changed_.notify_one();
  return true;
}

void AssociationAudit::stop(Deadline deadline) {
  {
    const MutexLock lock(mutex_);
    if (!stopping_) stop_at_ = deadline;
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void AssociationAudit::run() {
  constexpr auto kRetryAfter = std::chrono::seconds(1);
  MutexLock lock(mutex_);
  for (;;) {
    while (queue_.empty() && !stopping_) changed_.wait(lock.native());
    if (queue_.empty()) return;
    const std::size_t count = std::min(queue_.size(), kGroupMax);
    const std::vector<AuditEvent> group(queue_.begin(),
                                        queue_.begin() + static_cast<std::ptrdiff_t>(count));
    lock.unlock();
    const bool written = write(group);
    lock.relock();
    if (written) {
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
      continue;
    }
    if (stopping_ && std::chrono::steady_clock::now() >= stop_at_) {
      log::error("audit rows of associations are lost: the database did not answer until the end",
                 "rows", queue_.size());
      return;
    }
    const auto until = std::chrono::steady_clock::now() + kRetryAfter;
    const Deadline at = stopping_ ? std::min<Deadline>(until, stop_at_) : until;
    changed_.wait_until(lock.native(), at);
  }
}

bool AssociationAudit::write(const std::vector<AuditEvent>& group) {
  const auto once = [&]() -> Result<void> {
    LATENT_TRY(Transaction transaction,
               Transaction::begin(pool_, deadline_in(std::chrono::seconds(5))));
    LATENT_TRY_VOID(recorder_.record(transaction, group));
    return transaction.commit();
  };
  try {
    const auto done = once();
    if (!done) {
      log::error("audit rows of associations are not written yet", "rows", group.size(), "reason",
                 done.error().text);
    }
    return done.has_value();
  } catch (const std::exception& exception) {
    log::error("audit rows of associations are not written yet", "rows", group.size(), "reason",
               exception.what());
    return false;
  }
}

}  // namespace latent::server::dimse
