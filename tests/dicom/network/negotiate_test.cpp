#include "dicom/network/negotiate.h"

#include <gtest/gtest.h>

#include "tests/dicom/network/wire.h"

namespace latent::dicom::network::test {
namespace {

AssociateAccept accept_of(const AssociateRequest& request, const Policy& policy = {}) {
  return std::get<AssociateAccept>(negotiate(request, policy));
}
AnsweredContext only_answer(const AssociateRequest& request, const Policy& policy = {}) {
  return accept_of(request, policy).contexts.at(0);
}

struct Refusal {
  std::string name;
  std::function<void(AssociateRequest&, Policy&)> spoil;
  AssociateReject expected;
};

TEST(Negotiate, RefusesExactlyAsThePs38TableSays) {
  const Refusal refusals[] = {
      {"protocol version", [](auto& request, auto&) { request.protocol_version = 2; }, {1, 2, 2}},
      {"application context",
       [](auto& request, auto&) { request.application_context = "1.2"; },
       {1, 1, 2}},
      {"called unknown",
       [](auto&, auto& policy) {
         policy.called_titles = {ae("OTHER"), ae("THIRD")};
       },
       {1, 1, 7}},
      {"called is no title", [](auto& request, auto&) { request.called = AeField(); }, {1, 1, 7}},
      {"calling unknown",
       [](auto&, auto& policy) {
         policy.calling_allowed = [](const AeTitle& title) { return title != ae("SENDER"); };
       },
       {1, 1, 3}},
      {"calling is no title", [](auto& request, auto&) { request.calling = AeField(); }, {1, 1, 3}},
  };
  for (const Refusal& refusal : refusals) {
    AssociateRequest request = usual_request();
    Policy policy;
    policy.called_titles = {ae("LATENT")};
    ASSERT_TRUE(std::holds_alternative<AssociateAccept>(negotiate(request, policy)));
    refusal.spoil(request, policy);
    const auto answer = negotiate(request, policy);
    ASSERT_TRUE(std::holds_alternative<AssociateReject>(answer)) << refusal.name;
    EXPECT_EQ(std::get<AssociateReject>(answer), refusal.expected) << refusal.name;
  }
}

TEST(Negotiate, AnswersEachContextOnceInOrderWithItsResult) {
  AssociateRequest request =
      request_for({wish(kVerification, {kImplicit}), wish("1.2.3.4", {kImplicit}),
                   wish(kStudyRootFind, {kHtj2k}), wish(kCtStorage, {kHtj2k, kImplicit})});
  request.contexts.push_back({9, "", {std::string(kImplicit)}});
  request.contexts.push_back({11, std::string(kCtStorage), {}});

  const AssociateAccept accept = accept_of(request);

  const std::vector<AnsweredContext> expected = {
      {1, ContextResult::accepted, std::string(kImplicit)},
      {3, ContextResult::abstract_syntax_not_supported, std::string(kImplicit)},
      {5, ContextResult::transfer_syntaxes_not_supported, std::string(kImplicit)},
      {7, ContextResult::accepted, std::string(kHtj2k)},
      {9, ContextResult::abstract_syntax_not_supported, std::string(kImplicit)},
      {11, ContextResult::transfer_syntaxes_not_supported, std::string(kImplicit)},
  };
  EXPECT_EQ(accept.contexts, expected);
  EXPECT_EQ(accept.called, request.called);
  EXPECT_EQ(accept.calling, request.calling);
  EXPECT_EQ(accept.user.pdu_bytes_max, 128u << 10);
}

TEST(Negotiate, StorageTakesTheFirstProposedSyntaxEvenOneThatNobodyKnows) {
  EXPECT_EQ(only_answer(request_for({wish(kMrStorage, {"1.3.999.1", kExplicit})})).transfer_syntax,
            "1.3.999.1");
  Policy known_only;
  known_only.storage_syntax_allowed = [](std::string_view uid) { return uid != "1.3.999.1"; };
  EXPECT_EQ(only_answer(request_for({wish(kMrStorage, {"1.3.999.1", kExplicit})}), known_only)
                .transfer_syntax,
            kExplicit);
  EXPECT_EQ(only_answer(request_for({wish(kMrStorage, {"1.3.999.1"})}), known_only).result,
            ContextResult::transfer_syntaxes_not_supported);
}

TEST(Negotiate, ServicesPreferExplicitLittleThenImplicitThenTheRest) {
  EXPECT_EQ(only_answer(request_for({wish(kStudyRootFind, {kExplicitBig, kImplicit, kExplicit})}))
                .transfer_syntax,
            kExplicit);
  EXPECT_EQ(
      only_answer(request_for({wish(kStudyRootFind, {kExplicitBig, kImplicit})})).transfer_syntax,
      kImplicit);
  EXPECT_EQ(only_answer(request_for({wish(kStudyRootFind, {kExplicitBig})})).transfer_syntax,
            kExplicitBig);
}

TEST(Negotiate, APolicyCanOpenFurtherClasses) {
  Policy policy;
  policy.use_of = [](std::string_view uid) {
    return uid == "1.2.3.4" ? ContextUse::storage : ContextUse::unsupported;
  };
  const AssociateAccept accept =
      accept_of(request_for({wish("1.2.3.4", {kHtj2k}), wish(kCtStorage, {kImplicit})}), policy);
  EXPECT_EQ(accept.contexts[0].result, ContextResult::accepted);
  EXPECT_EQ(accept.contexts[1].result, ContextResult::abstract_syntax_not_supported);
}

TEST(Negotiate, RoleSelectionIsAnsweredForAcceptedStorageClassesOnly) {
  AssociateRequest request =
      request_for({wish(kCtStorage, {kImplicit}), wish(kStudyRootFind, {kImplicit})});
  request.user.roles = {{std::string(kCtStorage), false, true},
                        {std::string(kCtStorage), true, true},
                        {std::string(kMrStorage), false, true},
                        {std::string(kStudyRootFind), true, true}};

  const AssociateAccept accept = accept_of(request);

  EXPECT_EQ(accept.user.roles,
            (std::vector<RoleSelection>{{std::string(kCtStorage), false, true}}));
  const auto contexts = negotiated_contexts(request, accept);
  ASSERT_EQ(contexts.size(), 2u);
  EXPECT_TRUE(contexts[0].requestor_is_scp);
  EXPECT_FALSE(contexts[0].requestor_is_scu);
  EXPECT_TRUE(contexts[1].requestor_is_scu);
  EXPECT_FALSE(contexts[1].requestor_is_scp);
}

TEST(Negotiate, ExtendedQueryOptionsAreTheCommonOnes) {
  AssociateRequest request =
      request_for({wish(kStudyRootFind, {kImplicit}), wish(kStudyRootMove, {kImplicit})});
  request.user.extended = {{std::string(kStudyRootFind), bytes_of({1, 0, 1, 1})},
                           {std::string(kStudyRootMove), bytes_of({1})},
                           {std::string(kMrStorage), bytes_of({2})}};

  const AssociateAccept accept = accept_of(request);

  EXPECT_EQ(accept.user.extended,
            (std::vector<ExtendedNegotiation>{{std::string(kStudyRootFind), bytes_of({1, 0, 1, 0})},
                                              {std::string(kStudyRootMove), bytes_of({1})}}));
  const auto contexts = negotiated_contexts(request, accept);
  EXPECT_EQ(contexts[0].extensions, (QueryExtensions{true, false, true, false}));
  EXPECT_EQ(contexts[1].extensions, (QueryExtensions{true, false, false, false}));
}

TEST(Negotiate, WithoutExtendedNegotiationNothingIsExtended) {
  const AssociateRequest request = usual_request();
  const AssociateAccept accept = accept_of(request);
  EXPECT_TRUE(accept.user.extended.empty());
  EXPECT_EQ(negotiated_contexts(request, accept).at(2).extensions, QueryExtensions{});
}

TEST(Negotiate, StorageSaysThatItKeepsEverythingWhenAsked) {
  AssociateRequest request = request_for({wish(kCtStorage, {kImplicit})});
  request.user.extended = {{std::string(kCtStorage), bytes_of({3, 0, 0, 0, 2, 0})}};
  EXPECT_EQ(accept_of(request).user.extended.at(0).information, bytes_of({2, 0, 3, 0, 0, 0}));
}

TEST(Negotiate, TheAsyncWindowIsOneAndOnlyAnsweredWhenAsked) {
  AssociateRequest request = usual_request();
  EXPECT_EQ(accept_of(request).user.async_window, std::nullopt);
  request.user.async_window = AsyncWindow{0, 0};
  EXPECT_EQ(accept_of(request).user.async_window, (AsyncWindow{1, 1}));
}

TEST(Negotiate, AnAcceptGrantsNothingThatWasNotProposed) {
  const AssociateRequest request = usual_request();
  AssociateAccept accept;
  accept.contexts = {{1, ContextResult::accepted, std::string(kHtj2k)},
                     {3, ContextResult::accepted, std::string(kImplicit)},
                     {99, ContextResult::accepted, std::string(kImplicit)}};
  const auto contexts = negotiated_contexts(request, accept);
  ASSERT_EQ(contexts.size(), 1u);
  EXPECT_EQ(contexts[0].id, 3);
}

TEST(MakeAssociateRequest, RefusesWhatCannotBeProposed) {
  const auto make = [](std::vector<ContextWish> wishes) {
    return make_associate_request({ae("A"), ae("B"), std::move(wishes)});
  };
  EXPECT_TRUE(make(std::vector<ContextWish>(128, wish(kCtStorage, {kImplicit}))));
  EXPECT_FALSE(make(std::vector<ContextWish>(129, wish(kCtStorage, {kImplicit}))));
  EXPECT_FALSE(make({}));
  EXPECT_FALSE(make({wish(kCtStorage, {})}));
  EXPECT_FALSE(make({wish("not a uid", {kImplicit})}));
}

}  // namespace
}  // namespace latent::dicom::network::test
