// The DIMSE services as a table: which request starts which operation, and what it takes.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "dicom/network/messages.h"
#include "security/access/authorize.h"
#include "server/dimse/detail/operation.h"

namespace latent::server::dimse {

struct Service {
  dicom::network::CommandField request{};
  security::access::Action action{};
  /// Is this the SOP class of a request of the service? Its context was accepted by negotiation.
  bool (*serves)(std::string_view sop_class) = nullptr;
  /// The operation. It is handed the connection, which outlives it.
  std::shared_ptr<Operation> (*make)(std::shared_ptr<Connection>, Request) = nullptr;
};

std::span<const Service> all_services();
/// Null when there is none.
const Service* find_service(std::uint16_t command_field);

std::shared_ptr<Operation> make_echo(std::shared_ptr<Connection> connection, Request request);
std::shared_ptr<Operation> make_store(std::shared_ptr<Connection> connection, Request request);
std::shared_ptr<Operation> make_find(std::shared_ptr<Connection> connection, Request request);
std::shared_ptr<Operation> make_get(std::shared_ptr<Connection> connection, Request request);
std::shared_ptr<Operation> make_move(std::shared_ptr<Connection> connection, Request request);
/// Hears the request out and answers with `fault`: one bad request never ends the association.
/// (It needs no right, so it takes no Request.)
std::shared_ptr<Operation> make_refusal(std::shared_ptr<Connection> connection,
                                        std::uint8_t context_id, dicom::network::CommandSet command,
                                        dicom::network::Fault fault);

}  // namespace latent::server::dimse
