#include "server/control/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

namespace latent::server::control {
namespace {

constexpr std::size_t kHeaderBytes = 5;
constexpr int kJsonDepthMax = 16;

Error gone() {
  return make_error(ErrorCode::cancelled, "the other side of the control socket is gone",
                    "control");
}

Result<void> wait_for(int fd, short events) {
  pollfd entry{.fd = fd, .events = events, .revents = 0};
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(Channel::kPatience);
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return {};
  return fail(ErrorCode::exhausted, "the other side of the control socket stands still", "control");
}

Result<void> read_exactly(int fd, MutableByteSpan out) {
  while (!out.empty()) {
    const ssize_t got = ::recv(fd, out.data(), out.size(), MSG_DONTWAIT);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      LATENT_TRY_VOID(wait_for(fd, POLLIN));
    } else {
      return fail(gone());
    }
  }
  return {};
}

/// nlohmann's parser is iterative, but copying or destroying a deep value is not.
bool is_shallow(std::string_view text) {
  int depth = 0;
  bool in_string = false, escaped = false;
  for (char c : text) {
    if (in_string) {
      if (escaped)
        escaped = false;
      else if (c == '\\')
        escaped = true;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kJsonDepthMax) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

}  // namespace

Result<Frame> Channel::receive() {
  std::array<std::byte, kHeaderBytes> header;
  LATENT_TRY_VOID(read_exactly(socket_.get(), header));
  const std::uint32_t length = load_le<std::uint32_t>(header);
  const auto type = std::to_integer<char>(header[4]);
  if (length > kFrameBytesMax || (type != 'j' && type != 'd' && type != 'e'))
    return fail(ErrorCode::invalid_input, "the control socket carries something else", "control");
  Frame frame{.type = static_cast<Frame::Type>(type), .bytes = Bytes(length)};
  LATENT_TRY_VOID(read_exactly(socket_.get(), frame.bytes));
  return frame;
}

Result<nlohmann::json> Channel::receive_json() {
  LATENT_TRY(const Frame frame, receive());
  const std::string_view text = as_text(frame.bytes);
  if (frame.type != Frame::Type::json || !is_shallow(text))
    return fail(ErrorCode::invalid_input, "the control socket carries something else", "control");
  auto object = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object())
    return fail(ErrorCode::invalid_input, "the control socket carries something else", "control");
  return object;
}

Result<void> Channel::send_json(const nlohmann::json& object) {
  // Names may hold bytes that are no UTF-8 (file names do): they are replaced, never a failure.
  const std::string text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return send(Frame::Type::json, as_bytes(text));
}

Result<void> Channel::send_data(ByteSpan bytes) {
  while (!bytes.empty()) {
    const ByteSpan piece = bytes.first(std::min(bytes.size(), kFrameBytesMax));
    LATENT_TRY_VOID(send(Frame::Type::data, piece));
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

Result<void> Channel::send_end() { return send(Frame::Type::end, {}); }

Result<void> Channel::send(Frame::Type type, ByteSpan bytes) {
  if (bytes.size() > kFrameBytesMax)
    return fail(ErrorCode::exhausted, "a control frame is too long", "control");
  std::array<std::byte, kHeaderBytes> header;
  store_le(header, 0, static_cast<std::uint32_t>(bytes.size()));
  header[4] = static_cast<std::byte>(type);
  for (ByteSpan part : {ByteSpan(header), bytes}) {
    while (!part.empty()) {
      const ssize_t sent =
          ::send(socket_.get(), part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) {
        part = part.subspan(static_cast<std::size_t>(sent));
      } else if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        LATENT_TRY_VOID(wait_for(socket_.get(), POLLOUT));
      } else {
        return fail(gone());
      }
    }
  }
  return {};
}

void Channel::shut_down() { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace latent::server::control
