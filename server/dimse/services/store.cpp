// C-STORE (PS3.7 9.1.1, PS3.4 Annex B): the data set streams into the store verb as it arrives; the
// response leaves when the verb says that the instance is durable.
//
// Deflated data sets are fed by threads of their own, a few kilobytes at a time: what arrives in a
// millisecond may unpack for a second, and meanwhile nobody else would be heard on the I/O thread.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/network/messages.h"
#include "server/dimse/detail/connection.h"
#include "server/dimse/services/services.h"
#include "server/dimse/status_map.h"
#include "storage/ingest/store_service.h"

namespace latent::server::dimse {

using storage::ingest::Feed;
using storage::ingest::Incoming;
using storage::ingest::StoreOutcome;
using storage::ingest::StoreRequest;

namespace {

/// Packed bytes between two turns of others; at deflate's 1,032:1 they unpack for some ten ms.
constexpr std::size_t kSliceBytes = 4u << 10;

class Store final : public Operation {
 public:
  Store(std::shared_ptr<Connection> connection, Request request)
      : connection_(std::move(connection)), request_(std::move(request)) {}

  void start() override {
    namespace command = dicom::network::command;
    const auto* context = connection_->association().find_context(request_.context_id);
    StoreRequest store;
    store.transfer_syntax = context->transfer_syntax;
    store.expected_class =
        SopClassUid::parse(request_.command.uid(command::kAffectedSopClassUid).value_or(""));
    store.expected_instance =
        InstanceUid::parse(request_.command.uid(command::kAffectedSopInstanceUid).value_or(""));
    store.assumed_character_set = connection_->assumed_character_set();
    store.assumed_issuer = connection_->assumed_issuer();
    // Weak: the verb's object, which we own, keeps this function.
    store.on_room = [weak = weak_from_this(), executor = connection_->executor()] {
      if (auto self = weak.lock()) {
        boost::asio::post(executor, [self] { static_cast<Store&>(*self).go_on(); });
      }
    };
    is_packed_ = dicom::model::assumed_encoding(context->transfer_syntax) ==
                 dicom::model::Encoding::deflated_explicit_little;
    incoming_ = connection_->services().store.begin(request_.authorisation, std::move(store));
  }

  void on_data(ByteSpan bytes, bool last) override {
    if (!incoming_) return;
    if (is_packed_ && !bytes.empty()) {
      piece_.assign(bytes.begin(), bytes.end());
      fed_ = 0;
      piece_is_last_ = last;
      connection_->pause();
      return feed_slice();
    }
    const Feed feed = incoming_->feed(bytes);
    if (last) {
      finish();
    } else if (feed == Feed::wait) {
      waits_for_room_ = true;
      connection_->pause();
    }
  }

  void on_gone() override { incoming_.reset(); }

 private:
  void finish() {
    const auto incoming = std::exchange(incoming_, nullptr);
    incoming->finish(
        [self = shared_from_this(), executor = connection_->executor()](StoreOutcome outcome) {
          boost::asio::post(executor, [self, outcome = std::move(outcome)] {
            static_cast<Store&>(*self).answer(outcome);
          });
        });
  }

  /// `piece_` stays as it is until on_fed(), since the connection is paused.
  void feed_slice() {
    const ByteSpan rest = ByteSpan(piece_).subspan(fed_);
    const ByteSpan slice = rest.first(std::min(rest.size(), kSliceBytes));
    fed_ += slice.size();
    // Incoming is used by one thread at a time, and its end waits for this one.
    const auto job = [self = std::static_pointer_cast<Store>(shared_from_this()),
                      incoming = incoming_, slice] {
      const Feed feed = incoming->feed(slice);
      boost::asio::post(self->connection_->executor(),
                        [self, incoming, feed] { self->on_fed(feed); });
    };
    if (!connection_->core().unpackers.post(job)) boost::asio::post(connection_->executor(), job);
  }

  void on_fed(Feed feed) {
    if (!incoming_) return;
    if (fed_ == piece_.size() && piece_is_last_) {
      connection_->resume();
      return finish();
    }
    // The room may have come before we heard that there was none.
    waits_for_room_ = feed == Feed::wait && !std::exchange(room_came_, false);
    if (!waits_for_room_) proceed();
  }

  void go_on() {
    if (std::exchange(waits_for_room_, false)) return proceed();
    room_came_ = is_packed_;
  }

  void proceed() {
    if (incoming_ && fed_ < piece_.size()) return feed_slice();
    connection_->resume();
  }

  void answer(const StoreOutcome& outcome) {
    const auto status = store_status(outcome);
    if (outcome.ok()) {
      connection_->count_stored();
    } else {
      log::warn("instance refused", "peer", connection_->caller().name, "status",
                dicom::network::to_string(status), "reason", outcome.text);
    }
    dicom::network::Answer answer;
    answer.status = status;
    if (!outcome.ok()) answer.comment = outcome.text;
    connection_->finish(request_, answer);
  }

  std::shared_ptr<Connection> connection_;
  Request request_;
  std::shared_ptr<Incoming> incoming_;
  bool waits_for_room_ = false;
  bool is_packed_ = false;
  // Of a packed data set only.
  Bytes piece_;
  std::size_t fed_ = 0;  ///< of `piece_`
  bool piece_is_last_ = false;
  bool room_came_ = false;
};

}  // namespace

std::shared_ptr<Operation> make_store(std::shared_ptr<Connection> connection, Request request) {
  return std::make_shared<Store>(std::move(connection), std::move(request));
}

}  // namespace latent::server::dimse
