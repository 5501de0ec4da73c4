// One DIMSE request on its way to its final response. Lives on the strand of its connection; kept
// alive by it, and by whatever it has under way elsewhere.
#pragma once

#include <cstdint>
#include <memory>

#include "dicom/network/command_set.h"
#include "security/access/authorize.h"
#include "security/base/bytes.h"

namespace latent::server::dimse {

class Connection;

struct Request {
  std::uint8_t context_id = 0;
  dicom::network::CommandSet command{};
  security::access::Authorisation authorisation;
};

class Operation : public std::enable_shared_from_this<Operation> {
 public:
  virtual ~Operation() = default;

  /// Called once, before anything else.
  virtual void start() = 0;
  /// A piece of the request's data set, borrowed for the call; `last` with its final piece.
  virtual void on_data(ByteSpan bytes, bool last) = 0;
  /// C-CANCEL-RQ for this request.
  virtual void on_cancel() {}
  /// A response of the peer, to a sub-operation on this association.
  virtual void on_response(const dicom::network::CommandSet& /*response*/) {}
  /// All that was sent is with the kernel: there is room for more.
  virtual void on_written() {}
  /// The association is over. What is under way is to be given up; sending does nothing any more.
  virtual void on_gone() {}
  /// True while the next move is the peer's (a sub-operation's response), so that time runs.
  virtual bool waits_for_peer() const { return false; }
  /// True when the peer's responses are needed: reading may then not stand still.
  virtual bool has_suboperations() const { return false; }
};

}  // namespace latent::server::dimse
