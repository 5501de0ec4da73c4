#include "server/dimse/detail/outgoing.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

namespace latent::server::dimse {

namespace asio = boost::asio;
namespace network = dicom::network;
using asio::ip::tcp;
using boost::system::error_code;

namespace {
constexpr auto kReleasePatience = std::chrono::seconds(5);
}

Result<std::shared_ptr<Outgoing>> Outgoing::make(Core& core, Executor executor,
                                                 network::AssociateRequest request,
                                                 Millis dimse_timeout, Handlers handlers) {
  LATENT_TRY(auto association,
             network::Association::requestor(std::move(request), core.config.limits));
  return std::make_shared<Outgoing>(core, std::move(executor), std::move(association),
                                    dimse_timeout, std::move(handlers));
}

Outgoing::Outgoing(Core& the_core, Executor the_executor, network::Association the_association,
                   Millis dimse_timeout, Handlers handlers)
    : CoreUser(the_core),
      Transport(tcp::socket(the_executor), std::move(the_association), the_core.buffers,
                the_core.config.artim_timeout),
      handlers_(std::move(handlers)),
      dimse_timeout_(dimse_timeout),
      resolver_(the_executor),
      connect_timer_(the_executor) {}

Outgoing::~Outgoing() = default;

void Outgoing::open(const std::string& host, std::uint16_t port) {
  connect_timer_.expires_after(core().config.connect_timeout);
  connect_timer_.async_wait([outgoing = self()](const error_code& cancelled) {
    if (cancelled) return;
    outgoing->resolver_.cancel();
    outgoing->close("no connection within the time limit");
  });
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return connect({tcp::endpoint(address, port)});
  resolver_.async_resolve(
      host, std::to_string(port),
      [outgoing = self()](const error_code& failed, const tcp::resolver::results_type& results) {
        if (outgoing->is_gone()) return;
        if (failed) return outgoing->close(failed.message());
        std::vector<tcp::endpoint> endpoints;
        for (const auto& result : results) endpoints.push_back(result.endpoint());
        outgoing->connect(endpoints);
      });
}

void Outgoing::connect(const std::vector<tcp::endpoint>& endpoints) {
  asio::async_connect(socket(), endpoints,
                      [outgoing = self()](const error_code& failed, const tcp::endpoint&) {
                        if (outgoing->is_gone()) return;
                        outgoing->connect_timer_.cancel();
                        if (failed) return outgoing->close(failed.message());
                        outgoing->begin();
                      });
}

void Outgoing::release() {
  if (auto released = association().request_release(); !released) return abort();
  flush();
}

void Outgoing::on_event(network::Event& event) {
  if (std::holds_alternative<network::Associated>(event)) {
    handlers_.on_open();
  } else if (const auto* command = std::get_if<network::CommandReceived>(&event)) {
    if (command->command.is_response()) return handlers_.on_response(command->command);
    // Nobody may ask anything of us on an association that we opened for storing.
    abort({network::Abort::service_user, network::Abort::not_specified});
  } else if (const auto* rejected = std::get_if<network::Rejected>(&event)) {
    end_ = "association rejected: " + network::describe(rejected->reject);
  } else if (const auto* aborted = std::get_if<network::Aborted>(&event)) {
    end_ = aborted->by_peer ? "association aborted by the destination" : aborted->text;
  } else if (std::holds_alternative<network::ReleaseRequested>(event)) {
    end_ = "association released by the destination";
    if (auto answered = association().answer_release(); !answered) close(answered.error().text);
  }
}

void Outgoing::on_written() { handlers_.on_written(); }

void Outgoing::on_gone(std::string_view why) {
  connect_timer_.cancel();
  resolver_.cancel();
  // The handlers keep their owner alive, which keeps us: this ends the circle.
  const Handlers handlers = std::exchange(handlers_, {});
  if (handlers.on_end) handlers.on_end(end_.empty() ? why : std::string_view(end_));
}

std::optional<Outgoing::Millis> Outgoing::time_limit(bool in_message) const {
  const bool is_talking = association().state() == network::State::sta6_data_transfer;
  // Outside data transfer we always wait for an answer; inside, only after a request.
  if (is_talking && !in_message && !waiting_) return std::nullopt;
  // Everything has been said by then, and somebody may be waiting for our own answer.
  if (association().state() == network::State::sta7_awaiting_release_reply) {
    return std::min(dimse_timeout_, Millis(kReleasePatience));
  }
  return dimse_timeout_;
}

bool Outgoing::is_reading_life() const {
  return association().state() == network::State::sta6_data_transfer && !waiting_;
}

}  // namespace latent::server::dimse
