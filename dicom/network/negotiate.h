// Association negotiation as one pure function: a request and a policy give an accept or a reject
// (PS3.8 7.1.1, 9.3.3, 9.3.4; PS3.7 D.3.3).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dicom/network/implementation.h"
#include "dicom/network/pdu.h"

namespace latent::dicom::network {

/// What we would do in a context of an abstract syntax; decides how its transfer syntax is chosen.
enum class ContextUse {
  unsupported,
  storage,  ///< kept bit for bit: the first proposed syntax that the policy allows; SCP role on ask
  service,  ///< verification, query, retrieve, …: explicit LE, implicit LE, deflated, big endian
};
/// Verification, the Query/Retrieve classes of dicom/model/sop_classes.h and the storage classes
/// of its table.
ContextUse standard_use(std::string_view abstract_syntax);

/// Extended negotiation of the Query/Retrieve classes (PS3.4 C.5.1.1.1, C.5.2.1.1, C.5.3.1.1).
struct QueryExtensions {
  bool relational = false;
  bool combined_date_time = false;  ///< C-FIND only, as the next two
  bool fuzzy_names = false;
  bool timezone_adjustment = false;
  friend bool operator==(const QueryExtensions&, const QueryExtensions&) = default;
};

struct Policy {
  std::vector<AeTitle> called_titles{};                           ///< empty: any
  std::function<bool(const AeTitle& calling)> calling_allowed{};  ///< empty: everybody
  std::function<ContextUse(std::string_view abstract_syntax)> use_of = standard_use;
  /// For storage contexts; empty: every one, also those that no table knows.
  std::function<bool(std::string_view transfer_syntax)> storage_syntax_allowed{};
  QueryExtensions extensions{true, true, true, false};  ///< what we can do
  std::uint32_t pdu_bytes_max = 128u << 10;             ///< announced; at most kPduBytesMax
  std::string implementation_class_uid = std::string(kImplementationClassUid);
  std::string implementation_version_name = std::string(kImplementationVersionName);
};

/// Checks in this order: protocol version, application context, called, calling AE title. The
/// server adds congestion and local limit (`rejections::…`), which only it can know. An accept
/// without a single accepted context is right by the standard, and what peers expect.
/// User identity is left to the server: it fills `user.user_identity_response` if it likes.
std::variant<AssociateAccept, AssociateReject> negotiate(const AssociateRequest& request,
                                                         const Policy& policy);

/// One accepted context, as both sides look it up while they talk.
struct NegotiatedContext {
  std::uint8_t id = 0;
  std::string abstract_syntax{};
  std::string transfer_syntax{};
  bool requestor_is_scu = true;
  bool requestor_is_scp = false;  ///< the acceptor may send C-STORE-RQ here (C-GET)
  QueryExtensions extensions{};   ///< all false where none were negotiated
};
/// The contexts that `accept` grants out of `request`, in ascending order of ID. Answers to
/// contexts that were not proposed, and transfer syntaxes that were not, grant nothing.
std::vector<NegotiatedContext> negotiated_contexts(const AssociateRequest& request,
                                                   const AssociateAccept& accept);

}  // namespace latent::dicom::network
