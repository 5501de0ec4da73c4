// The answer to a request that is not served: unknown operation, broken command, wrong class, no
// right. Its data set is heard out first, as most senders look for an answer only then.
#include "server/dimse/detail/connection.h"
#include "server/dimse/services/services.h"

namespace latent::server::dimse {

namespace {

class Refusal final : public Operation {
 public:
  Refusal(std::shared_ptr<Connection> connection, std::uint8_t context_id,
          dicom::network::CommandSet command, dicom::network::Fault fault)
      : connection_(std::move(connection)),
        context_id_(context_id),
        command_(std::move(command)),
        fault_(std::move(fault)) {}

  void start() override {
    if (!command_.has_data_set()) answer();
  }
  void on_data(ByteSpan, bool last) override {
    if (last) answer();
  }

 private:
  void answer() {
    connection_->finish(
        context_id_, command_,
        dicom::network::Answer{fault_.status, fault_.comment, fault_.offending, std::nullopt});
  }

  std::shared_ptr<Connection> connection_;
  std::uint8_t context_id_;
  dicom::network::CommandSet command_;
  dicom::network::Fault fault_;
};

}  // namespace

std::shared_ptr<Operation> make_refusal(std::shared_ptr<Connection> connection,
                                        std::uint8_t context_id, dicom::network::CommandSet command,
                                        dicom::network::Fault fault) {
  return std::make_shared<Refusal>(std::move(connection), context_id, std::move(command),
                                   std::move(fault));
}

}  // namespace latent::server::dimse
