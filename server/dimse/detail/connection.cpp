#include "server/dimse/detail/connection.h"

#include <boost/asio/dispatch.hpp>
#include <chrono>
#include <variant>

#include "dicom/network/negotiate.h"
#include "server/dimse/services/services.h"

namespace latent::server::dimse {

namespace asio = boost::asio;
namespace network = dicom::network;
namespace rejections = dicom::network::rejections;
using security::access::Authorisation;
using security::audit::Outcome;

namespace {

std::uint64_t milliseconds_since(Deadline start) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::steady_clock::now() - start)
                                        .count());
}

/// What we do in a context of this class: what the table says, and, where the configuration wants
/// it, storage for classes that no table knows: private ones and those of a newer standard.
network::ContextUse use_of(std::string_view abstract_syntax, bool unknown_too) {
  const auto use = network::standard_use(abstract_syntax);
  if (use != network::ContextUse::unsupported || !unknown_too || abstract_syntax.empty())
    return use;
  constexpr std::string_view kStandardRoot = "1.2.840.10008.";
  constexpr std::string_view kStandardStorage = "1.2.840.10008.5.1.4.1.1.";
  const bool may_be_storage =
      !abstract_syntax.starts_with(kStandardRoot) || abstract_syntax.starts_with(kStandardStorage);
  return may_be_storage ? network::ContextUse::storage : network::ContextUse::unsupported;
}

}  // namespace

Connection::Connection(Core& the_core, asio::ip::tcp::socket the_socket)
    : CoreUser(the_core),
      Transport(std::move(the_socket), network::Association::acceptor(the_core.config.limits),
                the_core.buffers, the_core.config.artim_timeout) {}

Connection::~Connection() = default;

void Connection::launch() {
  boost::system::error_code ignored;
  const auto remote = socket().remote_endpoint(ignored);
  const auto local = socket().local_endpoint(ignored);
  from_ = plain_address(remote.address());
  here_ = plain_address(local.address());
  std::shared_ptr<Connection> evicted;
  number_ = core().registry.add(self(), config().connections_max, evicted);
  if (evicted) {
    asio::post(evicted->executor(), [evicted] { evicted->close("too many connections"); });
  }
  asio::dispatch(executor(), [connection = self()] { connection->begin(); });
}

void Connection::end_if_idle() {
  if (operation_) return;
  if (association().state() == network::State::sta2_awaiting_request) return close("stopping");
  end_ = "aborted: the archive is stopping";
  abort({network::Abort::service_provider, network::Abort::not_specified});
  close_when_written();
}

std::string Connection::assumed_issuer() const {
  return peer_ != nullptr ? peer_->issuer_of_patient_id : std::string();
}

const std::string& Connection::assumed_character_set() const {
  if (peer_ != nullptr && !peer_->assumed_character_set.empty()) {
    return peer_->assumed_character_set;
  }
  return config().assumed_character_set;
}

Connection::Millis Connection::dimse_timeout() const {
  return peer_ != nullptr ? peer_->dimse_timeout.value_or(config().dimse_timeout)
                          : config().dimse_timeout;
}

std::optional<Connection::Millis> Connection::time_limit(bool in_message) const {
  if (in_message) return dimse_timeout();
  if (operation_) {
    if (operation_->waits_for_peer()) return dimse_timeout();
    return std::nullopt;  // The peer waits for us.
  }
  return peer_ != nullptr ? peer_->idle_timeout.value_or(config().idle_timeout)
                          : config().idle_timeout;
}

bool Connection::is_reading_life() const { return !operation_ || !operation_->waits_for_peer(); }

// ---------------------------------------------------------------------------------------------
// Association
// ---------------------------------------------------------------------------------------------

void Connection::on_event(network::Event& event) {
  if (std::holds_alternative<network::AssociateRequested>(event)) {
    on_associate_request();
  } else if (auto* command = std::get_if<network::CommandReceived>(&event)) {
    on_command(*command);
  } else if (const auto* data = std::get_if<network::DataReceived>(&event)) {
    // A copy, since the operation may end in the call. Without one it is the rest of something that
    // nobody wants, for example a data set behind a response.
    if (const auto operation = operation_) operation->on_data(data->bytes, data->last);
  } else if (std::holds_alternative<network::ReleaseRequested>(event)) {
    end_ = "released";
    if (auto answered = association().answer_release(); !answered) close(answered.error().text);
  } else if (const auto* aborted = std::get_if<network::Aborted>(&event)) {
    end_ = aborted->by_peer ? "aborted by peer" : "aborted: " + aborted->text;
    if (!aborted->by_peer && has_place_) {
      static_cast<void>(record("association aborted", Outcome::minor_failure, aborted->text));
    }
  }
}

void Connection::on_associate_request() {
  const auto& request = association().request();
  if (const auto title = request.calling.title()) {
    calling_ = *title;
    peer_ = core().peers.find(calling_);
  }
  caller_ = {security::access::Caller::Kind::peer, "dimse:" + calling_.str(), from_.to_string()};

  network::Policy policy;
  if (!config().accept_any_called) policy.called_titles = {config().aet};
  policy.calling_allowed = [this](const AeTitle& calling) {
    return core().peers.may_call(calling, from_, here_);
  };
  policy.use_of = [unknown_too = config().private_sop_classes](std::string_view abstract_syntax) {
    return use_of(abstract_syntax, unknown_too);
  };
  policy.pdu_bytes_max = config().limits.pdu_bytes_offered;
  auto answer = network::negotiate(request, policy);
  if (const auto* refused = std::get_if<network::AssociateReject>(&answer)) {
    return reject(*refused);
  }
  if (const auto refused = refusal_by_limits()) return reject(*refused);
  if (auto accepted = association().accept(std::move(std::get<network::AssociateAccept>(answer)));
      !accepted) {
    close(accepted.error().text);
  }
}

/// What only the server can know (PS3.8 9.3.4). When it returns nothing the association has its
/// place, and its audit row is under way.
std::optional<network::AssociateReject> Connection::refusal_by_limits() {
  // Passcodes and tokens over an open wire are not taken, nor are they let in without being looked
  // at (security.md §3); a bare user name grants nothing and harms nothing.
  const auto& identity = association().request().user.user_identity;
  if (identity && identity->type != network::UserIdentity::Type::user) {
    log::warn("user identity needs TLS", "peer", caller_.name);
    return rejections::kNoReason;
  }
  if (core().stopping) return rejections::kCongestion;
  // One peer gone wild must leave others a way in.
  const std::size_t usual_max = config().associations_max - config().associations_max / 5;
  const std::size_t peer_max =
      peer_ != nullptr ? peer_->associations_max.value_or(usual_max) : usual_max;
  if (!core().registry.take_place(number_, calling_.str(), config().associations_max, peer_max)) {
    return rejections::kLocalLimit;
  }
  has_place_ = true;
  if (!record("association opened", Outcome::success, {})) return rejections::kCongestion;
  return std::nullopt;
}

bool Connection::record(std::string_view what, Outcome outcome, std::string detail) {
  security::audit::AuditEvent event;
  event.code = security::audit::EventCode::user_authentication;
  event.action = security::audit::Action::execute;
  event.outcome = outcome;
  event.what = what;
  event.actor = caller_.name;
  event.actor_ip = caller_.ip;
  if (!detail.empty()) {
    event.subject.emplace();
    event.subject->detail = std::move(detail);
  }
  return core().audit.add(std::move(event));
}

void Connection::reject(network::AssociateReject answer) {
  const std::string reason = network::describe(answer);
  log::warn("association refused", "peer", caller_.name, "from", from_.to_string(), "called",
            association().request().called.raw(), "reason", reason);
  // 2 = transient: not the peer's fault.
  static_cast<void>(record("association refused",
                           answer.result == 2 ? Outcome::minor_failure : Outcome::serious_failure,
                           reason));
  end_ = "refused";
  if (auto rejected = association().reject(answer); !rejected) close(rejected.error().text);
}

void Connection::on_gone(std::string_view why) {
  core().registry.remove(number_);
  if (const auto operation = std::exchange(operation_, nullptr)) operation->on_gone();
  held_.reset();
  if (!has_place_) return;
  core().registry.leave_place(calling_.str());
  has_place_ = false;
  log::info("association ended", "peer", caller_.name, "from", from_.to_string(), "requests",
            requests_, "stored", stored_, "sent", sent_, "received_bytes",
            association().received_bytes(), "written_bytes", written_bytes(), "ms",
            milliseconds_since(began_), "how", end_.empty() ? why : std::string_view(end_));
}

// ---------------------------------------------------------------------------------------------
// Requests
// ---------------------------------------------------------------------------------------------

void Connection::on_command(network::CommandReceived& received) {
  const auto field = static_cast<network::CommandField>(received.command.command_field());
  if (received.command.is_response()) {
    if (const auto operation = operation_) operation->on_response(received.command);
    return;
  }
  if (field == network::CommandField::c_cancel_rq) {
    const auto canceled = network::CCancelRq::from(received.command);
    // One that comes too late, or for nothing, is ignored (PS3.7 9.3.2.3).
    if (operation_ && canceled && canceled->message_id == operation_message_id_) {
      const auto operation = operation_;
      operation->on_cancel();
    }
    return;
  }
  if (operation_ && operation_->has_suboperations()) {
    // To hold it back would hold back the responses behind it as well.
    log::warn("request in the middle of sub-operations", "peer", caller_.name);
    return abort({network::Abort::service_provider, network::Abort::not_specified});
  }
  if (operation_) {
    // We offered no asynchronous operations; a peer that sends ahead all the same is served in
    // order, and held up meanwhile.
    held_ = std::move(received);
    pause();
    return;
  }
  dispatch(received);
}

void Connection::dispatch(network::CommandReceived& received) {
  ++requests_;
  operation_message_id_ =
      received.command.u16(network::command::kMessageId).value_or(std::uint16_t{0});
  operation_ = make_operation(received);
  // A copy, since it may end in the call.
  const auto operation = operation_;
  operation->start();
}

std::shared_ptr<Operation> Connection::make_operation(network::CommandReceived& received) {
  auto refuse = [&](network::Fault fault) {
    log::warn("request refused", "peer", caller_.name, "status", network::to_string(fault.status),
              "reason", fault.comment);
    return make_refusal(self(), received.context_id, std::move(received.command), std::move(fault));
  };
  if (auto fault = network::check(received.command)) return refuse(std::move(*fault));
  const Service* service = find_service(received.command.command_field());
  if (service == nullptr) {
    return refuse({network::status::kUnrecognizedOperation,
                   {{0, network::command::kCommandField}},
                   "this operation is not offered here"});
  }
  const auto* context = association().find_context(received.context_id);
  const auto sop_class = received.command.uid(network::command::kAffectedSopClassUid).value_or("");
  if (!service->serves(sop_class) ||
      (context != nullptr && context->abstract_syntax != sop_class)) {
    return refuse({network::status::kSopClassNotSupported,
                   {{0, network::command::kAffectedSopClassUid}},
                   "SOP class is not that of the presentation context"});
  }
  const auto& allowed = authorisation(service->action);
  if (!allowed) {
    return refuse({network::status::kNotAuthorized, {}, "this AE title may not do that here"});
  }
  return service->make(self(), Request{received.context_id, std::move(received.command), *allowed});
}

const Result<Authorisation>& Connection::authorisation(security::access::Action action) {
  for (const auto& [known, result] : authorisations_) {
    if (known == action) return result;
  }
  authorisations_.emplace_back(action, services().policy.authorize(caller_, action));
  return authorisations_.back().second;
}

void Connection::queue_response(std::uint8_t context_id, const network::CommandSet& request,
                                const network::Answer& answer, const Bytes* data_set) {
  if (is_gone()) return;
  const auto queue = [&]() -> Result<void> {
    LATENT_TRY_VOID(association().send_command(
        context_id, network::respond_to(request, answer),
        data_set != nullptr ? network::DataSet::present : network::DataSet::absent));
    if (data_set == nullptr) return {};
    return association().send_data(context_id, *data_set, network::Fragment::last);
  };
  if (auto queued = queue(); !queued) {
    // The association is being torn down, or we broke a rule of our own; either way it is over.
    log::debug("response not sent", "peer", caller_.name, "reason", queued.error().text);
    abort();
  }
}

void Connection::respond(std::uint8_t context_id, const network::CommandSet& request,
                         const network::Answer& answer, const Bytes* data_set) {
  queue_response(context_id, request, answer, data_set);
  flush();
}

void Connection::finish(std::uint8_t context_id, const network::CommandSet& request,
                        const network::Answer& answer, const Bytes* data_set) {
  if (is_gone()) return;
  respond(context_id, request, answer, data_set);
  const auto ended = std::exchange(operation_, nullptr);
  if (core().stopping) return end_if_idle();
  if (held_) {
    network::CommandReceived next = std::move(*held_);
    held_.reset();
    dispatch(next);
    resume();
  }
  update_timer();
}

void Connection::on_written() {
  if (const auto operation = operation_) operation->on_written();
}

}  // namespace latent::server::dimse
