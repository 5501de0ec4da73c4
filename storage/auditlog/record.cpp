#include "storage/auditlog/record.h"

#include <arpa/inet.h>

#include <optional>
#include <utility>

#include "security/audit/canonical_json.h"
#include "security/audit/sealed_event.h"
#include "security/crypto/secret.h"

namespace latent::storage::auditlog {
namespace {

using security::audit::AuditEvent;
using security::audit::SealedEvent;

// One event a statement: its plan starts in a tenth of the time that one over arrays takes, and a
// transaction seldom has more than a few.
constexpr const char* kInsert =
    "INSERT INTO audit_event (id, time_us, code, action, outcome, actor, actor_ip, node,"
    " patient_ref, study_ref, core, core_salt, subject, subject_salt)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

/// What the index columns can hold; the exact text stands in core. A column that refused a peer's
/// odd bytes would make its every request fail.
std::string column_text(const std::string& text) {
  std::string valid = security::audit::valid_utf8(text);
  for (std::size_t at = 0; (at = valid.find('\0', at)) != std::string::npos;)
    valid.replace(at, 1, "\xEF\xBF\xBD");
  return valid;
}

/// An address without its zone (fe80::1%eth0), which inet has no room for; NULL when it is none.
std::optional<std::string> column_address(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::string address = text->substr(0, text->find('%'));
  in6_addr parsed{};
  if (address.find('\0') != std::string::npos ||
      (::inet_pton(AF_INET, address.c_str(), &parsed) != 1 &&
       ::inet_pton(AF_INET6, address.c_str(), &parsed) != 1))
    return std::nullopt;
  return address;
}

database::Statement insert_of(const AuditEvent& event, const SealedEvent& sealed) {
  const char action = static_cast<char>(event.action);
  const std::string id = sealed.stamp.id.hex();
  const std::string actor = column_text(event.actor);
  database::Params params;
  params.text(std::string_view(id))
      .integer(sealed.stamp.time_us)
      .integer(static_cast<int>(event.code))
      .text(std::string_view(&action, 1))
      .integer(static_cast<int>(event.outcome))
      .text(std::string_view(actor))
      .text(column_address(event.actor_ip))
      .text(std::string_view(sealed.stamp.node))
      .integer(event.patient_ref)
      .integer(event.study_ref)
      .text(std::string_view(sealed.core))
      .bytes(sealed.core_salt)
      .text(sealed.subject);
  if (sealed.subject_salt)
    params.bytes(*sealed.subject_salt);
  else
    params.null();
  return {kInsert, std::move(params)};
}

}  // namespace

Recorder::Recorder(const Clock& clock, std::string node)
    : clock_(clock),
      node_(std::move(node)),
      sequence_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

std::vector<database::Statement> Recorder::statements(std::span<const AuditEvent> events) const {
  std::vector<database::Statement> made;
  made.reserve(events.size());
  for (const AuditEvent& event : events) {
    security::audit::EventStamp stamp;
    stamp.id = security::crypto::random_id<EventId>();
    stamp.time_us = clock_.now_us();
    stamp.node = node_;
    stamp.sequence = sequence_->fetch_add(1);
    made.push_back(insert_of(event, security::audit::seal_event(event, std::move(stamp))));
  }
  return made;
}

Result<void> Recorder::record(database::Transaction& transaction,
                              std::span<const AuditEvent> events) const {
  LATENT_TRY_VOID(transaction.execute_all(statements(events)));
  return {};
}

}  // namespace latent::storage::auditlog
