// C-GET (PS3.7 9.1.3, PS3.4 C.4.3): the instances come back by C-STORE on the same association, in
// the contexts where the requestor took the SCP role.
#include "dicom/model/sop_classes.h"
#include "server/dimse/detail/retrieve_operation.h"
#include "server/dimse/services/services.h"

namespace latent::server::dimse {

namespace {

class Get final : public RetrieveOperation {
 public:
  Get(std::shared_ptr<Connection> connection, Request request, Root root)
      : RetrieveOperation(std::move(connection), std::move(request), root) {}

  void on_response(const dicom::network::CommandSet& response) override {
    // A copy, since it may end in the call; the same below.
    if (const auto sending = sending_) sending->on_response(response);
  }
  void on_written() override {
    if (const auto sending = sending_) sending->on_written();
  }
  void on_gone() override {
    RetrieveOperation::on_gone();
    if (const auto sending = sending_) sending->on_broken();
  }
  bool waits_for_peer() const override { return waits_; }
  bool has_suboperations() const override { return true; }

 private:
  std::string purpose() const override { return "get"; }

  void send_all() override {
    Suboperations::Handlers handlers;
    handlers.on_progress = [self = self()] { static_cast<Get&>(*self).send_pending(); };
    handlers.on_end = [self = self()] {
      static_cast<Get&>(*self).sending_.reset();
      static_cast<Get&>(*self).conclude();
    };
    handlers.on_waiting = [self = self()](bool waits) {
      static_cast<Get&>(*self).set_waiting(waits);
    };
    const auto sending =
        std::make_shared<Suboperations>(connection_, plan_, 0, plan_->instances.size(), progress_,
                                        std::nullopt, std::move(handlers));
    sending_ = sending;
    sending->run(*connection_);
  }
  void stop_sending() override {
    if (sending_) sending_->cancel();
  }
  void set_waiting(bool waits) { waits_ = waits; }

  std::shared_ptr<Suboperations> sending_;
  bool waits_ = false;
};

}  // namespace

std::shared_ptr<Operation> make_get(std::shared_ptr<Connection> connection, Request request) {
  const auto sop_class =
      request.command.uid(dicom::network::command::kAffectedSopClassUid).value_or("");
  const Root root =
      sop_class == dicom::model::sop_classes::kStudyRootGet ? Root::study : Root::patient;
  return std::make_shared<Get>(std::move(connection), std::move(request), root);
}

}  // namespace latent::server::dimse
