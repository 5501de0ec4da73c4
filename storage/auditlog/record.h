// The audit verb: one event, in the same transaction as what it records.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "security/audit/event.h"
#include "security/base/clock.h"
#include "security/base/result.h"
#include "storage/database/transaction.h"

namespace latent::storage::auditlog {

/// Thread safe.
class Recorder {
 public:
  /// `node` is this process's name in every event, 8 hexadecimal digits. `clock` outlives this.
  Recorder(const Clock& clock, std::string node);
  /// Errors: as Transaction::execute. Without success the caller must not commit nor answer.
  Result<void> record(database::Transaction& transaction,
                      std::span<const security::audit::AuditEvent> events) const;
  /// The same rows as statements, for a caller that pipelines them with its own
  /// (Transaction::execute_all). Draws ids, salts and time now.
  std::vector<database::Statement> statements(
      std::span<const security::audit::AuditEvent> events) const;

 private:
  const Clock& clock_;
  std::string node_;
  /// Numbers this process's events; copies of a Recorder count together.
  std::shared_ptr<std::atomic<std::uint64_t>> sequence_;
};

}  // namespace latent::storage::auditlog
