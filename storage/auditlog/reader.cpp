#include "storage/auditlog/reader.h"

#include <utility>

namespace latent::storage::auditlog {
namespace {

constexpr const char* kSelect =
    "SELECT replace(id::text, '-', ''), time_us, code, action, outcome, actor, core, core_salt,"
    " subject, subject_salt FROM audit_event"
    " WHERE ($1::bigint IS NULL OR study_ref = $1) AND ($2::integer IS NULL OR code = $2)"
    " AND time_us >= $3 ORDER BY time_us DESC, id DESC LIMIT $4";

Result<StoredEvent> event_of(const database::Rows& rows, int row) {
  StoredEvent event;
  const auto raw_id = from_hex(rows.text(row, 0));
  const auto id = raw_id ? EventId::from(*raw_id) : std::nullopt;
  if (!id || rows.text(row, 3).size() != 1)
    return fail(ErrorCode::corrupt, "an audit row has no readable id or action", "auditlog");
  event.id = *id;
  event.time_us = rows.integer(row, 1);
  event.code = static_cast<int>(rows.integer(row, 2));
  event.action = rows.text(row, 3).front();
  event.outcome = static_cast<int>(rows.integer(row, 4));
  event.actor = rows.text(row, 5);
  event.core = rows.text(row, 6);
  event.core_salt = rows.bytes(row, 7);
  event.subject = rows.optional_text(row, 8);
  if (!rows.is_null(row, 9)) event.subject_salt = rows.bytes(row, 9);
  return event;
}

}  // namespace

Result<std::vector<StoredEvent>> list_events(database::Transaction& transaction,
                                             const EventFilter& filter) {
  const std::optional<std::int64_t> code = filter.code;
  LATENT_TRY(const auto rows, transaction.execute(kSelect, database::Params()
                                                               .integer(filter.study_ref)
                                                               .integer(code)
                                                               .integer(filter.since_us.value_or(0))
                                                               .integer(filter.newest)));
  std::vector<StoredEvent> events;
  for (int row = 0; row < rows.size(); ++row) {
    LATENT_TRY(auto event, event_of(rows, row));
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace latent::storage::auditlog
