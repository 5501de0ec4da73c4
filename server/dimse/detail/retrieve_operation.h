// What C-GET and C-MOVE have in common: identifier → plan → sub-operations → final response
// (PS3.4 C.4.2, C.4.3). The two differ in where the instances go.
#pragma once

#include <memory>
#include <string>

#include "server/dimse/detail/connection.h"
#include "server/dimse/detail/identifier.h"
#include "server/dimse/detail/suboperations.h"

namespace latent::server::dimse {

class RetrieveOperation : public Operation {
 public:
  void start() override {}
  void on_data(ByteSpan bytes, bool last) override;
  void on_cancel() override;
  void on_gone() override;

 protected:
  RetrieveOperation(std::shared_ptr<Connection> connection, Request request, Root root);

  /// "get", "move to WS1": for the audit rows.
  virtual std::string purpose() const = 0;
  /// Anything but success refuses the request before anything is looked up.
  virtual dicom::network::Answer check() { return {}; }
  /// The plan has instances: send them, then call conclude().
  virtual void send_all() = 0;
  /// No further sub-operation is to begin; those under way may end.
  virtual void stop_sending() = 0;

  /// Pending response with the counters, left out while an earlier one still waits for the socket.
  void send_pending();
  /// All sub-operations are through, or will never be: audit, then the final response.
  void conclude();
  void set_comment(std::string comment) { comment_ = std::move(comment); }

  std::shared_ptr<RetrieveOperation> self() {
    return std::static_pointer_cast<RetrieveOperation>(shared_from_this());
  }

  const std::shared_ptr<Connection> connection_;
  const Request request_;
  std::shared_ptr<const retrieval::instances::RetrievePlan> plan_;
  RetrieveProgress progress_;
  bool cancelled_ = false;
  bool gone_ = false;

 private:
  const std::string& transfer_syntax() const;
  void on_identifier();
  void on_plan(Result<retrieval::instances::RetrievePlan> plan);
  void refuse(const Error& error);
  dicom::network::Status final_status() const;
  void respond_finally();

  const Root root_;
  IdentifierCollector identifier_;
  std::string comment_;
};

}  // namespace latent::server::dimse
