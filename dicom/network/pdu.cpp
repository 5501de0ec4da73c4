#include "dicom/network/pdu.h"

#include <fmt/format.h>

#include <algorithm>

namespace latent::dicom::network {

std::string_view name_of(PduType type) {
  switch (type) {
    case PduType::associate_request:
      return "A-ASSOCIATE-RQ";
    case PduType::associate_accept:
      return "A-ASSOCIATE-AC";
    case PduType::associate_reject:
      return "A-ASSOCIATE-RJ";
    case PduType::data:
      return "P-DATA-TF";
    case PduType::release_request:
      return "A-RELEASE-RQ";
    case PduType::release_reply:
      return "A-RELEASE-RP";
    case PduType::abort:
      return "A-ABORT";
  }
  return "PDU of unknown type";
}

AeField::AeField(const AeTitle& title) {
  bytes_.fill(' ');
  std::copy(title.text().begin(), title.text().end(), bytes_.begin());
}

AeField AeField::from(ByteSpan sixteen) {
  AeField field;
  const std::string_view text = as_text(sixteen).substr(0, 16);
  std::copy(text.begin(), text.end(), field.bytes_.begin());
  return field;
}

namespace {

std::string_view reason_of(const AssociateReject& reject) {
  if (reject == rejections::kNoReason) return "no reason given";
  if (reject == rejections::kApplicationContext) return "application context not supported";
  if (reject == rejections::kCallingAeTitle) return "calling AE title not recognised";
  if (reject == rejections::kCalledAeTitle) return "called AE title not recognised";
  if (reject == rejections::kProtocolVersion) return "protocol version not supported";
  if (reject == rejections::kCongestion) return "temporary congestion";
  if (reject == rejections::kLocalLimit) return "local limit exceeded";
  return reject.result == 2 ? "refused for now" : "refused";
}

std::string_view reason_of(const Abort& abort) {
  if (abort.source == Abort::service_user) return "by the application";
  switch (abort.reason) {
    case Abort::unrecognized_pdu:
      return "unrecognised PDU";
    case Abort::unexpected_pdu:
      return "unexpected PDU";
    case Abort::unrecognized_parameter:
      return "unrecognised PDU parameter";
    case Abort::unexpected_parameter:
      return "unexpected PDU parameter";
    case Abort::invalid_parameter:
      return "invalid PDU parameter value";
    default:
      return "no reason given";
  }
}

}  // namespace

std::string describe(const AssociateReject& reject) {
  return fmt::format("{} ({}/{}/{})", reason_of(reject), reject.result, reject.source,
                     reject.reason);
}
std::string describe(const Abort& abort) {
  return fmt::format("{} ({}/{})", reason_of(abort), abort.source, abort.reason);
}

}  // namespace latent::dicom::network
