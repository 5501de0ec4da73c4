// Builds the A-ASSOCIATE-RQ of an association that we open ourselves: C-MOVE sub-operations,
// storage commitment reports, `latent echo`, test senders.
#pragma once

#include <string>
#include <vector>

#include "dicom/network/pdu.h"

namespace latent::dicom::network {

struct ContextWish {
  std::string abstract_syntax{};
  std::vector<std::string> transfer_syntaxes{};  ///< most wanted first
};

struct RequestOptions {
  AeTitle calling;
  AeTitle called;
  std::vector<ContextWish> contexts{};  ///< at most 128; IDs 1, 3, 5, … in this order
  std::vector<RoleSelection> roles{};   ///< for C-GET: {storage class, scu = false, scp = true}
  std::vector<ExtendedNegotiation> extended{};
  std::uint32_t pdu_bytes_max = 128u << 10;
};

/// Errors: invalid_input for no or more than 128 contexts, a context without transfer syntax, a
/// text that is no UID.
Result<AssociateRequest> make_associate_request(const RequestOptions& options);

}  // namespace latent::dicom::network
