// Frames over a Unix socket between the command line and the archive:
//   u32 length (little-endian, of what follows the type) | u8 type | bytes
// type 'j': one JSON object (≤ 1 MiB, ≤ 16 levels deep); 'd': a piece of an object's bytes;
// 'e': the object's bytes are complete. Not a public interface: both ends are the same program.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "security/base/bytes.h"
#include "security/base/raii.h"
#include "security/base/result.h"

namespace latent::server::control {

struct Frame {
  enum class Type : char { json = 'j', data = 'd', end = 'e' };
  Type type = Type::json;
  Bytes bytes;
};

/// Blocking, with a bound on every wait. send_* by one thread at a time, receive() by one.
class Channel {
 public:
  static constexpr std::size_t kFrameBytesMax = 1u << 20;
  static constexpr std::chrono::minutes kPatience{10};

  explicit Channel(FileDescriptor socket) : socket_(std::move(socket)) {}

  /// Errors: cancelled (the other side is gone), exhausted (it stands still), invalid_input.
  Result<Frame> receive();
  /// The next frame must be JSON.
  Result<nlohmann::json> receive_json();
  Result<void> send_json(const nlohmann::json& object);
  Result<void> send_data(ByteSpan bytes);
  Result<void> send_end();
  /// Makes waits of both sides end.
  void shut_down();
  int descriptor() const { return socket_.get(); }

 private:
  Result<void> send(Frame::Type type, ByteSpan bytes);

  FileDescriptor socket_;
};

}  // namespace latent::server::control
