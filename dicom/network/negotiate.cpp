#include "dicom/network/negotiate.h"

#include <algorithm>
#include <array>

#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"

namespace latent::dicom::network {

namespace sop = model::sop_classes;
namespace syntax = model::transfer_syntaxes;

namespace {

enum class QueryKind { none, find, retrieve };

QueryKind query_kind(std::string_view abstract_syntax) {
  constexpr std::array kFind{sop::kPatientRootFind, sop::kStudyRootFind,
                             sop::kPatientStudyOnlyFind};
  constexpr std::array kRetrieve{sop::kPatientRootMove,      sop::kPatientRootGet,
                                 sop::kStudyRootMove,        sop::kStudyRootGet,
                                 sop::kPatientStudyOnlyMove, sop::kPatientStudyOnlyGet};
  if (std::ranges::find(kFind, abstract_syntax) != kFind.end()) return QueryKind::find;
  if (std::ranges::find(kRetrieve, abstract_syntax) != kRetrieve.end()) return QueryKind::retrieve;
  return QueryKind::none;
}

QueryExtensions read_extensions(QueryKind kind, ByteSpan information) {
  const auto is_set = [&](std::size_t at) {
    return at < information.size() && information[at] == std::byte{1};
  };
  QueryExtensions extensions;
  if (kind == QueryKind::none) return extensions;
  extensions.relational = is_set(0);
  if (kind == QueryKind::find) {
    extensions.combined_date_time = is_set(1);
    extensions.fuzzy_names = is_set(2);
    extensions.timezone_adjustment = is_set(3);
  }
  return extensions;
}
QueryExtensions both(const QueryExtensions& a, const QueryExtensions& b) {
  return {a.relational && b.relational, a.combined_date_time && b.combined_date_time,
          a.fuzzy_names && b.fuzzy_names, a.timezone_adjustment && b.timezone_adjustment};
}

const ExtendedNegotiation* find_extended(const UserInformation& user, std::string_view sop_class) {
  const auto at = std::ranges::find(user.extended, sop_class, &ExtendedNegotiation::sop_class);
  return at == user.extended.end() ? nullptr : &*at;
}
const RoleSelection* find_role(const UserInformation& user, std::string_view sop_class) {
  const auto at = std::ranges::find(user.roles, sop_class, &RoleSelection::sop_class);
  return at == user.roles.end() ? nullptr : &*at;
}

/// Empty when none will do.
std::string choose_for_storage(const std::vector<std::string>& proposed, const Policy& policy) {
  // The peer's order is its preference, most often the syntax its objects have already.
  for (const std::string& uid : proposed) {
    if (!policy.storage_syntax_allowed || policy.storage_syntax_allowed(uid)) return uid;
  }
  return {};
}
std::string choose_for_service(const std::vector<std::string>& proposed) {
  for (const std::string_view uid : {syntax::kExplicitLittle, syntax::kImplicitLittle,
                                     syntax::kDeflated, syntax::kExplicitBig}) {
    if (std::ranges::find(proposed, uid) != proposed.end()) return std::string(uid);
  }
  return {};
}

AnsweredContext answer_context(const ProposedContext& proposed, const Policy& policy) {
  const ContextUse use = proposed.abstract_syntax.empty() ? ContextUse::unsupported
                                                          : policy.use_of(proposed.abstract_syntax);
  AnsweredContext answer{proposed.id, ContextResult::abstract_syntax_not_supported,
                         std::string(syntax::kImplicitLittle)};
  if (use == ContextUse::unsupported) return answer;
  std::string chosen = use == ContextUse::storage
                           ? choose_for_storage(proposed.transfer_syntaxes, policy)
                           : choose_for_service(proposed.transfer_syntaxes);
  if (chosen.empty()) {
    answer.result = ContextResult::transfer_syntaxes_not_supported;
  } else {
    answer.result = ContextResult::accepted;
    answer.transfer_syntax = std::move(chosen);
  }
  return answer;
}

bool is_accepted(const AssociateRequest& request, const AssociateAccept& accept,
                 std::string_view abstract_syntax) {
  // Both lists have the same order: one answer per proposal.
  for (std::size_t i = 0; i < request.contexts.size(); ++i) {
    if (request.contexts[i].abstract_syntax == abstract_syntax &&
        accept.contexts[i].result == ContextResult::accepted)
      return true;
  }
  return false;
}

/// Storage: the requestor may be SCP (C-GET) and SCU. Other classes keep their default roles, and
/// an absent answer says just that (PS3.7 D.3.3.4).
void answer_roles(const AssociateRequest& request, const Policy& policy, AssociateAccept& accept) {
  for (const RoleSelection& asked : request.user.roles) {
    if (!is_accepted(request, accept, asked.sop_class)) continue;
    if (find_role(accept.user, asked.sop_class) != nullptr) continue;
    if (policy.use_of(asked.sop_class) == ContextUse::storage) accept.user.roles.push_back(asked);
  }
}

/// PS3.4 B.3.1.2: full storage (level 2), digital signatures bit-preserved (level 3), no coercion.
constexpr std::array kStorageInformation{std::byte{2}, std::byte{0}, std::byte{3},
                                         std::byte{0}, std::byte{0}, std::byte{0}};

Bytes query_information(QueryKind kind, ByteSpan asked, const Policy& policy) {
  const QueryExtensions granted = both(read_extensions(kind, asked), policy.extensions);
  Bytes information;
  // Byte 5 (C-FIND) and 2 (C-MOVE, C-GET), enhanced multi-frame conversion, stay 0.
  for (const bool flag : {granted.relational, granted.combined_date_time, granted.fuzzy_names,
                          granted.timezone_adjustment, false})
    information.push_back(flag ? std::byte{1} : std::byte{0});
  return information;
}

/// What we can do of what was asked, in at most as many bytes as were asked for: some requestors
/// take an answer longer than their question for an error.
void answer_extended(const AssociateRequest& request, const Policy& policy,
                     AssociateAccept& accept) {
  for (const ExtendedNegotiation& asked : request.user.extended) {
    if (!is_accepted(request, accept, asked.sop_class)) continue;
    if (find_extended(accept.user, asked.sop_class) != nullptr) continue;
    const QueryKind kind = query_kind(asked.sop_class);
    Bytes information;
    if (kind != QueryKind::none) {
      information = query_information(kind, asked.information, policy);
    } else if (policy.use_of(asked.sop_class) == ContextUse::storage) {
      information.assign(kStorageInformation.begin(), kStorageInformation.end());
    } else {
      continue;
    }
    information.resize(std::min(information.size(), asked.information.size()));
    accept.user.extended.push_back({asked.sop_class, std::move(information)});
  }
}

std::optional<AssociateReject> refusal(const AssociateRequest& request, const Policy& policy) {
  if ((request.protocol_version & 1) == 0) return rejections::kProtocolVersion;
  if (request.application_context != kApplicationContext) return rejections::kApplicationContext;
  const auto called = request.called.title(), calling = request.calling.title();
  if (!called || (!policy.called_titles.empty() &&
                  std::ranges::find(policy.called_titles, *called) == policy.called_titles.end()))
    return rejections::kCalledAeTitle;
  if (!calling || (policy.calling_allowed && !policy.calling_allowed(*calling)))
    return rejections::kCallingAeTitle;
  return std::nullopt;
}

}  // namespace

ContextUse standard_use(std::string_view abstract_syntax) {
  if (model::is_storage_sop_class(abstract_syntax)) return ContextUse::storage;
  if (abstract_syntax == sop::kVerification || query_kind(abstract_syntax) != QueryKind::none)
    return ContextUse::service;
  return ContextUse::unsupported;
}

std::variant<AssociateAccept, AssociateReject> negotiate(const AssociateRequest& request,
                                                         const Policy& policy) {
  if (const auto rejected = refusal(request, policy)) return *rejected;
  AssociateAccept accept;
  accept.called = request.called;
  accept.calling = request.calling;
  accept.application_context = kApplicationContext;
  for (const ProposedContext& proposed : request.contexts)
    accept.contexts.push_back(answer_context(proposed, policy));
  accept.user.pdu_bytes_max = std::min(policy.pdu_bytes_max, kPduBytesMax);
  accept.user.implementation_class_uid = policy.implementation_class_uid;
  accept.user.implementation_version_name = policy.implementation_version_name;
  // One operation at a time, said only to those who ask (PS3.7 D.3.3.3).
  if (request.user.async_window) accept.user.async_window = AsyncWindow{1, 1};
  answer_roles(request, policy, accept);
  answer_extended(request, policy, accept);
  return accept;
}

std::vector<NegotiatedContext> negotiated_contexts(const AssociateRequest& request,
                                                   const AssociateAccept& accept) {
  std::vector<NegotiatedContext> granted;
  for (const ProposedContext& proposed : request.contexts) {
    const auto answer = std::ranges::find(accept.contexts, proposed.id, &AnsweredContext::id);
    if (answer == accept.contexts.end() || answer->result != ContextResult::accepted) continue;
    if (std::ranges::find(proposed.transfer_syntaxes, answer->transfer_syntax) ==
        proposed.transfer_syntaxes.end())
      continue;
    NegotiatedContext context{
        proposed.id, proposed.abstract_syntax, answer->transfer_syntax, true, false, {}};
    const RoleSelection* asked = find_role(request.user, proposed.abstract_syntax);
    const RoleSelection* answered = find_role(accept.user, proposed.abstract_syntax);
    if (asked != nullptr && answered != nullptr) {
      context.requestor_is_scu = asked->scu && answered->scu;
      context.requestor_is_scp = asked->scp && answered->scp;
    }
    const ExtendedNegotiation* wanted = find_extended(request.user, proposed.abstract_syntax);
    const ExtendedNegotiation* got = find_extended(accept.user, proposed.abstract_syntax);
    if (wanted != nullptr && got != nullptr) {
      const QueryKind kind = query_kind(proposed.abstract_syntax);
      context.extensions =
          both(read_extensions(kind, wanted->information), read_extensions(kind, got->information));
    }
    granted.push_back(std::move(context));
  }
  std::ranges::sort(granted, {}, &NegotiatedContext::id);
  return granted;
}

}  // namespace latent::dicom::network
