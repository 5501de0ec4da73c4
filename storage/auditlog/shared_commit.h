// Audit rows that stand alone, since what they record changed nothing (a query). Those that wait at
// the same moment share one round trip and one sync; whoever asked answers after it.
//
// Invariants
//  - success means that the row is committed;
//  - a group is whoever waits, there is no timer;
//  - a row that PostgreSQL refuses is tried alone, so that it cannot sink its neighbours.
#pragma once

#include <condition_variable>
#include <future>
#include <span>
#include <thread>
#include <vector>

#include "security/audit/event.h"
#include "security/base/clock.h"
#include "security/base/mutex.h"
#include "security/base/result.h"
#include "storage/auditlog/record.h"
#include "storage/database/pool.h"

namespace latent::storage::auditlog {

/// Thread safe.
class SharedCommit {
 public:
  /// What it is given outlives it.
  SharedCommit(database::Pool& pool, const Recorder& recorder);
  /// Returns after what was added is committed or refused.
  ~SharedCommit();
  SharedCommit(const SharedCommit&) = delete;
  SharedCommit& operator=(const SharedCommit&) = delete;

  /// The row is on its way when this returns, and durable when the future says so. Errors in it:
  /// exhausted (too many wait), otherwise as Transaction::run_at_once: unavailable may have been
  /// committed, so that more is on record than was answered, never less.
  [[nodiscard]] std::future<Result<void>> add(security::audit::AuditEvent event);

 private:
  struct Waiting {
    security::audit::AuditEvent event;
    std::promise<Result<void>> told;
  };

  void run();
  void commit(std::vector<Waiting> group);
  Result<void> write(std::span<const security::audit::AuditEvent> events);

  database::Pool& pool_;
  const Recorder& recorder_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> waiting_ LATENT_GUARDED_BY(mutex_);
  bool stopping_ LATENT_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace latent::storage::auditlog
