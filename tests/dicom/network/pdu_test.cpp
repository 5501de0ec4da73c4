#include "dicom/network/pdu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dicom/network/wire.h"

namespace latent::dicom::network::test {
namespace {

using testing::HasSubstr;

Bytes body_of(const Bytes& pdu) { return {pdu.begin() + kPduHeaderBytes, pdu.end()}; }

AssociateRequest full_request() {
  AssociateRequest request = usual_request();
  request.user.async_window = AsyncWindow{0, 7};
  request.user.roles = {{std::string(kCtStorage), false, true}};
  request.user.extended = {{std::string(kStudyRootFind), bytes_of({1, 1, 0})}};
  request.user.common_extended = {{std::string(kCtStorage), "1.2.840.10008.4.2", {"1.2.3", "4.5"}}};
  request.user.user_identity =
      UserIdentity{UserIdentity::Type::user_and_passcode, true, Phi<Bytes>(bytes_of({'m', 'e'})),
                   Phi<Bytes>(bytes_of({'p', 'w', '!'}))};
  return request;
}

TEST(Pdu, RequestSurvivesARoundTripWithEveryUserItem) {
  const AssociateRequest request = full_request();

  Bytes pdu;
  ASSERT_TRUE(append_pdu(pdu, request));
  ASSERT_EQ(pdu[0], std::byte{1});
  ASSERT_EQ(load_be<std::uint32_t>(pdu, 2), pdu.size() - kPduHeaderBytes);
  const auto read = decode_associate_request(body_of(pdu));

  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->called, request.called);
  EXPECT_EQ(read->calling.title(), ae("SENDER"));
  EXPECT_EQ(read->application_context, kApplicationContext);
  EXPECT_EQ(read->contexts, request.contexts);
  EXPECT_EQ(read->user.pdu_bytes_max, 128u << 10);
  EXPECT_EQ(read->user.implementation_class_uid, kImplementationClassUid);
  EXPECT_EQ(read->user.implementation_version_name, kImplementationVersionName);
  EXPECT_EQ(read->user.async_window, request.user.async_window);
  EXPECT_EQ(read->user.roles, request.user.roles);
  EXPECT_EQ(read->user.extended, request.user.extended);
  EXPECT_EQ(read->user.common_extended, request.user.common_extended);
  ASSERT_TRUE(read->user.user_identity);
  EXPECT_EQ(read->user.user_identity->type, UserIdentity::Type::user_and_passcode);
  EXPECT_TRUE(read->user.user_identity->response_requested);
  EXPECT_EQ(read->user.user_identity->primary.reveal(), bytes_of({'m', 'e'}));
  EXPECT_EQ(read->user.user_identity->secondary.reveal(), bytes_of({'p', 'w', '!'}));
}

TEST(Pdu, AcceptSurvivesARoundTrip) {
  AssociateAccept accept;
  accept.called = ae("LATENT");
  accept.application_context = kApplicationContext;
  accept.contexts = {{1, ContextResult::accepted, std::string(kHtj2k)},
                     {3, ContextResult::abstract_syntax_not_supported, std::string(kImplicit)}};
  accept.user.pdu_bytes_max = 16384;
  accept.user.user_identity_response = bytes_of({1, 2, 3});

  Bytes pdu;
  ASSERT_TRUE(append_pdu(pdu, accept));
  const auto read = decode_associate_accept(body_of(pdu));

  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->contexts, accept.contexts);
  EXPECT_EQ(read->called, accept.called);
  EXPECT_EQ(read->user.pdu_bytes_max, 16384u);
  EXPECT_EQ(read->user.user_identity_response, accept.user.user_identity_response);
}

TEST(Pdu, ShortPdusAreExactlyAsTheStandardDrawsThem) {
  Bytes out;
  append_pdu(out, rejections::kCalledAeTitle);
  EXPECT_EQ(out, bytes_of({3, 0, 0, 0, 0, 4, 0, 1, 1, 7}));
  EXPECT_EQ(decode_associate_reject(body_of(out)).value(), rejections::kCalledAeTitle);
  out.clear();
  append_pdu(out, Abort{Abort::service_provider, Abort::unexpected_pdu});
  EXPECT_EQ(out, abort_bytes(2, 2));
  EXPECT_EQ(decode_abort(body_of(out)).value(), (Abort{2, 2}));
  out.clear();
  append_release_request(out);
  append_release_reply(out);
  EXPECT_EQ(out, bytes_of({5, 0, 0, 0, 0, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 4, 0, 0, 0, 0}));
  EXPECT_FALSE(decode_abort(bytes_of({0, 0, 0})));
  EXPECT_FALSE(decode_associate_reject(bytes_of({0, 0, 0, 0, 0})));
}

TEST(Pdu, EveryPrefixOfARequestIsReadOrRefusedAndNeverBeyondItsEnd) {
  Bytes pdu;
  ASSERT_TRUE(append_pdu(pdu, full_request()));
  const Bytes whole = body_of(pdu);
  int read = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A buffer of its own, so that AddressSanitizer sees a single byte read too far.
    const Bytes prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    read += decode_associate_request(prefix) ? 1 : 0;
  }
  // Only cuts between top-level items leave a readable request.
  EXPECT_EQ(read, 1 + 1 + 3);
}

TEST(Pdu, UnknownItemsAreSkippedOnEachLevel) {
  Bytes pdu;
  ASSERT_TRUE(append_pdu(pdu, usual_request()));
  Bytes body = body_of(pdu);
  append(body, bytes_of({0x99, 0, 0, 3, 1, 2, 3}));
  append(body, bytes_of({0x50, 0, 0, 13, 0x77, 0, 0, 1, 9, 0x51, 0, 0, 4, 0, 0, 0x20, 0}));

  const auto read = decode_associate_request(body);

  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->user.pdu_bytes_max, 0x2000u);
  EXPECT_EQ(read->contexts, usual_request().contexts);
}

TEST(Pdu, ErrorsNameThePduTheByteAndTheLength) {
  Bytes body(68);
  body[1] = std::byte{1};
  append(body, bytes_of({0x10, 0, 0x01, 0x00, '1'}));

  const auto read = decode_associate_request(body);

  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::invalid_input);
  EXPECT_EQ(read.error().text, "A-ASSOCIATE-RQ: item 10H at byte 72 needs 256 bytes, 1 are left");
}

TEST(Pdu, ContextIdsMustBeOddAndUsedOnce) {
  for (const std::uint8_t second : {std::uint8_t{2}, std::uint8_t{1}, std::uint8_t{0}}) {
    AssociateRequest request =
        request_for({wish(kVerification, {kImplicit}), wish(kCtStorage, {kImplicit})});
    request.contexts[1].id = second;
    Bytes pdu;
    ASSERT_TRUE(append_pdu(pdu, request));
    const auto read = decode_associate_request(body_of(pdu));
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().text, HasSubstr("presentation context ID " + std::to_string(second)));
  }
}

TEST(Pdu, AllOf128ContextsAreRead) {
  std::vector<ContextWish> wishes(128, wish(kCtStorage, {kImplicit, kHtj2k}));
  Bytes pdu;
  ASSERT_TRUE(append_pdu(pdu, request_for(wishes)));
  const auto read = decode_associate_request(body_of(pdu));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->contexts.size(), 128u);
  EXPECT_EQ(read->contexts.back().id, 255);
}

TEST(Pdu, WhatIsNoUidBecomesEmptyTextAndIsNeverATransferSyntax) {
  AssociateRequest request = usual_request();
  request.contexts[0].abstract_syntax = "../../etc/passwd";
  request.contexts[1].transfer_syntaxes = {"garbage", std::string(kImplicit) + '\0'};
  Bytes pdu;
  ASSERT_TRUE(append_pdu(pdu, request));
  const auto read = decode_associate_request(body_of(pdu));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->contexts[0].abstract_syntax, "");
  EXPECT_EQ(read->contexts[1].transfer_syntaxes, std::vector{std::string(kImplicit)});
}

TEST(Pdu, AnotherProtocolVersionIsReportedWithoutReadingFurther) {
  const auto read = decode_associate_request(bytes_of({0, 2, 99}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->protocol_version, 2);
}

TEST(Pdu, AMaximumLengthThatLetsNothingThroughIsRefused) {
  AssociateRequest request = usual_request();
  for (const std::uint32_t useless : {1u, 6u, 7u}) {
    request.user.pdu_bytes_max = useless;
    Bytes pdu;
    ASSERT_TRUE(append_pdu(pdu, request));
    EXPECT_FALSE(decode_associate_request(body_of(pdu))) << useless;
  }
  request.user.pdu_bytes_max = 8;
  Bytes pdu;
  ASSERT_TRUE(append_pdu(pdu, request));
  EXPECT_TRUE(decode_associate_request(body_of(pdu)));
}

TEST(Pdu, AnItemThatIsTooLongToEncodeFailsAndLeavesTheOutputAlone) {
  AssociateRequest request = usual_request();
  request.user.user_identity =
      UserIdentity{UserIdentity::Type::saml, false, Phi<Bytes>(Bytes(70'000)), {}};
  Bytes out = bytes_of({42});
  EXPECT_FALSE(append_pdu(out, request));
  EXPECT_EQ(out, bytes_of({42}));
}

TEST(Pdu, AnAeFieldKeepsItsBytesAndOnlyGivesAProperTitle) {
  EXPECT_EQ(AeField(ae("X")).raw(), "X               ");
  EXPECT_EQ(AeField::from(as_bytes("  STORE  \\SCP   ")).title(), std::nullopt);
  EXPECT_EQ(AeField::from(as_bytes("  STORE SCP     ")).title(), ae("STORE SCP"));
  EXPECT_EQ(AeField().title(), std::nullopt);
}

}  // namespace
}  // namespace latent::dicom::network::test
