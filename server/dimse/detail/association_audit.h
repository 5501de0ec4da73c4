// Audit rows for associations: PS3.15 A.5.3.12 "User Authentication", because that is the one event
// of the standard that is written for success and refusal alike: an application entity has said who
// it is, and was let in or not. ("Network Entry", A.5.3.8, is about a node that joins the network,
// and "Security Alert", A.5.3.11, has no success.)
//
// Opening an association touches nothing of a patient (every verb that does has its own row, in the
// transaction of what it did), so it is not held up by a commit: rows are written in groups, a
// commit being the same price for one as for a thousand. Nothing is dropped: when the queue is full
// because the database is away, the listener refuses new associations as congested.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <thread>
#include <vector>

#include "security/audit/event.h"
#include "security/base/clock.h"
#include "security/base/mutex.h"
#include "storage/auditlog/record.h"
#include "storage/database/pool.h"

namespace latent::server::dimse {

/// Thread safe.
class AssociationAudit {
 public:
  AssociationAudit(storage::database::Pool& pool, const storage::auditlog::Recorder& recorder);
  /// stop() without patience.
  ~AssociationAudit();

  /// False when the queue is full: do not let in what cannot be recorded.
  [[nodiscard]] bool add(security::audit::AuditEvent event);
  /// Writes what waits until `deadline`; what is then left is logged as lost. Idempotent.
  void stop(Deadline deadline);

 private:
  static constexpr std::size_t kQueueMax = 10'000;
  static constexpr std::size_t kGroupMax = 1'000;

  void run();
  bool write(const std::vector<security::audit::AuditEvent>& group);

  storage::database::Pool& pool_;
  const storage::auditlog::Recorder& recorder_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::vector<security::audit::AuditEvent> queue_ LATENT_GUARDED_BY(mutex_);
  bool stopping_ LATENT_GUARDED_BY(mutex_) = false;
  Deadline stop_at_ LATENT_GUARDED_BY(mutex_){};
  std::thread thread_;
};

}  // namespace latent::server::dimse
