// A peer for tests: plain blocking sockets around dicom/network, so that what is tested is the
// server's handling of sockets and not this.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/network/association.h"
#include "dicom/network/messages.h"
#include "dicom/network/requestor.h"
#include "security/base/raii.h"

namespace latent::test {

namespace network = dicom::network;

inline FileDescriptor connect_to(std::uint16_t port) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("test peer cannot connect");
  }
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

struct Message {
  std::uint8_t context_id = 0;
  network::CommandSet command;
  Bytes data_set;
};

class TestPeer {
 public:
  explicit TestPeer(std::uint16_t port) : fd_(connect_to(port)) {}
  /// The accepting side.
  explicit TestPeer(FileDescriptor fd)
      : fd_(std::move(fd)), association_(network::Association::acceptor()) {}

  int fd() const { return fd_.get(); }
  network::Association& association() { return *association_; }

  /// Sends the request and returns the answer's event: Associated, Rejected or Aborted.
  std::optional<network::Event> associate(const network::RequestOptions& options) {
    auto request = network::make_associate_request(options);
    if (!request) throw std::runtime_error(request.error().text);
    return associate(*request);
  }
  std::optional<network::Event> associate(const network::AssociateRequest& request) {
    auto association = network::Association::requestor(request);
    if (!association) throw std::runtime_error(association.error().text);
    association_.emplace(std::move(*association));
    flush();
    return next_event();
  }

  void send(std::uint8_t context_id, const network::CommandSet& command) {
    check(association_->send_command(context_id, command, network::DataSet::absent));
    flush();
  }
  void send(std::uint8_t context_id, const network::CommandSet& command, ByteSpan data_set) {
    check(association_->send_command(context_id, command, network::DataSet::present));
    check(association_->send_data(context_id, data_set, network::Fragment::last));
    flush();
  }
  void write(ByteSpan bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) throw std::runtime_error("test peer cannot write");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }
  void flush() { write(association_->take_output()); }

  /// A whole message; nothing when the association ended or nothing came in time.
  std::optional<Message> receive(std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    std::optional<Message> message;
    while (auto event = next_event(timeout)) {
      if (auto* command = std::get_if<network::CommandReceived>(&*event)) {
        message = Message{command->context_id, std::move(command->command), {}};
        if (!message->command.has_data_set()) return message;
      } else if (const auto* data = std::get_if<network::DataReceived>(&*event)) {
        append(message->data_set, data->bytes);
        if (data->last) return message;
      } else {
        last_event_ = std::move(*event);
        return std::nullopt;
      }
    }
    return std::nullopt;
  }
  const std::optional<network::Event>& last_event() const { return last_event_; }

  std::optional<network::Event> next_event(
      std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    for (;;) {
      if (auto event = association_->next(unread_)) return event;
      pollfd ready{fd_.get(), POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
      const auto count = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
      if (count <= 0) {
        closed_ = true;
        return association_->transport_closed();
      }
      unread_ = {buffer_.data(), static_cast<std::size_t>(count)};
    }
  }
  bool closed() const { return closed_; }
  /// True when the other side closes (or resets) within the time, whatever it sends before.
  bool wait_for_close(std::chrono::milliseconds timeout) {
    const auto until = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      pollfd ready{fd_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
      if (::recv(fd_.get(), buffer_.data(), buffer_.size(), 0) <= 0) return true;
    }
  }
  bool release() {
    check(association_->request_release());
    flush();
    while (auto event = next_event()) {
      if (std::holds_alternative<network::Released>(*event)) return true;
    }
    return false;
  }

 private:
  static void check(const Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().text);
  }

  FileDescriptor fd_;
  std::optional<network::Association> association_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(64u << 10);
  ByteSpan unread_;
  std::optional<network::Event> last_event_;
  bool closed_ = false;
};

/// What a storage provider does with an instance.
struct Received {
  std::string sop_class, sop_instance, transfer_syntax;
  std::optional<AeTitle> move_originator;
  std::optional<std::uint16_t> move_message_id;
  Bytes data_set;
};

/// A C-MOVE destination on a port of its own: one association after the other.
class TestReceiver {
 public:
  enum class Reaction { accept, refuse, abort, silence };
  explicit TestReceiver(
      std::function<Reaction(const Received&)> react =
          [](const Received&) { return Reaction::accept; },
      std::function<bool(std::string_view)> syntax_allowed = {})
      : react_(std::move(react)), syntax_allowed_(std::move(syntax_allowed)) {
    listener_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener_.get(), 16) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("test receiver cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TestReceiver() { stop(); }
  /// Ends the thread; then the results may be read.
  void stop() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  std::uint16_t port() const { return port_; }
  const std::vector<Received>& received() const { return received_; }
  int associations() const { return associations_; }

 private:
  void run() {
    for (;;) {
      FileDescriptor fd(::accept(listener_.get(), nullptr, nullptr));
      if (!fd) return;
      ++associations_;
      serve(TestPeer(std::move(fd)));
    }
  }
  void serve(TestPeer peer) {
    std::optional<Message> message;
    while (auto event = peer.next_event()) {
      if (std::holds_alternative<network::AssociateRequested>(*event)) {
        network::Policy policy;
        policy.storage_syntax_allowed = syntax_allowed_;
        auto answer = network::negotiate(peer.association().request(), policy);
        if (!peer.association().accept(std::get<network::AssociateAccept>(answer))) return;
        peer.flush();
      } else if (auto* command = std::get_if<network::CommandReceived>(&*event)) {
        message = Message{command->context_id, std::move(command->command), {}};
      } else if (const auto* data = std::get_if<network::DataReceived>(&*event)) {
        append(message->data_set, data->bytes);
        if (data->last && !answer(peer, *message)) return;
      } else if (std::holds_alternative<network::ReleaseRequested>(*event)) {
        static_cast<void>(peer.association().answer_release());
        peer.flush();
        return;
      } else {
        return;
      }
    }
  }
  bool answer(TestPeer& peer, Message& message) {
    const auto store = network::CStoreRq::from(message.command);
    if (!store) return false;
    Received received{store->sop_class,
                      store->sop_instance,
                      peer.association().find_context(message.context_id)->transfer_syntax,
                      store->move_originator,
                      store->move_message_id,
                      std::move(message.data_set)};
    const Reaction reaction = react_(received);
    if (reaction == Reaction::silence) {
      peer.wait_for_close(std::chrono::seconds(20));
      return false;
    }
    if (reaction == Reaction::abort) {
      peer.association().abort();
      peer.flush();
      return false;
    }
    network::Answer answer;
    if (reaction == Reaction::refuse) answer.status = network::status::kStoreOutOfResources;
    peer.send(message.context_id, network::respond_to(message.command, answer));
    if (reaction == Reaction::accept) received_.push_back(std::move(received));
    return true;
  }

  std::function<Reaction(const Received&)> react_;
  std::function<bool(std::string_view)> syntax_allowed_;
  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::vector<Received> received_;
  int associations_ = 0;
};

}  // namespace latent::test
