// The seven PDUs of the DICOM upper layer (PS3.8 9.3), as structs and as bytes.
//
// Decoders take the body of a PDU (what follows its 6-byte header) that the caller has bounded
// already; they never read outside it, never allocate by a claimed length and never recurse.
// Unknown items are skipped (PS3.8 9.3.1). P-DATA-TF has no struct: `Association` streams it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "security/base/bytes.h"
#include "security/base/identifiers.h"
#include "security/base/phi.h"
#include "security/base/result.h"

namespace latent::dicom::network {

enum class PduType : std::uint8_t {
  associate_request = 0x01,
  associate_accept = 0x02,
  associate_reject = 0x03,
  data = 0x04,
  release_request = 0x05,
  release_reply = 0x06,
  abort = 0x07,
};
/// "A-ASSOCIATE-RQ", …; "PDU of unknown type" for anything else.
std::string_view name_of(PduType type);

inline constexpr std::size_t kPduHeaderBytes = 6;  ///< type, reserved, length (4, big endian)
inline constexpr std::size_t kPdvHeaderBytes = 6;  ///< length (4), context ID, control header
/// PS3.7 A.2.1, the only application context there is.
inline constexpr std::string_view kApplicationContext = "1.2.840.10008.3.1.1.1";
inline constexpr std::size_t kPresentationContextsMax = 128;
inline constexpr std::uint32_t kPduBytesMax = 1u << 20;  ///< whatever was announced

/// One of the two AE title fields: 16 bytes as they stand on the wire. They may hold something
/// that is no AE title, which is a reason to reject and not a broken PDU.
class AeField {
 public:
  AeField() { bytes_.fill(' '); }
  AeField(const AeTitle& title);  // NOLINT(google-explicit-constructor)
  static AeField from(ByteSpan sixteen);
  std::optional<AeTitle> title() const { return AeTitle::parse({bytes_.data(), bytes_.size()}); }
  std::string_view raw() const { return {bytes_.data(), bytes_.size()}; }
  friend bool operator==(const AeField&, const AeField&) = default;

 private:
  std::array<char, 16> bytes_{};
};

/// A UID that the peer sent is kept as text; what is no UID becomes empty text, which nothing
/// supports. So every text in these structs is either a UID or empty.
struct ProposedContext {
  std::uint8_t id = 0;  ///< odd, 1–255
  std::string abstract_syntax{};
  std::vector<std::string> transfer_syntaxes{};  ///< in the peer's order, UIDs only
  friend bool operator==(const ProposedContext&, const ProposedContext&) = default;
};

/// PS3.8 Table 9-18.
enum class ContextResult : std::uint8_t {
  accepted = 0,
  user_rejection = 1,
  no_reason = 2,
  abstract_syntax_not_supported = 3,
  transfer_syntaxes_not_supported = 4,
};
struct AnsweredContext {
  std::uint8_t id = 0;
  ContextResult result = ContextResult::no_reason;
  std::string transfer_syntax{};  ///< significant only when accepted
  friend bool operator==(const AnsweredContext&, const AnsweredContext&) = default;
};

/// Item 53H, PS3.7 D.3.3.3; 0 = unlimited.
struct AsyncWindow {
  std::uint16_t invoked = 1;
  std::uint16_t performed = 1;
  friend bool operator==(const AsyncWindow&, const AsyncWindow&) = default;
};
/// Item 54H, PS3.7 D.3.3.4: the roles of the association *requestor*.
struct RoleSelection {
  std::string sop_class{};
  bool scu = true;
  bool scp = false;
  friend bool operator==(const RoleSelection&, const RoleSelection&) = default;
};
/// Item 56H, PS3.7 D.3.3.5.
struct ExtendedNegotiation {
  std::string sop_class{};
  Bytes information{};
  friend bool operator==(const ExtendedNegotiation&, const ExtendedNegotiation&) = default;
};
/// Item 57H, PS3.7 D.3.3.6; only in requests.
struct CommonExtendedNegotiation {
  std::string sop_class{};
  std::string service_class{};
  std::vector<std::string> related_general_sop_classes{};
  friend bool operator==(const CommonExtendedNegotiation&,
                         const CommonExtendedNegotiation&) = default;
};
/// Item 58H, PS3.7 D.3.3.7.1; only in requests.
struct UserIdentity {
  enum class Type : std::uint8_t {
    user = 1,
    user_and_passcode = 2,
    kerberos = 3,
    saml = 4,
    jwt = 5
  };
  Type type = Type::user;  ///< may hold a number outside the list
  bool response_requested = false;
  Phi<Bytes> primary{};    ///< user name, ticket, assertion or token
  Phi<Bytes> secondary{};  ///< passcode, only for user_and_passcode
};

/// Item 50H.
struct UserInformation {
  std::uint32_t pdu_bytes_max = 0;  ///< 51H, longest P-DATA-TF the sender takes; 0 = no limit
  std::string implementation_class_uid{};     ///< 52H
  std::string implementation_version_name{};  ///< 55H, at most 16 characters
  std::optional<AsyncWindow> async_window{};
  std::vector<RoleSelection> roles{};
  std::vector<ExtendedNegotiation> extended{};
  std::vector<CommonExtendedNegotiation> common_extended{};
  std::optional<UserIdentity> user_identity{};
  std::optional<Bytes> user_identity_response{};  ///< 59H, only in accepts
};

struct AssociateRequest {
  std::uint16_t protocol_version = 1;  ///< bit 0 = version 1; without it nothing below is filled
  AeField called{};
  AeField calling{};
  std::string application_context{};
  std::vector<ProposedContext> contexts{};
  UserInformation user{};
};
struct AssociateAccept {
  std::uint16_t protocol_version = 1;
  AeField called{};   ///< as in the request
  AeField calling{};  ///< as in the request
  std::string application_context{};
  std::vector<AnsweredContext> contexts{};
  UserInformation user{};
};

/// PS3.8 Table 9-21.
struct AssociateReject {
  std::uint8_t result = 1;  ///< 1 permanent, 2 transient
  std::uint8_t source = 1;  ///< 1 service user, 2 provider (ACSE), 3 provider (presentation)
  std::uint8_t reason = 1;
  friend bool operator==(const AssociateReject&, const AssociateReject&) = default;
};
namespace rejections {
inline constexpr AssociateReject kNoReason{1, 1, 1};
inline constexpr AssociateReject kApplicationContext{1, 1, 2};
inline constexpr AssociateReject kCallingAeTitle{1, 1, 3};
inline constexpr AssociateReject kCalledAeTitle{1, 1, 7};
inline constexpr AssociateReject kProtocolVersion{1, 2, 2};
inline constexpr AssociateReject kCongestion{2, 3, 1};
inline constexpr AssociateReject kLocalLimit{2, 3, 2};
}  // namespace rejections
/// One sentence for logs and `latent echo`, for example "called AE title not recognised (1/1/7)".
std::string describe(const AssociateReject& reject);

/// PS3.8 Table 9-26.
struct Abort {
  enum Source : std::uint8_t { service_user = 0, service_provider = 2 };
  enum Reason : std::uint8_t {
    not_specified = 0,
    unrecognized_pdu = 1,
    unexpected_pdu = 2,
    unrecognized_parameter = 4,
    unexpected_parameter = 5,
    invalid_parameter = 6,
  };
  std::uint8_t source = service_user;
  std::uint8_t reason = not_specified;  ///< significant only from the provider
  friend bool operator==(const Abort&, const Abort&) = default;
};
std::string describe(const Abort& abort);

/// Errors: invalid_input, naming PDU, byte in its body and length. Source PS3.8 9.3.2, 9.3.3.
Result<AssociateRequest> decode_associate_request(ByteSpan body);
Result<AssociateAccept> decode_associate_accept(ByteSpan body);
/// The bodies of A-ASSOCIATE-RJ and A-ABORT are exactly 4 bytes.
Result<AssociateReject> decode_associate_reject(ByteSpan body);
Result<Abort> decode_abort(ByteSpan body);

/// Each appends one whole PDU. Errors: invalid_input when an item would pass 65,535 bytes.
Result<void> append_pdu(Bytes& to, const AssociateRequest& request);
Result<void> append_pdu(Bytes& to, const AssociateAccept& accept);
void append_pdu(Bytes& to, const AssociateReject& reject);
void append_pdu(Bytes& to, const Abort& abort);
void append_release_request(Bytes& to);
void append_release_reply(Bytes& to);

}  // namespace latent::dicom::network
