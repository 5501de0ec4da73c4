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

constexpr const char* kInsert =
    "INSERT INTO audit_event (id, time_us, code, action, outcome, actor, actor_ip, node,"
    " patient_ref, study_ref, core, core_salt, subject, subject_salt)"
    " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::\"char\"[],"
    " $5::smallint[], $6::text[], $7::inet[], $8::text[], $9::bigint[], $10::bigint[],"
    " $11::text[], $12::bytea[], $13::text[], $14::bytea[])";

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

/// One row per event, column by column, as unnest() takes them.
struct Columns {
  using Texts = std::vector<std::optional<std::string>>;
  using Integers = std::vector<std::optional<std::int64_t>>;
  using Blobs = std::vector<std::optional<Bytes>>;

  Texts id, action, actor, actor_ip, node, core, subject;
  Integers time_us, code, outcome, patient_ref, study_ref;
  Blobs core_salt, subject_salt;

  void add(const AuditEvent& event, SealedEvent sealed) {
    id.push_back(sealed.stamp.id.hex());
    time_us.push_back(sealed.stamp.time_us);
    code.push_back(static_cast<int>(event.code));
    action.push_back(std::string(1, static_cast<char>(event.action)));
    outcome.push_back(static_cast<int>(event.outcome));
    actor.push_back(column_text(event.actor));
    actor_ip.push_back(column_address(event.actor_ip));
    node.push_back(sealed.stamp.node);
    patient_ref.push_back(event.patient_ref);
    study_ref.push_back(event.study_ref);
    core.push_back(std::move(sealed.core));
    core_salt.push_back(Bytes(sealed.core_salt.begin(), sealed.core_salt.end()));
    subject.push_back(std::move(sealed.subject));
    subject_salt.push_back(sealed.subject_salt ? std::optional(Bytes(sealed.subject_salt->begin(),
                                                                     sealed.subject_salt->end()))
                                               : std::nullopt);
  }
  database::Params params() const {
    return database::Params()
        .text_array(id)
        .integer_array(time_us)
        .integer_array(code)
        .text_array(action)
        .integer_array(outcome)
        .text_array(actor)
        .text_array(actor_ip)
        .text_array(node)
        .integer_array(patient_ref)
        .integer_array(study_ref)
        .text_array(core)
        .bytes_array(core_salt)
        .text_array(subject)
        .bytes_array(subject_salt);
  }
};

}  // namespace

Recorder::Recorder(const Clock& clock, std::string node)
    : clock_(clock),
      node_(std::move(node)),
      sequence_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

std::vector<database::Statement> Recorder::statements(std::span<const AuditEvent> events) const {
  if (events.empty()) return {};
  Columns columns;
  for (const AuditEvent& event : events) {
    security::audit::EventStamp stamp;
    stamp.id = security::crypto::random_id<EventId>();
    stamp.time_us = clock_.now_us();
    stamp.node = node_;
    stamp.sequence = sequence_->fetch_add(1);
    columns.add(event, security::audit::seal_event(event, std::move(stamp)));
  }
  std::vector<database::Statement> made;
  made.push_back({kInsert, columns.params()});
  return made;
}

Result<void> Recorder::record(database::Transaction& transaction,
                              std::span<const AuditEvent> events) const {
  for (const database::Statement& statement : statements(events))
    LATENT_TRY_VOID(transaction.execute(statement.sql, statement.params));
  return {};
}

}  // namespace latent::storage::auditlog
