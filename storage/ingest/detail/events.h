// The audit events of one commit group: one for each caller, study and kind of outcome, with counts
// and the list of instances (formats.md §5).
#pragma once

#include <span>
#include <vector>

#include "security/audit/event.h"
#include "storage/ingest/detail/pending.h"

namespace latent::storage::ingest::detail {

std::vector<security::audit::AuditEvent> events_of(std::span<const PendingPtr> instances,
                                                   std::span<const Refusal> refusals);

}  // namespace latent::storage::ingest::detail
