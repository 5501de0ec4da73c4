// Audit events back from the table, for a person, a report or a test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "security/base/bytes.h"
#include "security/base/clock.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "storage/database/transaction.h"

namespace latent::storage::auditlog {

struct StoredEvent {
  EventId id = {};
  TimeUs time_us = 0;
  int code = 0;
  char action = 'E';
  int outcome = 0;
  std::string actor = {};
  std::string core = {};  ///< canonical JSON
  Bytes core_salt = {};
  std::optional<std::string> subject = {};  ///< canonical JSON; names a patient: never logged
  std::optional<Bytes> subject_salt = {};
};

struct EventFilter {
  std::int64_t newest = 100;  ///< at most so many
  std::optional<std::int64_t> study_ref = {};
  std::optional<int> code = {};
  std::optional<TimeUs> since_us = {};
};

/// Newest first.
Result<std::vector<StoredEvent>> list_events(database::Transaction& transaction,
                                             const EventFilter& filter);

}  // namespace latent::storage::auditlog
