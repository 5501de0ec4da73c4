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
  chunk.bytes.reserve(kChunkBytes + (64u << 10));
  append(chunk.bytes, carry_);
  carry_.clear();
  for (;;) {
    LATENT_TRY(const ByteSpan piece, stream_->next());
    if (piece.empty()) {
      chunk.last = true;
      return chunk;
    }
    // The piece that does not fit any more is what tells that this chunk is not the last one.
    if (chunk.bytes.size() >= kChunkBytes) {
      if (chunk.bytes.size() % 2 != 0) {
        carry_.push_back(chunk.bytes.back());
        chunk.bytes.pop_back();
      }
      append(carry_, piece);
      return chunk;
    }
    append(chunk.bytes, piece);
  }
}

}  // namespace latent::server::dimse
