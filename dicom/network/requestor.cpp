#include "dicom/network/requestor.h"

#include <fmt/format.h>

#include <algorithm>

#include "dicom/network/implementation.h"

namespace latent::dicom::network {

namespace {
tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::invalid_input, "association request: " + std::move(text), "network");
}
}  // namespace

Result<AssociateRequest> make_associate_request(const RequestOptions& options) {
  if (options.contexts.empty() || options.contexts.size() > kPresentationContextsMax) {
    return refuse(fmt::format("{} presentation contexts; 1 to {} can be proposed",
                              options.contexts.size(), kPresentationContextsMax));
  }
  AssociateRequest request;
  request.called = options.called;
  request.calling = options.calling;
  request.application_context = kApplicationContext;
  for (std::size_t i = 0; i < options.contexts.size(); ++i) {
    const ContextWish& wish = options.contexts[i];
    const auto id = static_cast<std::uint8_t>(2 * i + 1);
    if (!is_uid(wish.abstract_syntax))
      return refuse(fmt::format("abstract syntax of context {} is no UID", id));
    if (wish.transfer_syntaxes.empty() || !std::ranges::all_of(wish.transfer_syntaxes, is_uid))
      return refuse(fmt::format("context {} needs transfer syntaxes that are UIDs", id));
    request.contexts.push_back({id, wish.abstract_syntax, wish.transfer_syntaxes});
  }
  request.user.pdu_bytes_max = options.pdu_bytes_max;
  request.user.implementation_class_uid = kImplementationClassUid;
  request.user.implementation_version_name = kImplementationVersionName;
  request.user.roles = options.roles;
  request.user.extended = options.extended;
  return request;
}

}  // namespace latent::dicom::network
