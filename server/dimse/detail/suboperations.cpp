#include "server/dimse/detail/suboperations.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dicom/model/transfer_syntaxes.h"

namespace latent::server::dimse {

namespace network = dicom::network;
namespace syntaxes = dicom::model::transfer_syntaxes;
using retrieval::instances::RetrieveService;
using retrieval::instances::StoredInstance;

network::SuboperationCounters RetrieveProgress::counters() const {
  const auto cut = [](std::uint64_t count) {
    return static_cast<std::uint16_t>(
        std::min<std::uint64_t>(count, std::numeric_limits<std::uint16_t>::max()));
  };
  return {cut(total - done()), cut(completed), cut(failed), cut(warning)};
}

const network::NegotiatedContext* choose_context(const network::Association& association,
                                                 Towards receiver, const StoredInstance& instance) {
  const network::NegotiatedContext* best = nullptr;
  for (const network::NegotiatedContext& context : association.contexts()) {
    const bool may_send =
        receiver == Towards::requestor ? context.requestor_is_scp : context.requestor_is_scu;
    if (!may_send || context.abstract_syntax != instance.sop_class.text()) continue;
    if (context.transfer_syntax == instance.transfer_syntax.text()) return &context;
    if (!RetrieveService::can_give(instance, context.transfer_syntax)) continue;
    if (best == nullptr || context.transfer_syntax == syntaxes::kExplicitLittle) best = &context;
  }
  return best;
}

Suboperations::Suboperations(std::shared_ptr<Connection> connection,
                             std::shared_ptr<const retrieval::instances::RetrievePlan> plan,
                             std::size_t first, std::size_t last, RetrieveProgress& progress,
                             std::optional<MoveOriginator> originator, Handlers handlers)
    : connection_(std::move(connection)),
      plan_(std::move(plan)),
      next_(first),
      last_(last),
      progress_(progress),
      originator_(originator),
      handlers_(std::move(handlers)) {}

void Suboperations::run(Transport& transport) {
  transport_ = &transport;
  advance();
}

/// Starts the next instance that the association can carry.
void Suboperations::advance() {
  while (!ended_) {
    if (cancelled_ || next_ >= last_) return end();
    const auto* context = context_for(next_);
    if (context == nullptr) {
      count_failure("no presentation context for its class and transfer syntax");
      continue;
    }
    context_id_ = context->id;
    command_sent_ = data_sent_ = wants_room_ = false;
    status_.reset();
    reader_ = reader_for(next_);
    // One ahead: what is opened and read while the receiver works on this one.
    read_ahead_ = next_ + 1 < last_ ? reader_for(next_ + 1) : nullptr;
    read_ahead_at_ = next_ + 1;
    return pull();
  }
}

const network::NegotiatedContext* Suboperations::context_for(std::size_t at) const {
  return choose_context(transport_->association(),
                        originator_ ? Towards::acceptor : Towards::requestor, plan_->instances[at]);
}

/// Null when the association cannot carry the instance.
std::shared_ptr<InstanceReader> Suboperations::reader_for(std::size_t at) {
  if (read_ahead_ && read_ahead_at_ == at) return std::exchange(read_ahead_, nullptr);
  const auto* context = context_for(at);
  if (context == nullptr) return nullptr;
  auto reader =
      std::make_shared<InstanceReader>(connection_, plan_->instances[at], context->transfer_syntax);
  reader->begin();
  return reader;
}

void Suboperations::pull() {
  reader_->pull([self = shared_from_this()](Result<InstanceReader::Chunk> chunk) {
    self->on_chunk(std::move(chunk));
  });
}

void Suboperations::on_chunk(Result<InstanceReader::Chunk> chunk) {
  if (ended_) return;
  const auto sent = chunk ? send(*chunk) : Result<void>(fail(chunk.error()));
  if (!sent) {
    if (!command_sent_) {
      count_failure(sent.error().text);
      return advance();
    }
    // Half of it is on the wire. There is no word in DIMSE for "forget it", and a receiver must
    // not take the half for the whole; on_broken() follows.
    log::error("association aborted, since an instance cannot be sent whole", "peer",
               connection_->caller().name, "reason", sent.error().text);
    has_aborted_ = true;
    return transport_->abort();
  }
  transport_->flush();
  if (chunk->last) {
    data_sent_ = true;
    reader_.reset();
    if (status_) return complete(*status_);
    handlers_.on_waiting(true);
  } else if (transport_->unwritten_bytes() < kUnwrittenMax) {
    pull();
  } else {
    wants_room_ = true;
  }
}

Result<void> Suboperations::send(InstanceReader::Chunk& chunk) {
  if (!command_sent_) {
    const StoredInstance& instance = plan_->instances[next_];
    network::CStoreRq store;
    store.message_id = ++message_id_;
    store.sop_class = instance.sop_class.str();
    store.sop_instance = instance.sop_instance.str();
    if (originator_) {
      store.move_originator = originator_->aet;
      store.move_message_id = originator_->message_id;
    }
    LATENT_TRY_VOID(transport_->association().send_command(context_id_, store.to_command(),
                                                           network::DataSet::present));
    command_sent_ = true;
  }
  progress_.bytes += chunk.bytes.size();
  return transport_->send_chunk(
      context_id_, std::move(chunk.bytes),
      chunk.last ? network::Fragment::last : network::Fragment::more_follow);
}

void Suboperations::on_written() {
  if (std::exchange(wants_room_, false) && !ended_) pull();
}

void Suboperations::on_response(const network::CommandSet& command) {
  if (ended_ || !command_sent_) return;
  const auto response = network::Response::from(command);
  if (!response || response->message_id != message_id_ ||
      command.command_field() != static_cast<std::uint16_t>(network::CommandField::c_store_rsp)) {
    log::warn("response to nothing that was sent", "peer", connection_->caller().name);
    return;
  }
  if (!data_sent_) {
    // Some receivers refuse before they have heard everything. What was begun must be ended all
    // the same, since the next command may not come before the last fragment.
    status_ = response->answer.status;
    return;
  }
  handlers_.on_waiting(false);
  complete(response->answer.status);
}

void Suboperations::complete(network::Status status) {
  command_sent_ = false;
  switch (network::category_of(status)) {
    case network::StatusCategory::success:
      ++progress_.completed;
      connection_->count_sent();
      break;
    case network::StatusCategory::warning:
      ++progress_.warning;
      connection_->count_sent();
      break;
    default:
      // Its Error Comment may hold anything, so it is not logged.
      count_failure("the receiver answered " + network::to_string(status));
      return advance();
  }
  ++next_;
  handlers_.on_progress();
  advance();
}

void Suboperations::count_failure(std::string_view why) {
  log::warn("sub-operation failed", "peer", connection_->caller().name, "reason", why);
  ++progress_.failed;
  progress_.failed_instances.push_back(plan_->instances[next_].sop_instance);
  ++next_;
  reader_.reset();
  handlers_.on_progress();
}

void Suboperations::on_broken() {
  if (ended_) return;
  if (command_sent_) count_failure("the association ended in the middle");
  end();
}

void Suboperations::end() {
  if (std::exchange(ended_, true)) return;
  reader_.reset();
  read_ahead_.reset();
  // The handlers keep their owner alive, which keeps us: this ends the circle.
  const Handlers handlers = std::exchange(handlers_, {});
  handlers.on_end();
}

}  // namespace latent::server::dimse
