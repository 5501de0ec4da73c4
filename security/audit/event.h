// One audit event as a value: PS3.15 A.5 semantics with one canonical encoding (formats.md §5).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "security/base/clock.h"
#include "security/base/identifiers.h"

namespace latent::security::audit {

/// DCM codes of PS3.15 A.5.3 (PS3.16 CID 400).
enum class EventCode : int {
  application_activity = 110100,
  audit_log_used = 110101,
  begin_transferring = 110102,
  instances_accessed = 110103,
  instances_transferred = 110104,
  study_deleted = 110105,
  export_ = 110106,
  import_ = 110107,
  network_entry = 110108,
  query = 110112,
  security_alert = 110113,
  user_authentication = 110114,
};
enum class Action : char { create = 'C', read = 'R', update = 'U', delete_ = 'D', execute = 'E' };
/// RFC 3881 EventOutcomeIndicator.
enum class Outcome : int {
  success = 0,
  minor_failure = 4,
  serious_failure = 8,
  major_failure = 12
};

struct AuditEvent {
  EventCode code = EventCode::application_activity;
  Action action = Action::execute;
  Outcome outcome = Outcome::success;
  std::string what;   ///< short verb: "start", "store", "duplicate", "association refused"
  std::string actor;  ///< "dimse:CT1", "cli:root", "latent"
  std::optional<std::string> actor_ip;
  std::map<std::string, std::int64_t> counts;  ///< "instances", "bytes", "matches"
  /// What identifies a patient goes here and only here; sealed off by its own salted commitment.
  struct Subject {
    std::optional<std::string> patient_id, patient_name, accession_number, study_uid;
    std::vector<std::string> series_uids, instance_uids;
    std::optional<std::string> query;  ///< as asked
    std::vector<std::string> file_names;
    std::optional<std::string> detail;  ///< why refused, differing tags
  };
  std::optional<Subject> subject;
  std::optional<std::int64_t> patient_ref, study_ref;  ///< row numbers for reports, not hashed
};

}  // namespace latent::security::audit
