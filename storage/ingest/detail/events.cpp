#include "storage/ingest/detail/events.h"

#include <map>
#include <tuple>

#include "dicom/model/tag.h"
#include "dicom/text/character_set.h"

namespace latent::storage::ingest::detail {
namespace {

using security::audit::AuditEvent;
using security::audit::EventCode;
namespace tags = dicom::model::tags;

/// One event holds at most so many UIDs, so that an audit row stays a row.
constexpr std::size_t kUidsMax = 256;

std::string_view word_for(StoreOutcome::Kind kind) {
  switch (kind) {
    case StoreOutcome::Kind::stored:
      return "store";
    case StoreOutcome::Kind::duplicate:
      return "duplicate";
    case StoreOutcome::Kind::new_version:
      return "new version";
    case StoreOutcome::Kind::refused:
      return "store refused";
  }
  return "store";
}

std::optional<std::string> text_of(const dicom::scanner::DatasetIndex& index, dicom::model::Tag tag,
                                   const dicom::text::CharacterSet& set, dicom::text::Kind kind) {
  const auto found = index.attributes.find(tag);
  if (found == index.attributes.end()) return std::nullopt;
  std::string text = dicom::text::decode(as_text(found->second.bytes), set, kind).text;
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.pop_back();
  if (text.empty()) return std::nullopt;
  return text;
}

AuditEvent::Subject subject_of(const Pending& pending) {
  const dicom::scanner::DatasetIndex& index = *pending.instance.index;
  const auto declared = index.attributes.find(tags::kSpecificCharacterSet);
  const auto set = dicom::text::CharacterSet::parse(
      declared == index.attributes.end() ? std::string_view{} : as_text(declared->second.bytes),
      pending.instance.assumed_character_set);
  using dicom::text::Kind;
  AuditEvent::Subject subject;
  subject.patient_id = text_of(index, tags::kPatientId, set, Kind::values);
  subject.patient_name = text_of(index, tags::kPatientName, set, Kind::person_name);
  subject.accession_number = text_of(index, tags::kAccessionNumber, set, Kind::values);
  subject.study_uid = index.study.str();
  return subject;
}

AuditEvent event_for(const security::access::Caller& caller, const StoreOutcome& outcome) {
  AuditEvent event;
  // What comes from a disk of ours is an import, what a peer sends a transfer (PS3.15 A.5.3).
  event.code = caller.kind == security::access::Caller::Kind::local_user
                   ? EventCode::import_
                   : EventCode::instances_transferred;
  event.action = security::audit::Action::create;
  event.what = word_for(outcome.kind);
  event.actor = caller.name;
  event.actor_ip = caller.ip;
  if (!outcome.ok()) event.outcome = security::audit::Outcome::minor_failure;
  return event;
}

void count(AuditEvent& event, const StoreOutcome& outcome) {
  ++event.counts["instances"];
  event.counts["bytes"] += static_cast<std::int64_t>(outcome.bytes);
  if (outcome.instance && event.subject->instance_uids.size() < kUidsMax)
    event.subject->instance_uids.push_back(outcome.instance->str());
}

AuditEvent alert_for(const Pending& pending) {
  AuditEvent alert = event_for(pending.caller, pending.outcome);
  alert.code = EventCode::security_alert;
  alert.action = security::audit::Action::execute;
  alert.outcome = security::audit::Outcome::serious_failure;
  alert.what = "instance UID of another study";
  alert.subject = subject_of(pending);
  count(alert, pending.outcome);
  return alert;
}

}  // namespace

std::vector<AuditEvent> events_of(std::span<const PendingPtr> instances,
                                  std::span<const Refusal> refusals) {
  std::vector<AuditEvent> events;
  std::map<std::tuple<std::string, std::string, std::string, StoreOutcome::Kind, std::string>,
           std::size_t>
      known;
  for (const PendingPtr& pending : instances) {
    const StoreOutcome& outcome = pending->outcome;
    const auto [at, is_new] =
        known.try_emplace({pending->caller.name, pending->caller.ip.value_or(""),
                           pending->instance.stored.study.str(), outcome.kind, outcome.text},
                          events.size());
    if (is_new) {
      events.push_back(event_for(pending->caller, outcome));
      events.back().subject = subject_of(*pending);
      if (!outcome.ok()) events.back().subject->detail = outcome.text;
    }
    count(events[at->second], outcome);
    if (pending->verdict && pending->verdict->other_study) events.push_back(alert_for(*pending));
  }
  for (const Refusal& refusal : refusals) {
    AuditEvent event = event_for(refusal.caller, refusal.outcome);
    event.subject.emplace();
    if (refusal.outcome.study) event.subject->study_uid = refusal.outcome.study->str();
    event.subject->detail = refusal.outcome.text;
    count(event, refusal.outcome);
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace latent::storage::ingest::detail
