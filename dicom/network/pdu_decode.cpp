// Bytes to structs. Every read goes through BodyReader, which checks it.
#include <fmt/format.h>

#include <bitset>

#include "dicom/network/detail/body_reader.h"
#include "dicom/network/detail/items.h"
#include "dicom/network/pdu.h"

namespace latent::dicom::network {

using detail::BodyReader;
using detail::Item;
using detail::next_item;
namespace items = detail::items;

namespace {

/// A P-DATA-TF that holds one PDV header and two bytes: with less nothing can ever be sent.
constexpr std::uint32_t kSmallestUsefulPduBytes = 8;

std::string uid_or_empty(ByteSpan bytes) {
  const auto uid = Uid<struct AnyKind>::parse(as_text(bytes));
  return uid ? uid->str() : std::string();
}

tl::unexpected<Error> malformed(const BodyReader& at, std::string_view what) {
  return fail(ErrorCode::invalid_input,
              fmt::format("{}: {} before byte {}", at.pdu(), what, at.offset()), "network");
}

/// Context IDs are odd and used once (PS3.8 9.3.2.2).
class ContextIds {
 public:
  Result<std::uint8_t> next(BodyReader& context) {
    LATENT_TRY(const std::uint8_t id, context.u8("presentation context ID"));
    if (id % 2 == 0) return malformed(context, fmt::format("even presentation context ID {}", id));
    if (seen_[id]) return malformed(context, fmt::format("presentation context ID {} twice", id));
    seen_.set(id);
    return id;
  }

 private:
  std::bitset<256> seen_;
};
static_assert(kPresentationContextsMax == 256 / 2, "odd one-byte IDs used once bound the contexts");

Result<ProposedContext> read_proposed_context(BodyReader body, ContextIds& ids) {
  ProposedContext context;
  LATENT_TRY(context.id, ids.next(body));
  LATENT_TRY_VOID(body.take(3, "reserved bytes"));
  while (!body.at_end()) {
    LATENT_TRY(Item item, next_item(body));
    std::string uid = uid_or_empty(item.value.rest());
    if (item.type == items::kAbstractSyntax) {
      context.abstract_syntax = std::move(uid);
    } else if (item.type == items::kTransferSyntax && !uid.empty()) {
      context.transfer_syntaxes.push_back(std::move(uid));
    }
  }
  return context;
}

Result<AnsweredContext> read_answered_context(BodyReader body, ContextIds& ids) {
  AnsweredContext context;
  LATENT_TRY(context.id, ids.next(body));
  LATENT_TRY_VOID(body.u8("reserved byte"));
  LATENT_TRY(const std::uint8_t result, body.u8("presentation context result"));
  context.result = static_cast<ContextResult>(result);
  LATENT_TRY_VOID(body.u8("reserved byte"));
  while (!body.at_end()) {
    LATENT_TRY(Item item, next_item(body));
    if (item.type == items::kTransferSyntax)
      context.transfer_syntax = uid_or_empty(item.value.rest());
  }
  return context;
}

Result<std::uint32_t> read_maximum_length(BodyReader body) {
  LATENT_TRY(const std::uint32_t bytes_max, body.u32("maximum length"));
  if (bytes_max != 0 && bytes_max < kSmallestUsefulPduBytes) {
    return malformed(body,
                     fmt::format("a maximum length of {}, which lets no data through,", bytes_max));
  }
  return bytes_max;
}
Result<AsyncWindow> read_async_window(BodyReader body) {
  AsyncWindow window;
  LATENT_TRY(window.invoked, body.u16("operations invoked"));
  LATENT_TRY(window.performed, body.u16("operations performed"));
  return window;
}
Result<RoleSelection> read_role_selection(BodyReader body) {
  RoleSelection role;
  LATENT_TRY(BodyReader uid, body.counted("SOP class UID"));
  role.sop_class = uid_or_empty(uid.rest());
  LATENT_TRY(const std::uint8_t scu, body.u8("SCU role"));
  LATENT_TRY(const std::uint8_t scp, body.u8("SCP role"));
  role.scu = scu != 0;
  role.scp = scp != 0;
  return role;
}
Result<ExtendedNegotiation> read_extended(BodyReader body) {
  ExtendedNegotiation extended;
  LATENT_TRY(BodyReader uid, body.counted("SOP class UID"));
  extended.sop_class = uid_or_empty(uid.rest());
  append(extended.information, body.rest());
  return extended;
}
Result<CommonExtendedNegotiation> read_common_extended(BodyReader body) {
  CommonExtendedNegotiation common;
  LATENT_TRY(BodyReader sop_class, body.counted("SOP class UID"));
  common.sop_class = uid_or_empty(sop_class.rest());
  LATENT_TRY(BodyReader service, body.counted("service class UID"));
  common.service_class = uid_or_empty(service.rest());
  LATENT_TRY(BodyReader related, body.counted("related general SOP classes"));
  while (!related.at_end()) {
    LATENT_TRY(BodyReader uid, related.counted("related general SOP class UID"));
    common.related_general_sop_classes.push_back(uid_or_empty(uid.rest()));
  }
  return common;
}
Result<UserIdentity> read_user_identity(BodyReader body) {
  UserIdentity identity;
  LATENT_TRY(const std::uint8_t type, body.u8("user identity type"));
  LATENT_TRY(const std::uint8_t wants_response, body.u8("positive response requested"));
  LATENT_TRY(BodyReader primary, body.counted("primary field"));
  LATENT_TRY(BodyReader secondary, body.counted("secondary field"));
  const ByteSpan first = primary.rest(), second = secondary.rest();
  identity.type = static_cast<UserIdentity::Type>(type);
  identity.response_requested = wants_response != 0;
  identity.primary = Phi<Bytes>(Bytes(first.begin(), first.end()));
  identity.secondary = Phi<Bytes>(Bytes(second.begin(), second.end()));
  return identity;
}

Result<void> read_user_item(Item item, UserInformation& user) {
  switch (item.type) {
    case items::kMaximumLength: {
      LATENT_TRY(user.pdu_bytes_max, read_maximum_length(item.value));
      break;
    }
    case items::kImplementationClassUid:
      user.implementation_class_uid = uid_or_empty(item.value.rest());
      break;
    case items::kImplementationVersionName:
      user.implementation_version_name = as_text(item.value.rest()).substr(0, 16);
      break;
    case items::kAsyncWindow: {
      LATENT_TRY(user.async_window, read_async_window(item.value));
      break;
    }
    case items::kRoleSelection: {
      LATENT_TRY(auto role, read_role_selection(item.value));
      user.roles.push_back(std::move(role));
      break;
    }
    case items::kExtendedNegotiation: {
      LATENT_TRY(auto extended, read_extended(item.value));
      user.extended.push_back(std::move(extended));
      break;
    }
    case items::kCommonExtendedNegotiation: {
      LATENT_TRY(auto common, read_common_extended(item.value));
      user.common_extended.push_back(std::move(common));
      break;
    }
    case items::kUserIdentity: {
      LATENT_TRY(user.user_identity, read_user_identity(item.value));
      break;
    }
    case items::kUserIdentityResponse: {
      LATENT_TRY(BodyReader response, item.value.counted("server response"));
      const ByteSpan bytes = response.rest();
      user.user_identity_response = Bytes(bytes.begin(), bytes.end());
      break;
    }
    default:
      break;  // Not known to us: ignored, PS3.8 9.3.1.
  }
  return {};
}

Result<UserInformation> read_user_information(BodyReader body) {
  UserInformation user;
  while (!body.at_end()) {
    LATENT_TRY(Item item, next_item(body));
    LATENT_TRY_VOID(read_user_item(item, user));
  }
  return user;
}

/// What request and accept have in front of their items.
struct FixedPart {
  std::uint16_t protocol_version = 0;
  AeField called;
  AeField calling;
};
Result<FixedPart> read_fixed_part(BodyReader& body) {
  FixedPart part;
  LATENT_TRY(part.protocol_version, body.u16("protocol version"));
  LATENT_TRY_VOID(body.take(2, "reserved bytes"));
  LATENT_TRY(BodyReader called, body.take(16, "called AE title"));
  LATENT_TRY(BodyReader calling, body.take(16, "calling AE title"));
  LATENT_TRY_VOID(body.take(32, "reserved bytes"));
  part.called = AeField::from(called.rest());
  part.calling = AeField::from(calling.rest());
  return part;
}

Result<ByteSpan> four_bytes(std::string_view pdu, ByteSpan body) {
  if (body.size() != 4) {
    return fail(ErrorCode::invalid_input,
                fmt::format("{}: length {}, 4 expected", pdu, body.size()), "network");
  }
  return body;
}

}  // namespace

Result<AssociateRequest> decode_associate_request(ByteSpan bytes) {
  BodyReader body(name_of(PduType::associate_request), bytes);
  AssociateRequest request;
  // Another version may have another layout, so nothing behind the field is looked at.
  if (bytes.size() >= 2 && (load_be<std::uint16_t>(bytes) & 1) == 0) {
    request.protocol_version = load_be<std::uint16_t>(bytes);
    return request;
  }
  LATENT_TRY(const FixedPart part, read_fixed_part(body));
  request.protocol_version = part.protocol_version;
  request.called = part.called;
  request.calling = part.calling;
  ContextIds ids;
  while (!body.at_end()) {
    LATENT_TRY(Item item, next_item(body));
    if (item.type == items::kApplicationContext) {
      request.application_context = uid_or_empty(item.value.rest());
    } else if (item.type == items::kProposedContext) {
      LATENT_TRY(auto context, read_proposed_context(item.value, ids));
      request.contexts.push_back(std::move(context));
    } else if (item.type == items::kUserInformation) {
      LATENT_TRY(request.user, read_user_information(item.value));
    }
  }
  return request;
}

Result<AssociateAccept> decode_associate_accept(ByteSpan bytes) {
  BodyReader body(name_of(PduType::associate_accept), bytes);
  AssociateAccept accept;
  LATENT_TRY(const FixedPart part, read_fixed_part(body));
  accept.protocol_version = part.protocol_version;
  accept.called = part.called;
  accept.calling = part.calling;
  ContextIds ids;
  while (!body.at_end()) {
    LATENT_TRY(Item item, next_item(body));
    if (item.type == items::kApplicationContext) {
      accept.application_context = uid_or_empty(item.value.rest());
    } else if (item.type == items::kAnsweredContext) {
      LATENT_TRY(auto context, read_answered_context(item.value, ids));
      accept.contexts.push_back(std::move(context));
    } else if (item.type == items::kUserInformation) {
      LATENT_TRY(accept.user, read_user_information(item.value));
    }
  }
  return accept;
}

Result<AssociateReject> decode_associate_reject(ByteSpan body) {
  LATENT_TRY(const ByteSpan bytes, four_bytes(name_of(PduType::associate_reject), body));
  return AssociateReject{std::to_integer<std::uint8_t>(bytes[1]),
                         std::to_integer<std::uint8_t>(bytes[2]),
                         std::to_integer<std::uint8_t>(bytes[3])};
}

Result<Abort> decode_abort(ByteSpan body) {
  LATENT_TRY(const ByteSpan bytes, four_bytes(name_of(PduType::abort), body));
  return Abort{std::to_integer<std::uint8_t>(bytes[2]), std::to_integer<std::uint8_t>(bytes[3])};
}

}  // namespace latent::dicom::network
