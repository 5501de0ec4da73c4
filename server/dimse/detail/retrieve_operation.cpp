#include "server/dimse/detail/retrieve_operation.h"

#include <utility>

#include "server/dimse/status_map.h"

namespace latent::server::dimse {

namespace network = dicom::network;
namespace status = dicom::network::status;
using retrieval::instances::RetrievePlan;

RetrieveOperation::RetrieveOperation(std::shared_ptr<Connection> connection, Request request,
                                     Root root)
    : connection_(std::move(connection)),
      request_(std::move(request)),
      root_(root),
      identifier_(connection_->config().limits.identifier_bytes_max) {}

const std::string& RetrieveOperation::transfer_syntax() const {
  return connection_->association().find_context(request_.context_id)->transfer_syntax;
}

void RetrieveOperation::on_data(ByteSpan bytes, bool last) {
  identifier_.add(bytes);
  if (last) on_identifier();
}

void RetrieveOperation::on_cancel() {
  cancelled_ = true;
  stop_sending();
}

void RetrieveOperation::on_gone() {
  gone_ = true;
  cancelled_ = true;
  stop_sending();
}

void RetrieveOperation::refuse(const Error& error) {
  log::warn("retrieve refused", "peer", connection_->caller().name, "error", name_of(error.code),
            "reason", error.text);
  network::Answer answer;
  answer.status = retrieve_status(error.code);
  answer.comment = error.text;
  connection_->finish(request_, answer);
}

void RetrieveOperation::on_identifier() {
  const auto bytes = identifier_.take();
  if (!bytes) return refuse(bytes.error());
  auto parsed =
      parse_retrieve_identifier(*bytes, transfer_syntax(), root_,
                                connection_->assumed_character_set(), connection_->config().limits);
  if (!parsed) return refuse(parsed.error());
  for (const std::string& habit : parsed->habits) {
    log::info("retrieve taken as meant", "peer", connection_->caller().name, "habit", habit);
  }
  const network::Answer refusal = check();
  if (refusal.status != status::kSuccess) return connection_->finish(request_, refusal);
  connection_->offload(
      [self = self(), selection = std::move(parsed->selection)] {
        return self->connection_->services().retrieve.plan(self->request_.authorisation, selection,
                                                           self->purpose());
      },
      [self = self()](Result<RetrievePlan> plan) { self->on_plan(std::move(plan)); });
}

void RetrieveOperation::on_plan(Result<RetrievePlan> plan) {
  if (!plan) return refuse(plan.error());
  plan_ = std::make_shared<const RetrievePlan>(std::move(*plan));
  progress_.total = plan_->instances.size();
  if (plan_->instances.empty()) return respond_finally();
  if (cancelled_) return conclude();
  send_all();
}

void RetrieveOperation::send_pending() {
  if (gone_ || cancelled_ || connection_->unwritten_bytes() != 0) return;
  if (progress_.done() == progress_.total) return;  // the final response says it
  network::Answer answer;
  answer.status = status::kPending;
  answer.counters = progress_.counters();
  connection_->respond(request_, answer);
}

void RetrieveOperation::conclude() {
  retrieval::instances::RetrieveCounts counts;
  counts.completed = progress_.completed + progress_.warning;
  counts.failed = progress_.failed;
  counts.bytes = progress_.bytes;
  connection_->offload(
      [self = self(), counts] {
        return self->connection_->services().retrieve.finish(*self->plan_, counts);
      },
      [self = self()](Result<void> finished) {
        // That it was allowed and begun is on record already; what is missing is how it went.
        if (!finished) {
          log::error("end of a retrieve is not on record", "peer", self->connection_->caller().name,
                     "reason", finished.error().text);
        }
        self->respond_finally();
      });
}

network::Status RetrieveOperation::final_status() const {
  if (cancelled_ && progress_.done() < progress_.total) return status::kCancel;
  if (progress_.failed == 0 && progress_.warning == 0) return status::kSuccess;
  if (progress_.failed == progress_.total) return status::kRetrieveCannotPerformSuboperations;
  return status::kRetrieveSomeFailed;
}

void RetrieveOperation::respond_finally() {
  network::Answer answer;
  answer.status = final_status();
  answer.counters = progress_.counters();
  answer.comment = comment_;
  if (progress_.failed_instances.empty()) return connection_->finish(request_, answer);
  auto list = encode_failed_list(progress_.failed_instances, transfer_syntax());
  if (!list) return refuse(list.error());
  connection_->finish(request_, answer, &*list);
}

}  // namespace latent::server::dimse
