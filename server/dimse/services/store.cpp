// C-STORE (PS3.7 9.1.1, PS3.4 Annex B): the data set streams into the store verb as it arrives; the
// response leaves when the verb says that the instance is durable.
#include <boost/asio/post.hpp>

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
    incoming_ = connection_->services().store.begin(request_.authorisation, std::move(store));
  }

  void on_data(ByteSpan bytes, bool last) override {
    if (!incoming_) return;
    const Feed feed = incoming_->feed(bytes);
    if (last) {
      const auto incoming = std::move(incoming_);
      incoming->finish(
          [self = shared_from_this(), executor = connection_->executor()](StoreOutcome outcome) {
            boost::asio::post(executor, [self, outcome = std::move(outcome)] {
              static_cast<Store&>(*self).answer(outcome);
            });
          });
    } else if (feed == Feed::wait) {
      waits_for_room_ = true;
      connection_->pause();
    }
  }

  void on_gone() override { incoming_.reset(); }

 private:
  void go_on() {
    if (std::exchange(waits_for_room_, false)) connection_->resume();
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
  std::unique_ptr<Incoming> incoming_;
  bool waits_for_room_ = false;
};

}  // namespace

std::shared_ptr<Operation> make_store(std::shared_ptr<Connection> connection, Request request) {
  return std::make_shared<Store>(std::move(connection), std::move(request));
}

}  // namespace latent::server::dimse
