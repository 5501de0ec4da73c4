// One connection to us: association, one operation at a time, its timers and its audit rows.
#pragma once

#include <boost/asio/post.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "dicom/network/messages.h"
#include "security/access/caller.h"
#include "security/base/log.h"
#include "server/dimse/detail/core.h"
#include "server/dimse/detail/operation.h"
#include "server/dimse/detail/transport.h"

namespace latent::server::dimse {

class Connection final : public CoreUser, public Transport {
 public:
  Connection(Core& core, boost::asio::ip::tcp::socket socket);
  ~Connection() override;

  std::shared_ptr<Connection> self() {
    return std::static_pointer_cast<Connection>(shared_from_this());
  }
  /// Enters the registry and starts reading. From any thread, once.
  void launch();
  /// For shutdown and eviction, on the strand: ends at once when no operation runs.
  void end_if_idle();

  const Services& services() const { return core().services; }
  const Config& config() const { return core().config; }
  const security::access::Caller& caller() const { return caller_; }
  const AeTitle& calling_aet() const { return calling_; }
  const PeerConfig* peer() const { return peer_; }
  /// Of the peer, else the archive's.
  const std::string& assumed_character_set() const;
  /// Issuer of Patient ID for objects of this peer that name none; empty: none is assumed.
  std::string assumed_issuer() const;
  Millis dimse_timeout() const;

  /// Queues a response with a data set (encoded in the context's transfer syntax); flush() follows
  /// when there are no more of them.
  void queue_response(const Request& request, const dicom::network::Answer& answer,
                      const Bytes& data_set) {
    queue_response(request.context_id, request.command, answer, &data_set);
  }
  /// Sends a response, with or without a data set.
  void respond(std::uint8_t context_id, const dicom::network::CommandSet& request,
               const dicom::network::Answer& answer, const Bytes* data_set = nullptr);
  /// The final response; the operation is forgotten and the next request taken.
  void finish(std::uint8_t context_id, const dicom::network::CommandSet& request,
              const dicom::network::Answer& answer, const Bytes* data_set = nullptr);
  void respond(const Request& request, const dicom::network::Answer& answer,
               const Bytes* data_set = nullptr) {
    respond(request.context_id, request.command, answer, data_set);
  }
  void finish(const Request& request, const dicom::network::Answer& answer,
              const Bytes* data_set = nullptr) {
    finish(request.context_id, request.command, answer, data_set);
  }

  /// Runs `work` (returns Result<T>, may block) on a worker, then `then(Result<T>)` on the strand.
  /// Both are copyable and keep alive what they use. A full pool is an Error `exhausted`.
  template <class Work, class Then>
  void offload(Work work, Then then);

  /// Instances stored and sent, for the log line at the end.
  void count_stored() { ++stored_; }
  void count_sent() { ++sent_; }

 private:
  void on_event(dicom::network::Event& event) override;
  void on_written() override;
  void on_gone(std::string_view why) override;
  std::optional<Millis> time_limit(bool in_message) const override;
  bool is_reading_life() const override;

  void queue_response(std::uint8_t context_id, const dicom::network::CommandSet& request,
                      const dicom::network::Answer& answer, const Bytes* data_set);
  void on_associate_request();
  std::optional<dicom::network::AssociateReject> refusal_by_limits();
  bool record(std::string_view what, security::audit::Outcome outcome, std::string detail);
  void reject(dicom::network::AssociateReject answer);
  void on_command(dicom::network::CommandReceived& received);
  void dispatch(dicom::network::CommandReceived& received);
  std::shared_ptr<Operation> make_operation(dicom::network::CommandReceived& received);
  const Result<security::access::Authorisation>& authorisation(security::access::Action action);

  std::uint64_t number_ = 0;
  boost::asio::ip::address from_, here_;
  AeTitle calling_ = *AeTitle::parse("UNKNOWN");
  security::access::Caller caller_;
  const PeerConfig* peer_ = nullptr;
  bool has_place_ = false;
  std::vector<std::pair<security::access::Action, Result<security::access::Authorisation>>>
      authorisations_;

  std::shared_ptr<Operation> operation_;
  std::uint16_t operation_message_id_ = 0;
  /// A request that came while another one is being answered; reading stands still then.
  std::optional<dicom::network::CommandReceived> held_;
  std::string end_;
  Deadline began_ = std::chrono::steady_clock::now();
  std::uint64_t requests_ = 0, stored_ = 0, sent_ = 0;
};

template <class Work, class Then>
void Connection::offload(Work work, Then then) {
  using Outcome = std::invoke_result_t<Work>;
  auto come_back = [executor = executor(), then](Outcome outcome) {
    // Shared, since a handler may be copied while an outcome often cannot.
    auto kept = std::make_shared<Outcome>(std::move(outcome));
    boost::asio::post(executor, [then, kept]() mutable { then(std::move(*kept)); });
  };
  const bool taken = core().workers.post([work, come_back]() mutable {
    auto guarded = [&]() -> Outcome {
      try {
        return work();
      } catch (const std::exception& exception) {
        log::error("operation failed", "reason", exception.what());
        return fail(ErrorCode::internal, "an unexpected failure of the archive", "dimse");
      }
    };
    come_back(guarded());
  });
  if (!taken) come_back(Outcome(fail(ErrorCode::exhausted, "the archive is busy", "dimse")));
}

}  // namespace latent::server::dimse
