// C-MOVE (PS3.7 9.1.4, PS3.4 C.4.2): the instances go by C-STORE to a destination that the
// configuration names; who asked gets the counters.
#include <set>

#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/network/requestor.h"
#include "server/dimse/detail/outgoing.h"
#include "server/dimse/detail/retrieve_operation.h"
#include "server/dimse/services/services.h"

namespace latent::server::dimse {

namespace network = dicom::network;
namespace status = dicom::network::status;
namespace syntaxes = dicom::model::transfer_syntaxes;
using retrieval::instances::StoredInstance;

namespace {

/// One context for each syntax, so that the destination cannot answer with one that we do not have.
using ContextPairs = std::set<std::pair<std::string, std::string>>;

/// What an instance can be sent in: as it is stored, native ones also in the two usual encodings.
void add_contexts(ContextPairs& pairs, const StoredInstance& instance) {
  const std::string sop_class = instance.sop_class.str();
  const std::string_view stored = instance.transfer_syntax.text();
  pairs.emplace(sop_class, stored);
  const auto* known = dicom::model::find_transfer_syntax(stored);
  if (known == nullptr || !known->is_native()) return;
  pairs.emplace(sop_class, syntaxes::kExplicitLittle);
  pairs.emplace(sop_class, syntaxes::kImplicitLittle);
}

class Move final : public RetrieveOperation {
 public:
  Move(std::shared_ptr<Connection> connection, Request request, Root root)
      : RetrieveOperation(std::move(connection), std::move(request), root) {
    if (const auto move = network::CMoveRq::from(request_.command)) {
      message_id_ = move->message_id;
      const auto title = AeTitle::parse(move->destination);
      const PeerConfig* peer = title ? connection_->core().peers.find(*title) : nullptr;
      if (peer != nullptr && peer->port != 0) destination_ = peer;
    }
  }

  void on_gone() override {
    RetrieveOperation::on_gone();
    // Nobody is left to be told: what is under way need not be finished.
    if (!outgoing_) return;
    outgoing_->abort();
    if (connection_->core().stopping) outgoing_->close("stopping");
  }

 private:
  std::shared_ptr<Move> me() { return std::static_pointer_cast<Move>(shared_from_this()); }

  std::string purpose() const override { return "move to " + destination_->aet.str(); }

  network::Answer check() override {
    if (destination_ != nullptr) return {};
    log::warn("C-MOVE to an unknown destination", "peer", connection_->caller().name);
    network::Answer answer;
    answer.status = status::kMoveDestinationUnknown;
    answer.comment = "move destination is not configured here";
    return answer;
  }

  void send_all() override { open_next(); }
  void stop_sending() override {
    if (sending_) sending_->cancel();
  }

  /// Opens an association for the next instances: as many as its 128 contexts can carry.
  void open_next() {
    if (cancelled_ || next_ >= plan_->instances.size()) return conclude();
    ContextPairs pairs;
    leg_end_ = next_;
    while (leg_end_ < plan_->instances.size()) {
      ContextPairs with = pairs;
      add_contexts(with, plan_->instances[leg_end_]);
      if (with.size() > network::kPresentationContextsMax) break;
      if (with.size() != pairs.size()) pairs = std::move(with);
      ++leg_end_;
    }
    sent_before_leg_ = sent();
    broken_by_us_ = false;
    if (auto opened = open(pairs); !opened) fail_rest(opened.error().text);
  }

  Result<void> open(const ContextPairs& pairs) {
    network::RequestOptions options{connection_->config().aet, destination_->aet};
    for (const auto& [sop_class, syntax] : pairs) options.contexts.push_back({sop_class, {syntax}});
    options.pdu_bytes_max = connection_->config().limits.pdu_bytes_offered;
    LATENT_TRY(auto request, network::make_associate_request(options));
    Outgoing::Handlers handlers;
    handlers.on_open = [self = me()] { self->send_leg(); };
    handlers.on_response = [self = me()](const network::CommandSet& response) {
      if (const auto sending = self->sending_) sending->on_response(response);
    };
    handlers.on_written = [self = me()] {
      if (const auto sending = self->sending_) sending->on_written();
    };
    handlers.on_end = [self = me()](std::string_view why) { self->on_association_end(why); };
    const auto timeout = destination_->dimse_timeout.value_or(connection_->config().dimse_timeout);
    LATENT_TRY(outgoing_, Outgoing::make(connection_->core(), connection_->executor(),
                                         std::move(request), timeout, std::move(handlers)));
    outgoing_->open(destination_->host, destination_->port);
    return {};
  }

  void send_leg() {
    if (cancelled_) return outgoing_->release();
    Suboperations::Handlers handlers;
    handlers.on_progress = [self = me()] { self->send_pending(); };
    handlers.on_end = [self = me()] { self->on_leg_end(); };
    handlers.on_waiting = [self = me()](bool waits) {
      if (self->outgoing_) self->outgoing_->set_waiting(waits);
    };
    const auto sending = std::make_shared<Suboperations>(
        connection_, plan_, next_, leg_end_, progress_,
        Suboperations::MoveOriginator{connection_->calling_aet(), message_id_},
        std::move(handlers));
    sending_ = sending;
    sending->run(*outgoing_);
  }

  void on_leg_end() {
    const auto sending = std::exchange(sending_, nullptr);
    next_ = sending->next();
    broken_by_us_ = sending->has_aborted();
    // After a break the association is gone already; otherwise on_association_end() follows.
    if (outgoing_ && !outgoing_->is_gone()) outgoing_->release();
  }

  void on_association_end(std::string_view why) {
    outgoing_.reset();
    if (const auto sending = sending_) sending->on_broken();
    if (next_ >= leg_end_ || cancelled_) return open_next();
    // Broken. Some receivers abort at an object that they do not like: the rest gets another
    // association as long as each one carries something.
    log::warn("association to a C-MOVE destination ended", "destination", destination_->aet.text(),
              "reason", why);
    if (sent() > sent_before_leg_ || broken_by_us_) return open_next();
    fail_rest(why);
  }

  void fail_rest(std::string_view why) {
    set_comment("destination " + destination_->aet.str() + ": " + std::string(why));
    for (; next_ < plan_->instances.size(); ++next_) {
      ++progress_.failed;
      progress_.failed_instances.push_back(plan_->instances[next_].sop_instance);
    }
    conclude();
  }

  std::uint64_t sent() const { return progress_.completed + progress_.warning; }

  const PeerConfig* destination_ = nullptr;
  std::uint16_t message_id_ = 0;
  std::size_t next_ = 0;     ///< first instance that was not tried yet
  std::size_t leg_end_ = 0;  ///< behind the last one that the association is for
  std::uint64_t sent_before_leg_ = 0;
  bool broken_by_us_ = false;
  std::shared_ptr<Outgoing> outgoing_;
  std::shared_ptr<Suboperations> sending_;
};

}  // namespace

std::shared_ptr<Operation> make_move(std::shared_ptr<Connection> connection, Request request) {
  const auto sop_class = request.command.uid(network::command::kAffectedSopClassUid).value_or("");
  const Root root =
      sop_class == dicom::model::sop_classes::kStudyRootMove ? Root::study : Root::patient;
  return std::make_shared<Move>(std::move(connection), std::move(request), root);
}

}  // namespace latent::server::dimse
