#include "tests/support/raw_peer.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

#include "security/base/clock.h"

namespace latent::test {
namespace {

namespace command = dicom::network::command;

constexpr std::size_t kPduHeaderBytes = 6;
constexpr std::size_t kPdvHeaderBytes = 6;

int milliseconds_left(std::chrono::steady_clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

Bytes ae_field(std::string title) {
  title.resize(16, ' ');
  return {as_bytes(title).begin(), as_bytes(title).end()};
}

Reply::Kind kind_of(std::uint8_t type) {
  using Kind = Reply::Kind;
  constexpr std::array kKinds = {Kind::other,         Kind::other,   Kind::accepted,
                                 Kind::rejected,      Kind::message, Kind::release_request,
                                 Kind::release_reply, Kind::aborted};
  return type < kKinds.size() ? kKinds[type] : Kind::other;
}

}  // namespace

Bytes be16(std::uint16_t value) {
  return {static_cast<std::byte>(value >> 8), static_cast<std::byte>(value)};
}
Bytes be32(std::uint32_t value) {
  Bytes bytes = be16(static_cast<std::uint16_t>(value >> 16));
  append(bytes, be16(static_cast<std::uint16_t>(value)));
  return bytes;
}
Bytes joined(std::initializer_list<ByteSpan> parts) {
  Bytes all;
  for (const ByteSpan part : parts) append(all, part);
  return all;
}

Bytes pdu(std::uint8_t type, ByteSpan body, std::optional<std::uint32_t> claimed) {
  return joined({Bytes{std::byte{type}, std::byte{0}},
                 be32(claimed.value_or(static_cast<std::uint32_t>(body.size()))), body});
}
Bytes item(std::uint8_t type, ByteSpan body, std::optional<std::uint16_t> claimed) {
  return joined({Bytes{std::byte{type}, std::byte{0}},
                 be16(claimed.value_or(static_cast<std::uint16_t>(body.size()))), body});
}
Bytes pdv(std::uint8_t context, Pdv control, ByteSpan fragment,
          std::optional<std::uint32_t> claimed) {
  const Bytes head{std::byte{context}, static_cast<std::byte>(control)};
  return joined(
      {be32(claimed.value_or(static_cast<std::uint32_t>(fragment.size() + 2))), head, fragment});
}

Bytes request_body(const RequestBytes& request) {
  Bytes body = joined({be16(request.version), be16(0), ae_field(request.called),
                       ae_field(request.calling), Bytes(32)});
  if (request.has_application_context) append(body, item(0x10, "1.2.840.10008.3.1.1.1"_b));
  for (const Bytes& context : request.contexts) append(body, context);
  Bytes user;
  for (const Bytes& one : request.user_items) append(user, one);
  if (request.user_items.empty()) user = joined({item(0x51, be32(16384)), item(0x52, "1.2.3.4"_b)});
  append(body, item(0x50, user));
  for (const Bytes& one : request.more_items) append(body, one);
  return body;
}

Bytes context_item(std::uint8_t id, std::string_view abstract_syntax,
                   const std::vector<std::string>& transfer_syntaxes) {
  Bytes body{std::byte{id}, std::byte{0}, std::byte{0}, std::byte{0}};
  append(body, item(0x30, as_bytes(abstract_syntax)));
  for (const std::string& syntax : transfer_syntaxes) append(body, item(0x40, as_bytes(syntax)));
  return item(0x20, body);
}

std::uint16_t Reply::status() const { return command.u16(command::kStatus).value_or(0xFFFF); }

std::string Reply::text() const {
  const auto number = [this](std::size_t at) {
    return at < body.size() ? std::to_integer<unsigned>(body[at]) : 999u;
  };
  switch (kind) {
    case Kind::accepted:
      return "A-ASSOCIATE-AC";
    case Kind::rejected:
      return fmt::format("A-ASSOCIATE-RJ {}/{}/{}", number(1), number(2), number(3));
    case Kind::message: {
      const auto comment = command.text(command::kErrorComment);
      return fmt::format("{:04X}H{}{}", status(), comment ? " " : "", comment.value_or(""));
    }
    case Kind::release_request:
      return "A-RELEASE-RQ";
    case Kind::release_reply:
      return "A-RELEASE-RP";
    case Kind::aborted:
      return fmt::format("A-ABORT {}/{}", number(2), number(3));
    case Kind::closed:
      return "closed";
    case Kind::silence:
      return "no answer";
    case Kind::other:
      break;
  }
  return "something else";
}

RawPeer::RawPeer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("the raw peer cannot connect");
  const int one = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

bool RawPeer::write(ByteSpan bytes) {
  const auto until = deadline_in(std::chrono::minutes(1));
  while (!bytes.empty()) {
    const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return false;
    pollfd ready{fd_.get(), POLLOUT, 0};
    if (::poll(&ready, 1, milliseconds_left(until)) <= 0) return false;
  }
  return true;
}

bool RawPeer::fill(std::chrono::steady_clock::time_point until) {
  if (closed_) return false;
  pollfd ready{fd_.get(), POLLIN, 0};
  if (::poll(&ready, 1, milliseconds_left(until)) <= 0) return false;
  std::array<std::byte, 16384> piece;
  const auto count = ::recv(fd_.get(), piece.data(), piece.size(), 0);
  closed_ = count <= 0;
  if (!closed_) append(unread_, ByteSpan(piece).first(static_cast<std::size_t>(count)));
  return !closed_;
}

Reply RawPeer::reply(std::chrono::milliseconds patience) {
  const auto until = deadline_in(patience);
  Reply reply;
  Bytes command_bytes;
  bool has_command = false;
  while (true) {
    const auto whole = [this] {
      return unread_.size() >= kPduHeaderBytes &&
             unread_.size() - kPduHeaderBytes >= load_be<std::uint32_t>(ByteSpan(unread_), 2);
    };
    while (!whole()) {
      if (fill(until)) continue;
      reply.kind = closed_ ? Reply::Kind::closed : Reply::Kind::silence;
      return reply;
    }
    const auto type = std::to_integer<std::uint8_t>(unread_[0]);
    const auto end =
        unread_.begin() +
        static_cast<std::ptrdiff_t>(kPduHeaderBytes + load_be<std::uint32_t>(ByteSpan(unread_), 2));
    const Bytes body(unread_.begin() + kPduHeaderBytes, end);
    unread_.erase(unread_.begin(), end);
    reply.kind = kind_of(type);
    if (reply.kind != Reply::Kind::message) {
      reply.body = body;
      return reply;
    }
    for (ByteSpan rest = body; rest.size() >= kPdvHeaderBytes;) {
      const std::size_t length = load_be<std::uint32_t>(rest, 0) - 2;
      const auto control = std::to_integer<std::uint8_t>(rest[5]);
      const bool is_command = (control & 1) != 0, is_last = (control & 2) != 0;
      reply.context = std::to_integer<std::uint8_t>(rest[4]);
      append(is_command ? command_bytes : reply.data_set, rest.subspan(kPdvHeaderBytes, length));
      rest = rest.subspan(kPdvHeaderBytes + length);
      if (!is_last) continue;
      if (!is_command) return reply;
      auto parsed = dicom::network::CommandSet::parse(command_bytes);
      if (!parsed)
        throw std::runtime_error("an answer that cannot be read: " + parsed.error().text);
      reply.command = std::move(*parsed);
      has_command = true;
    }
    if (has_command && !reply.command.has_data_set()) return reply;
  }
}

bool RawPeer::wait_for_close(std::chrono::milliseconds patience) {
  const auto until = deadline_in(patience);
  while (fill(until)) unread_.clear();
  return closed_;
}

void RawPeer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_.reset();
}

}  // namespace latent::test
