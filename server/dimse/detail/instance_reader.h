// Reads one instance ahead of the socket: workers open, decrypt and convert while the previous
// chunk is still being written. Holds two chunks at most, however slow the receiver is.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "retrieval/instances/retrieve_service.h"
#include "security/base/bytes.h"
#include "security/base/result.h"
#include "server/dimse/detail/connection.h"

namespace latent::server::dimse {

/// On the strand of `connection`, which lends its workers.
class InstanceReader : public std::enable_shared_from_this<InstanceReader> {
 public:
  struct Chunk {
    Bytes bytes;        ///< even length, except the last one of an odd data set
    bool last = false;  ///< the data set ends with it
  };
  using Then = std::function<void(Result<Chunk>)>;

  InstanceReader(std::shared_ptr<Connection> connection,
                 retrieval::instances::StoredInstance instance, std::string target_syntax);

  /// Begins to read ahead.
  void begin();
  /// The next chunk, always from a handler of its own. One call at a time; none after the last
  /// chunk or an error.
  void pull(Then then);

 private:
  static constexpr std::size_t kChunkBytes = 256u << 10;
  static constexpr std::size_t kPieceBytesMax = 64u << 10;  ///< as a rule
  static constexpr std::size_t kChunksAhead = 2;

  Result<Chunk> read_chunk();
  void read_more();
  void deliver();

  std::shared_ptr<Connection> connection_;
  const retrieval::instances::StoredInstance instance_;
  const std::string target_syntax_;

  // Of the worker while `reading_`, one job at a time.
  std::unique_ptr<retrieval::instances::InstanceStream> stream_;
  Bytes carry_;

  std::deque<Result<Chunk>> ready_;
  bool reading_ = false;
  bool ended_ = false;
  Then waiting_;
};

}  // namespace latent::server::dimse
