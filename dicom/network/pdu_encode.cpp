// Structs to bytes.
#include <fmt/format.h>

#include "dicom/network/detail/items.h"
#include "dicom/network/pdu.h"

namespace latent::dicom::network {

namespace items = detail::items;

namespace {

/// Appends one PDU with nested items; lengths are filled in when a level is closed. An item that
/// outgrows its 16-bit length makes the whole PDU fail and leaves the output as it was.
class PduWriter {
 public:
  PduWriter(Bytes& to, PduType type) : to_(to), start_(to.size()) {
    u8(static_cast<std::uint8_t>(type));
    u8(0);
    u32(0);
  }
  void u8(std::uint8_t value) { to_.push_back(std::byte{value}); }
  void u16(std::uint16_t value) { append_be(to_, value); }
  void u32(std::uint32_t value) { append_be(to_, value); }
  void zeros(std::size_t count) { to_.resize(to_.size() + count); }
  void text(std::string_view value) { append(to_, as_bytes(value)); }
  void bytes(ByteSpan value) { append(to_, value); }
  void counted(ByteSpan value) {
    if (value.size() > 0xFFFF) too_long_ = true;
    u16(static_cast<std::uint16_t>(value.size()));
    append(to_, value);
  }
  void counted(std::string_view value) { counted(as_bytes(value)); }

  /// Starts an item; its place goes to close().
  std::size_t open(std::uint8_t type) {
    u8(type);
    u8(0);
    return open_counted();
  }
  /// The same without a type: a 2-byte length alone.
  std::size_t open_counted() {
    u16(0);
    return to_.size();
  }
  void close(std::size_t content) {
    const std::size_t length = to_.size() - content;
    if (length > 0xFFFF) too_long_ = true;
    to_[content - 2] = static_cast<std::byte>(length >> 8 & 0xFF);
    to_[content - 1] = static_cast<std::byte>(length & 0xFF);
  }
  void item(std::uint8_t type, std::string_view value) {
    const std::size_t at = open(type);
    text(value);
    close(at);
  }
  /// Fills in the PDU length.
  Result<void> finish() {
    if (too_long_) {
      to_.resize(start_);
      return fail(
          ErrorCode::invalid_input,
          "association request or answer: an item is longer than 65535 bytes; propose fewer",
          "network");
    }
    const std::size_t length = to_.size() - start_ - kPduHeaderBytes;
    for (std::size_t i = 0; i < 4; ++i)
      to_[start_ + 2 + i] = static_cast<std::byte>(length >> (24 - 8 * i) & 0xFF);
    return {};
  }

 private:
  Bytes& to_;
  std::size_t start_;
  bool too_long_ = false;
};

void write_role(PduWriter& out, const RoleSelection& role) {
  const std::size_t at = out.open(items::kRoleSelection);
  out.counted(role.sop_class);
  out.u8(role.scu ? 1 : 0);
  out.u8(role.scp ? 1 : 0);
  out.close(at);
}
void write_extended(PduWriter& out, const ExtendedNegotiation& extended) {
  const std::size_t at = out.open(items::kExtendedNegotiation);
  out.counted(extended.sop_class);
  out.bytes(extended.information);
  out.close(at);
}
void write_common_extended(PduWriter& out, const CommonExtendedNegotiation& common) {
  const std::size_t at = out.open(items::kCommonExtendedNegotiation);
  out.counted(common.sop_class);
  out.counted(common.service_class);
  const std::size_t list = out.open_counted();
  for (const std::string& uid : common.related_general_sop_classes) out.counted(uid);
  out.close(list);
  out.close(at);
}
void write_user_identity(PduWriter& out, const UserIdentity& identity) {
  const std::size_t at = out.open(items::kUserIdentity);
  out.u8(static_cast<std::uint8_t>(identity.type));
  out.u8(identity.response_requested ? 1 : 0);
  out.counted(identity.primary.reveal());
  out.counted(identity.secondary.reveal());
  out.close(at);
}

/// In ascending order of item type, as PS3.7 D.3.3 lists them and old parsers expect them.
void write_user_information(PduWriter& out, const UserInformation& user) {
  const std::size_t all = out.open(items::kUserInformation);
  const std::size_t maximum = out.open(items::kMaximumLength);
  out.u32(user.pdu_bytes_max);
  out.close(maximum);
  out.item(items::kImplementationClassUid, user.implementation_class_uid);
  if (user.async_window) {
    const std::size_t at = out.open(items::kAsyncWindow);
    out.u16(user.async_window->invoked);
    out.u16(user.async_window->performed);
    out.close(at);
  }
  for (const auto& role : user.roles) write_role(out, role);
  if (!user.implementation_version_name.empty())
    out.item(items::kImplementationVersionName, user.implementation_version_name);
  for (const auto& extended : user.extended) write_extended(out, extended);
  for (const auto& common : user.common_extended) write_common_extended(out, common);
  if (user.user_identity) write_user_identity(out, *user.user_identity);
  if (user.user_identity_response) {
    const std::size_t at = out.open(items::kUserIdentityResponse);
    out.counted(*user.user_identity_response);
    out.close(at);
  }
  out.close(all);
}

template <class Associate>
void write_fixed_part(PduWriter& out, const Associate& associate) {
  out.u16(associate.protocol_version);
  out.zeros(2);
  out.text(associate.called.raw());
  out.text(associate.calling.raw());
  out.zeros(32);
  out.item(items::kApplicationContext, associate.application_context);
}

void append_four(Bytes& to, PduType type, std::array<std::uint8_t, 4> body) {
  to.push_back(static_cast<std::byte>(type));
  to.push_back(std::byte{0});
  append_be(to, std::uint32_t{4});
  for (std::uint8_t value : body) to.push_back(std::byte{value});
}

}  // namespace

Result<void> append_pdu(Bytes& to, const AssociateRequest& request) {
  PduWriter out(to, PduType::associate_request);
  write_fixed_part(out, request);
  for (const auto& context : request.contexts) {
    const std::size_t at = out.open(items::kProposedContext);
    out.u8(context.id);
    out.zeros(3);
    out.item(items::kAbstractSyntax, context.abstract_syntax);
    for (const auto& uid : context.transfer_syntaxes) out.item(items::kTransferSyntax, uid);
    out.close(at);
  }
  write_user_information(out, request.user);
  return out.finish();
}

Result<void> append_pdu(Bytes& to, const AssociateAccept& accept) {
  PduWriter out(to, PduType::associate_accept);
  write_fixed_part(out, accept);
  for (const auto& context : accept.contexts) {
    const std::size_t at = out.open(items::kAnsweredContext);
    out.u8(context.id);
    out.u8(0);
    out.u8(static_cast<std::uint8_t>(context.result));
    out.u8(0);
    // One transfer syntax item stands there in any case (PS3.8 9.3.3.2), not tested on refusal.
    out.item(items::kTransferSyntax, context.transfer_syntax);
    out.close(at);
  }
  write_user_information(out, accept.user);
  return out.finish();
}

void append_pdu(Bytes& to, const AssociateReject& reject) {
  append_four(to, PduType::associate_reject, {0, reject.result, reject.source, reject.reason});
}
void append_pdu(Bytes& to, const Abort& abort) {
  append_four(to, PduType::abort, {0, 0, abort.source, abort.reason});
}
void append_release_request(Bytes& to) { append_four(to, PduType::release_request, {}); }
void append_release_reply(Bytes& to) { append_four(to, PduType::release_reply, {}); }

}  // namespace latent::dicom::network
