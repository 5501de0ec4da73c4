// A peer without manners: writes exactly the bytes that it is told to and says in a few words what
// came back. For what no engine of ours would ever send.
//   RawPeer peer(port);
//   peer.write(associate_request({.contexts = {echo_context(1)}}));
//   EXPECT_EQ(peer.reply().text(), "A-ASSOCIATE-AC");
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/network/command_set.h"
#include "security/base/bytes.h"
#include "security/base/raii.h"

namespace latent::test {

/// Numbers and texts one behind the other, big endian as PS3.8 wants them.
Bytes be16(std::uint16_t value);
Bytes be32(std::uint32_t value);
Bytes joined(std::initializer_list<ByteSpan> parts);
inline ByteSpan operator""_b(const char* text, std::size_t length) {
  return as_bytes(std::string_view(text, length));
}

/// A PDU; `claimed` instead of the real length of its body.
Bytes pdu(std::uint8_t type, ByteSpan body, std::optional<std::uint32_t> claimed = {});
/// An item of A-ASSOCIATE, PS3.8 9.3.2.
Bytes item(std::uint8_t type, ByteSpan body, std::optional<std::uint16_t> claimed = {});
enum class Pdv : std::uint8_t { data = 0, command = 1, last_data = 2, last_command = 3 };
/// A presentation data value, without the head of its PDU.
Bytes pdv(std::uint8_t context, Pdv control, ByteSpan fragment,
          std::optional<std::uint32_t> claimed = {});

struct RequestBytes {
  std::uint16_t version = 1;
  std::string called = "LATENT", calling = "HOSTILE";  ///< padded with spaces to 16 bytes
  std::vector<Bytes> contexts = {};                    ///< whole items
  std::vector<Bytes> user_items = {};  ///< inside the user information; empty: the usual two
  std::vector<Bytes> more_items = {};
  bool has_application_context = true;
};
/// The body of an A-ASSOCIATE-RQ.
Bytes request_body(const RequestBytes& request);
inline Bytes associate_request(const RequestBytes& request) {
  return pdu(1, request_body(request));
}
/// A proposed presentation context.
Bytes context_item(std::uint8_t id, std::string_view abstract_syntax,
                   const std::vector<std::string>& transfer_syntaxes = {"1.2.840.10008.1.2"});

/// What came back.
struct Reply {
  enum class Kind {
    accepted,
    rejected,
    message,
    release_request,
    release_reply,
    aborted,
    closed,
    silence,
    other
  };
  Kind kind = Kind::silence;
  Bytes body{};  ///< of a PDU that is no message
  std::uint8_t context = 0;
  dicom::network::CommandSet command{};  ///< of a message
  Bytes data_set{};

  std::uint16_t status() const;  ///< of a message; FFFFH when it has none
  /// "A-ASSOCIATE-RJ 2/3/2", "A-ABORT 2/6", "C000H comment", "closed", "no answer".
  std::string text() const;
};

class RawPeer {
 public:
  /// Throws std::runtime_error when nobody listens.
  explicit RawPeer(std::uint16_t port);
  /// The accepting side.
  explicit RawPeer(FileDescriptor socket) : fd_(std::move(socket)) {}
  RawPeer(RawPeer&&) = default;
  RawPeer& operator=(RawPeer&&) = default;

  int fd() const { return fd_.get(); }
  /// False when the other side has closed (or does not take anything for a minute).
  bool write(ByteSpan bytes);
  /// The next PDU, or whole message.
  Reply reply(std::chrono::milliseconds patience = std::chrono::seconds(30));
  /// Reads until the other side closes; false when it does not within the time.
  bool wait_for_close(std::chrono::milliseconds patience = std::chrono::seconds(30));
  /// Closes our side by a reset, so that no port stays in TIME_WAIT.
  void reset();

 private:
  bool fill(std::chrono::steady_clock::time_point until);

  FileDescriptor fd_;
  Bytes unread_;
  bool closed_ = false;
};

}  // namespace latent::test
