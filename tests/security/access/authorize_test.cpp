#include "security/access/authorize.h"

#include <gtest/gtest.h>

namespace latent::security::access {
namespace {

const Caller kScanner{Caller::Kind::peer, "dimse:CT1", "127.0.0.1"};

TEST(Policy, DeniesWhatNoRowAllows) {
  const Policy nobody({});
  const auto answer = nobody.authorize(kScanner, Action::store);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::refused);
  EXPECT_NE(answer.error().text.find("dimse:CT1"), std::string::npos);
}

TEST(Policy, ARowForAKindLetsItsCallersDoWhatItLists) {
  const Policy policy({{Caller::Kind::peer, "", {Action::store, Action::echo}}});
  EXPECT_TRUE(policy.authorize(kScanner, Action::store));
  EXPECT_FALSE(policy.authorize(kScanner, Action::query));
  EXPECT_FALSE(policy.authorize({Caller::Kind::local_user, "cli:root", {}}, Action::store));
}

TEST(Policy, ARowForOneCallerNarrowsTheRowOfItsKind) {
  const Policy policy({{Caller::Kind::peer, "", {Action::store, Action::query}},
                       {Caller::Kind::peer, "dimse:CT1", {Action::store}}});
  EXPECT_FALSE(policy.authorize(kScanner, Action::query));
  EXPECT_TRUE(policy.authorize({Caller::Kind::peer, "dimse:WS1", {}}, Action::query));
}

}  // namespace
}  // namespace latent::security::access
