#include "server/dimse/detail/instance_reader.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace latent::server::dimse {

using retrieval::instances::Form;

InstanceReader::InstanceReader(std::shared_ptr<Connection> connection,
                               retrieval::instances::StoredInstance instance,
                               std::string target_syntax)
    : connection_(std::move(connection)),
      instance_(std::move(instance)),
      target_syntax_(std::move(target_syntax)) {}

void InstanceReader::begin() { read_more(); }

void InstanceReader::pull(Then then) {
  waiting_ = std::move(then);
  deliver();
}

void InstanceReader::read_more() {
  if (reading_ || ended_ || ready_.size() >= kChunksAhead) return;
  reading_ = true;
  connection_->offload([self = shared_from_this()] { return self->read_chunk(); },
                       [self = shared_from_this()](Result<Chunk> chunk) {
                         self->reading_ = false;
                         self->ended_ = !chunk || chunk->last;
                         self->ready_.push_back(std::move(chunk));
                         self->deliver();
                         self->read_more();
                       });
}

void InstanceReader::deliver() {
  if (!waiting_ || ready_.empty()) return;
  auto shared = std::make_shared<Result<Chunk>>(std::move(ready_.front()));
  ready_.pop_front();
  boost::asio::post(connection_->executor(), [then = std::exchange(waiting_, nullptr), shared] {
    then(std::move(*shared));
  });
  read_more();
}

Result<InstanceReader::Chunk> InstanceReader::read_chunk() {
  if (!stream_) {
    LATENT_TRY(stream_,
               connection_->services().retrieve.open(instance_, target_syntax_, Form::data_set));
  }
  Chunk chunk;
  chunk.bytes = std::exchange(carry_, {});
  chunk.bytes.reserve(kChunkBytes + kPieceBytesMax);
  while (chunk.bytes.size() < kChunkBytes) {
    LATENT_TRY(const bool more, stream_->next(chunk.bytes));
    if (!more) {
      chunk.last = true;
      return chunk;
    }
  }
  // The piece behind it tells that this chunk is not the last one.
  LATENT_TRY(const bool more, stream_->next(carry_));
  chunk.last = !more;
  if (more && chunk.bytes.size() % 2 != 0) {
    carry_.insert(carry_.begin(), chunk.bytes.back());
    chunk.bytes.pop_back();
  }
  return chunk;
}

}  // namespace latent::server::dimse
