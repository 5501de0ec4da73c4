// An association that we open, for the sub-operations of a C-MOVE. On the strand of the connection
// that asked for it, so that the two need no locks between them.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "dicom/network/pdu.h"
#include "server/dimse/detail/core.h"
#include "server/dimse/detail/transport.h"

namespace latent::server::dimse {

class Outgoing final : public CoreUser, public Transport {
 public:
  struct Handlers {
    std::function<void()> on_open;
    std::function<void(const dicom::network::CommandSet&)> on_response;
    std::function<void()> on_written;
    /// Exactly once, after which none is called: not reached, refused, broken or released.
    std::function<void(std::string_view why)> on_end;
  };

  /// Errors: invalid_input when the request cannot be encoded.
  static Result<std::shared_ptr<Outgoing>> make(Core& core, Executor executor,
                                                dicom::network::AssociateRequest request,
                                                Millis dimse_timeout, Handlers handlers);
  Outgoing(Core& core, Executor executor, dicom::network::Association association,
           Millis dimse_timeout, Handlers handlers);
  ~Outgoing() override;

  /// Looks the name up, connects, associates. `host` is a name or a numeric address.
  void open(const std::string& host, std::uint16_t port);
  /// on_end() follows.
  void release();
  /// The peer owes an answer: its time runs.
  void set_waiting(bool waiting) {
    waiting_ = waiting;
    update_timer();
  }

 private:
  std::shared_ptr<Outgoing> self() {
    return std::static_pointer_cast<Outgoing>(shared_from_this());
  }
  void connect(const std::vector<boost::asio::ip::tcp::endpoint>& endpoints);
  void on_event(dicom::network::Event& event) override;
  void on_written() override;
  void on_gone(std::string_view why) override;
  std::optional<Millis> time_limit(bool in_message) const override;
  bool is_reading_life() const override;

  Handlers handlers_;
  Millis dimse_timeout_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer connect_timer_;
  bool waiting_ = false;
  std::string end_;
};

}  // namespace latent::server::dimse
