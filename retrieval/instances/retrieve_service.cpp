#include "retrieval/instances/retrieve_service.h"

#include <set>

#include "dicom/model/transfer_syntaxes.h"
#include "retrieval/instances/detail/streams.h"
#include "storage/catalog/select_instances.h"

namespace latent::retrieval::instances {
namespace {

using security::audit::AuditEvent;
using security::audit::EventCode;
namespace catalog = storage::catalog;
namespace database = storage::database;

constexpr auto kDatabaseWait = std::chrono::milliseconds(2000);
constexpr std::size_t kUidsMax = 256;

AuditEvent event_for(const security::access::Caller& caller, EventCode code,
                     const std::string& what) {
  AuditEvent event;
  event.code = code;
  event.action = security::audit::Action::read;
  event.what = what;
  event.actor = caller.name;
  event.actor_ip = caller.ip;
  return event;
}

std::string as_words(const Selection& selection) {
  std::string words = selection.patient_id ? "PatientID=" + *selection.patient_id + " " : "";
  const auto add = [&words](std::string_view key, const auto& uids) {
    if (uids.empty()) return;
    words += key;
    for (std::size_t i = 0; i < uids.size() && i < kUidsMax; ++i)
      words += (i == 0 ? "=" : "\\") + uids[i].str();
    words += ' ';
  };
  add("StudyInstanceUID", selection.studies);
  add("SeriesInstanceUID", selection.series);
  add("SOPInstanceUID", selection.instances);
  if (!words.empty()) words.pop_back();
  return words;
}

/// One event for each study that is about to leave.
std::vector<AuditEvent> begin_events(const RetrievePlan& plan, const Selection& selection) {
  std::vector<AuditEvent> events;
  for (const AuditEvent::Subject& subject : plan.subjects) {
    AuditEvent event = event_for(plan.caller, EventCode::begin_transferring, plan.purpose);
    event.subject = subject;
    event.subject->query = as_words(selection);
    for (const StoredInstance& instance : plan.instances) {
      if (instance.study.text() != *subject.study_uid) continue;
      ++event.counts["instances"];
      if (event.subject->instance_uids.size() < kUidsMax)
        event.subject->instance_uids.push_back(instance.sop_instance.str());
    }
    events.push_back(std::move(event));
  }
  if (events.empty()) {
    events.push_back(event_for(plan.caller, EventCode::begin_transferring, plan.purpose));
    events.back().counts["instances"] = 0;
    events.back().subject.emplace().query = as_words(selection);
  }
  return events;
}

}  // namespace

RetrieveService::RetrieveService(database::Pool& pool, storage::blobs::BlobStore& blobs,
                                 storage::keyring::KeyRing& keys,
                                 const storage::auditlog::Recorder& recorder, const Limits& limits)
    : pool_(pool), blobs_(blobs), keys_(keys), recorder_(recorder), limits_(limits) {}

Result<RetrievePlan> RetrieveService::plan(const security::access::Authorisation& authorisation,
                                           const Selection& selection, std::string purpose) const {
  if (selection.empty())
    return fail(ErrorCode::invalid_input, "retrieve: no unique key says what is wanted",
                "retrieve");
  RetrievePlan plan;
  plan.purpose = std::move(purpose);
  plan.caller = authorisation.caller();
  plan.is_export = authorisation.action() == security::access::Action::export_;

  LATENT_TRY(auto transaction, database::Transaction::begin(pool_, deadline_in(kDatabaseWait)));
  LATENT_TRY(plan.instances,
             catalog::select_instances(transaction, {.patient_id = selection.patient_id,
                                                     .studies = selection.studies,
                                                     .series = selection.series,
                                                     .instances = selection.instances}));
  std::set<StudyUid> studies;
  for (const StoredInstance& instance : plan.instances) studies.insert(instance.study);
  const std::vector<StudyUid> study_list(studies.begin(), studies.end());
  LATENT_TRY(auto subjects, catalog::study_subjects(transaction, study_list));
  for (catalog::StudySubject& subject : subjects) {
    AuditEvent::Subject& entry = plan.subjects.emplace_back();
    entry.patient_id = std::move(subject.patient_id);
    entry.patient_name = std::move(subject.patient_name);
    entry.accession_number = std::move(subject.accession_number);
    entry.study_uid = subject.study.str();
  }
  LATENT_TRY_VOID(recorder_.record(transaction, begin_events(plan, selection)));
  LATENT_TRY_VOID(transaction.commit());
  return plan;
}

bool RetrieveService::can_give(const StoredInstance& instance, std::string_view target) {
  if (instance.transfer_syntax.text() == target) return true;
  const auto* from = dicom::model::find_transfer_syntax(instance.transfer_syntax.text());
  const auto* to = dicom::model::find_transfer_syntax(target);
  return from != nullptr && to != nullptr && from->is_native() && to->is_native();
}

Result<std::unique_ptr<InstanceStream>> RetrieveService::open(const StoredInstance& instance,
                                                              std::string_view target_syntax,
                                                              Form form) const {
  if (!can_give(instance, target_syntax))
    return fail(ErrorCode::invalid_input,
                "retrieve: an instance kept as " + instance.transfer_syntax.str() +
                    " cannot be given as " + std::string(target_syntax),
                "retrieve");
  return detail::open_stream(instance, target_syntax, form, blobs_, keys_, limits_);
}

Result<void> RetrieveService::finish(const RetrievePlan& plan, const RetrieveCounts& counts) const {
  AuditEvent event =
      event_for(plan.caller, plan.is_export ? EventCode::export_ : EventCode::instances_transferred,
                plan.purpose);
  event.counts["instances"] = static_cast<std::int64_t>(counts.completed);
  event.counts["failed"] = static_cast<std::int64_t>(counts.failed);
  event.counts["bytes"] = static_cast<std::int64_t>(counts.bytes);
  if (counts.failed > 0)
    event.outcome = counts.completed > 0 ? security::audit::Outcome::minor_failure
                                         : security::audit::Outcome::serious_failure;
  std::vector<AuditEvent> events;
  if (plan.subjects.size() == 1) event.subject = plan.subjects.front();
  events.push_back(std::move(event));
  LATENT_TRY(auto transaction, database::Transaction::begin(pool_, deadline_in(kDatabaseWait)));
  LATENT_TRY_VOID(recorder_.record(transaction, events));
  return transaction.commit();
}

}  // namespace latent::retrieval::instances
