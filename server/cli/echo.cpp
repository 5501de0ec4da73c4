// `latent echo HOST:PORT`: does a peer answer C-ECHO? Needs no archive.
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/network/association.h"
#include "dicom/network/messages.h"
#include "dicom/network/requestor.h"
#include "security/base/clock.h"
#include "security/base/raii.h"
#include "server/cli/verb.h"

namespace latent::server::cli {
namespace {

namespace network = dicom::network;

struct Options {
  CommonOptions common;
  std::string address;
  std::string calling = "LATENT";
  std::string called = "ANY-SCP";
  unsigned timeout_s = 10;
};

Error unreachable(const std::string& address, const std::string& why) {
  return make_error(ErrorCode::unavailable, address + " does not answer: " + why, "echo");
}

/// One association of our own, blocking, with one deadline for everything.
class Peer {
 public:
  Peer(FileDescriptor socket, network::Association association, std::string address,
       Deadline deadline)
      : socket_(std::move(socket)),
        association_(std::move(association)),
        address_(std::move(address)),
        deadline_(deadline) {}

  /// The next event of the wanted kind; anything else ends it.
  template <class Wanted>
  Result<Wanted> expect() {
    while (true) {
      LATENT_TRY_VOID(flush());
      if (auto event = association_.next(unread_)) {
        if (auto* wanted = std::get_if<Wanted>(&*event)) return std::move(*wanted);
        if (std::holds_alternative<network::Rejected>(*event))
          return fail(ErrorCode::refused, address_ + " rejected the association", "echo");
        return fail(unreachable(address_, "it ended the association"));
      }
      LATENT_TRY_VOID(read_more());
    }
  }
  Result<void> flush() {
    const Bytes output = association_.take_output();
    ByteSpan rest(output);
    while (!rest.empty()) {
      LATENT_TRY_VOID(wait(POLLOUT));
      const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return fail(unreachable(address_, "the connection broke"));
      rest = rest.subspan(static_cast<std::size_t>(sent));
    }
    return {};
  }
  network::Association& association() { return association_; }

 private:
  Result<void> wait(short events) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline_ - std::chrono::steady_clock::now());
    pollfd entry{.fd = socket_.get(), .events = events, .revents = 0};
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0)
      return fail(unreachable(address_, "time is up"));
    return {};
  }
  Result<void> read_more() {
    LATENT_TRY_VOID(wait(POLLIN));
    const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (got <= 0) return fail(unreachable(address_, "it closed the connection"));
    unread_ = ByteSpan(buffer_).first(static_cast<std::size_t>(got));
    return {};
  }

  FileDescriptor socket_;
  network::Association association_;
  std::string address_;
  Deadline deadline_;
  std::array<std::byte, 16384> buffer_;
  ByteSpan unread_;
};

Result<FileDescriptor> connect_to(const settings::HostPort& place, const std::string& address,
                                  Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code =
          ::getaddrinfo(place.host.c_str(), std::to_string(place.port).c_str(), &hints, &found);
      code != 0)
    return fail(unreachable(address, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, Deleter<::freeaddrinfo>> owned(found);
  std::string why = "no address";
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    FileDescriptor socket(
        ::socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) continue;
    int error = ::connect(socket.get(), entry->ai_addr, entry->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd waiting{.fd = socket.get(), .events = POLLOUT, .revents = 0};
      socklen_t length = sizeof error;
      if (::poll(&waiting, 1, static_cast<int>(std::max<long>(left.count(), 0))) <= 0)
        error = ETIMEDOUT;
      else
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    }
    if (error == 0) return socket;
    why = std::error_code(error, std::generic_category()).message();
  }
  return fail(unreachable(address, why));
}

Result<double> echo(const Options& options) {
  const auto place = settings::parse_host_port(options.address);
  const auto calling = AeTitle::parse(options.calling);
  const auto called = AeTitle::parse(options.called);
  if (!place) return fail(ErrorCode::invalid_input, options.address + ": give HOST:PORT", "echo");
  if (!calling || !called)
    return fail(ErrorCode::invalid_input, "an AE title has 1 to 16 characters, no backslash",
                "echo");
  const auto began = std::chrono::steady_clock::now();
  const Deadline deadline = deadline_in(std::chrono::seconds(options.timeout_s));
  network::RequestOptions wishes{.calling = *calling, .called = *called};
  wishes.contexts.push_back({std::string(dicom::model::sop_classes::kVerification),
                             {std::string(dicom::model::transfer_syntaxes::kImplicitLittle)}});
  LATENT_TRY(auto request, network::make_associate_request(wishes));
  LATENT_TRY(auto association, network::Association::requestor(std::move(request)));
  LATENT_TRY(auto socket, connect_to(*place, options.address, deadline));
  Peer peer(std::move(socket), std::move(association), options.address, deadline);
  LATENT_TRY_VOID(peer.expect<network::Associated>());
  const auto& contexts = peer.association().contexts();
  if (contexts.empty())
    return fail(ErrorCode::refused, options.address + " does not offer verification", "echo");
  LATENT_TRY_VOID(peer.association().send_command(contexts.front().id,
                                                  network::CEchoRq{.message_id = 1}.to_command(),
                                                  network::DataSet::absent));
  LATENT_TRY(const auto answer, peer.expect<network::CommandReceived>());
  const auto status = answer.command.u16(network::command::kStatus).value_or(0xFFFF);
  if (status != network::status::kSuccess)
    return fail(ErrorCode::refused,
                options.address + " answers with status " + network::to_string(status), "echo");
  LATENT_TRY_VOID(peer.association().request_release());
  LATENT_TRY_VOID(peer.expect<network::Released>());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

Command add_echo(CLI::App& root) {
  CLI::App* app = root.add_subcommand("echo", "Ask a peer whether it answers (C-ECHO)");
  auto options = std::make_shared<Options>();
  app->add_option("HOST:PORT", options->address, "Where the peer listens")->required();
  app->add_option("--aet", options->calling, "Our AE title (default LATENT)");
  app->add_option("--called", options->called, "The peer's AE title (default ANY-SCP)");
  app->add_option("--timeout", options->timeout_s, "Seconds to wait (default 10)");
  app->add_flag("--json", options->common.json, "Answer in JSON, for scripts");
  return {
      app, [options] {
        const auto seconds = echo(*options);
        if (!seconds) return report_error("echo", seconds.error(), options->common);
        if (options->common.json)
          fmt::print("{}\n", nlohmann::json({{"answered", true}, {"seconds", *seconds}}).dump());
        else
          fmt::print("{} answers ({:.0f} ms)\n", options->address, *seconds * 1000);
        return int{kDone};
      }};
}

}  // namespace latent::server::cli
