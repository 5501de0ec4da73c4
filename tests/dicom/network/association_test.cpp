#include "dicom/network/association.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dicom/network/wire.h"

namespace latent::dicom::network::test {
namespace {

using testing::HasSubstr;

Bytes pdu_of(const AssociateRequest& request) {
  Bytes pdu;
  must(append_pdu(pdu, request));
  return pdu;
}
Bytes release_request() {
  Bytes pdu;
  append_release_request(pdu);
  return pdu;
}
Bytes release_reply() {
  Bytes pdu;
  append_release_reply(pdu);
  return pdu;
}
/// The association gave up because of the peer: event, A-ABORT in the output, ARTIM running.
void expect_provider_abort(Association& association, const Heard& heard, int reason,
                           std::string_view text) {
  const auto* aborted = only_event<Aborted>(heard);
  ASSERT_NE(aborted, nullptr) << text;
  EXPECT_FALSE(aborted->by_peer);
  EXPECT_EQ(aborted->abort, (Abort{2, static_cast<std::uint8_t>(reason)}));
  EXPECT_THAT(aborted->text, HasSubstr(std::string(text)));
  EXPECT_EQ(association.take_output(), abort_bytes(2, reason));
  EXPECT_TRUE(association.is_closing());
  EXPECT_TRUE(association.artim_running());
}

/// C-STORE-RQ announcing a data set, as one command PDV.
Bytes store_command_pdv() {
  CommandSet command = CStoreRq{1, std::string(kCtStorage), "1.2.3", {}, {}, {}}.to_command();
  command.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  return raw_pdv(3, 3, command.encode());
}

TEST(Association, AcceptorEstablishesAndKnowsItsContexts) {
  Association association = Association::acceptor();
  EXPECT_TRUE(association.artim_running());

  const Heard heard = feed(association, pdu_of(usual_request()));
  ASSERT_NE(only_event<AssociateRequested>(heard), nullptr);
  EXPECT_FALSE(association.artim_running());
  EXPECT_EQ(association.state(), State::sta3_awaiting_local_answer);
  ASSERT_TRUE(association.accept(std::get<AssociateAccept>(negotiate(association.request(), {}))));

  EXPECT_EQ(association.state(), State::sta6_data_transfer);
  EXPECT_EQ(association.take_output()[0], std::byte{2});
  EXPECT_EQ(association.find_context(3)->transfer_syntax, kExplicit);
  EXPECT_EQ(association.find_context(7), nullptr);
  EXPECT_EQ(association.find_context(kVerification, kImplicit)->id, 1);
  EXPECT_EQ(association.find_context(kVerification, kHtj2k), nullptr);
}

TEST(Association, RejectionIsSentAndTheConnectionWaitsForClosing) {
  Association association = Association::acceptor();
  feed(association, pdu_of(usual_request()));
  ASSERT_TRUE(association.reject(rejections::kCongestion));
  EXPECT_EQ(association.take_output(), bytes_of({3, 0, 0, 0, 0, 4, 0, 2, 3, 1}));
  EXPECT_TRUE(association.is_closing());
  EXPECT_TRUE(association.artim_running());
  EXPECT_EQ(association.transport_closed(), std::nullopt);
  EXPECT_TRUE(association.is_over());
}

struct Cut {
  std::string name;
  std::vector<std::size_t> sizes;
};

TEST(Association, ACommandCutIntoUnequalFragmentsOfOnePduIsRead) {
  // One well-formed PDU with these cuts ends DCMTK 3.6.7 by SIGSEGV or abort (tech.md §1).
  const Bytes echo = encoded_echo(77);
  ASSERT_EQ(echo.size(), 68u);
  for (const Cut& cut : {Cut{"5 unequal", {4, 26, 4, 26, 8}}, Cut{"2/40/26", {2, 40, 26}},
                         Cut{"40/2/26", {40, 2, 26}}, Cut{"odd", {1, 1, 65, 1}}}) {
    Association association = accepted();
    Bytes pdvs;
    ByteSpan rest = echo;
    for (std::size_t i = 0; i < cut.sizes.size(); ++i) {
      append(pdvs, raw_pdv(1, i + 1 == cut.sizes.size() ? 3 : 1, rest.first(cut.sizes[i])));
      rest = rest.subspan(cut.sizes[i]);
    }
    ASSERT_TRUE(rest.empty());

    const Heard heard = feed(association, raw_pdu(4, pdvs));

    const auto* received = only_event<CommandReceived>(heard);
    ASSERT_NE(received, nullptr) << cut.name;
    EXPECT_EQ(received->context_id, 1);
    EXPECT_EQ(CEchoRq::from(received->command)->message_id, 77);
  }
}

TEST(Association, CommandAndDataMayShareAPdu) {
  Association association = accepted();
  Bytes pdvs = store_command_pdv();
  append(pdvs, raw_pdv(3, 0, bytes_of({1, 2, 3})));
  append(pdvs, raw_pdv(3, 0, {}));
  append(pdvs, raw_pdv(3, 2, bytes_of({4})));

  const Heard heard = feed(association, raw_pdu(4, pdvs));

  ASSERT_NE(only_event<CommandReceived>(heard), nullptr);
  EXPECT_EQ(heard.data, bytes_of({1, 2, 3, 4}));
  EXPECT_EQ(heard.last_marks, 1);
}

TEST(Association, AnEmptyLastFragmentEndsTheDataSet) {
  Association association = accepted();
  Bytes pdvs = store_command_pdv();
  append(pdvs, raw_pdv(3, 0, bytes_of({1, 2})));
  feed(association, raw_pdu(4, pdvs));
  const Heard heard = feed(association, raw_pdu(4, raw_pdv(3, 2, {})));
  EXPECT_EQ(heard.last_marks, 1);
  EXPECT_TRUE(heard.data.empty());
}

TEST(Association, DataIsHandedOnBeforeItsPduIsWhole) {
  Association association = accepted();
  feed(association, raw_pdu(4, store_command_pdv()));
  const Bytes pdu = raw_pdu(4, raw_pdv(3, 2, Bytes(100'000, std::byte{7})));

  ByteSpan half = ByteSpan(pdu).first(50'000);
  const auto event = association.next(half);

  ASSERT_TRUE(event);
  const auto& data = std::get<DataReceived>(*event);
  EXPECT_EQ(data.bytes.size(), 50'000u - kPduHeaderBytes - kPdvHeaderBytes);
  EXPECT_EQ(data.bytes.data(), pdu.data() + kPduHeaderBytes + kPdvHeaderBytes);  // no copy
  EXPECT_FALSE(data.last);
}

TEST(Association, NextStopsAfterEachEventSoThatTheCallerCanPause) {
  Association association = accepted();
  Bytes bytes = raw_pdu(4, raw_pdv(1, 3, encoded_echo(1)));
  const std::size_t first = bytes.size();
  append(bytes, raw_pdu(4, raw_pdv(1, 3, encoded_echo(2))));

  ByteSpan input = bytes;
  ASSERT_TRUE(association.next(input));
  EXPECT_EQ(input.size(), bytes.size() - first);
  ASSERT_TRUE(association.next(input));
  EXPECT_TRUE(input.empty());
  EXPECT_FALSE(association.next(input));
}

TEST(Association, ACancelIsDeliveredWhileAnAnswerIsUnderWay) {
  Association association = accepted();
  CommandSet find = CFindRq{5, std::string(kStudyRootFind), {}}.to_command();
  find.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  Bytes pdvs = raw_pdv(5, 3, find.encode());
  append(pdvs, raw_pdv(5, 2, bytes_of({0, 0})));
  feed(association, raw_pdu(4, pdvs));
  const Answer pending{status::kPending, "", {}, {}};
  ASSERT_TRUE(association.send_command(5, respond_to(find, pending), DataSet::present));

  CommandSet cancel = CCancelRq{5}.to_command();
  cancel.set_u16(command::kCommandDataSetType, command::kNoDataSet);
  const Heard heard = feed(association, raw_pdu(4, raw_pdv(5, 3, cancel.encode())));

  ASSERT_NE(only_event<CommandReceived>(heard), nullptr);
  EXPECT_EQ(CCancelRq::from(only_event<CommandReceived>(heard)->command)->message_id, 5);
  EXPECT_TRUE(association.send_data(5, bytes_of({1, 2}), Fragment::last));
  const Answer cancelled{status::kCancel, "", {}, {}};
  EXPECT_TRUE(association.send_command(5, respond_to(find, cancelled), DataSet::absent));
}

TEST(Association, ReleaseIsAnsweredAndNothingMoreIsRead) {
  Association association = accepted();
  ASSERT_NE(only_event<ReleaseRequested>(feed(association, release_request())), nullptr);
  ASSERT_TRUE(association.answer_release());
  EXPECT_EQ(association.take_output(), release_reply());
  EXPECT_TRUE(association.is_closing());
  EXPECT_TRUE(feed(association, raw_pdu(4, raw_pdv(1, 3, encoded_echo()))).events.empty());
  association.artim_expired();
  EXPECT_TRUE(association.is_over());
  EXPECT_FALSE(association.has_output());
}

TEST(Association, AnAbortBehindTheReleaseEndsTheWaitForTheClose) {
  Bytes behind = raw_pdu(4, raw_pdv(1, 3, encoded_echo()));
  append(behind, raw_pdu(7, bytes_of({0, 0, 0, 0})));
  for (std::size_t split = 0; split < behind.size(); ++split) {
    Association association = accepted();
    feed(association, release_request());
    ASSERT_TRUE(association.answer_release());
    static_cast<void>(association.take_output());
    EXPECT_TRUE(feed(association, ByteSpan(behind).first(split)).events.empty());
    EXPECT_TRUE(feed(association, ByteSpan(behind).subspan(split)).events.empty());
    EXPECT_TRUE(association.is_over()) << split;
    EXPECT_FALSE(association.artim_running());
    EXPECT_FALSE(association.has_output());
  }
}

TEST(Association, ReleaseInTheMiddleOfAMessageIsStillARelease) {
  Association association = accepted();
  Bytes bytes = raw_pdu(4, store_command_pdv());
  append(bytes, raw_pdu(4, raw_pdv(3, 0, bytes_of({1, 2}))));
  append(bytes, release_request());
  const Heard heard = feed(association, bytes);
  ASSERT_EQ(heard.events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<ReleaseRequested>(heard.events[1]));
  EXPECT_EQ(heard.last_marks, 0);
  EXPECT_TRUE(association.answer_release());
}

TEST(Association, ReleaseRequestsThatCollideAreSettledAsTable910Says) {
  Association requestor = Association::requestor(usual_request()).value();
  Association acceptor = Association::acceptor();
  feed(acceptor, requestor.take_output());
  ASSERT_TRUE(acceptor.accept(std::get<AssociateAccept>(negotiate(acceptor.request(), {}))));
  ASSERT_NE(only_event<Associated>(feed(requestor, acceptor.take_output())), nullptr);
  ASSERT_TRUE(requestor.request_release());
  ASSERT_TRUE(acceptor.request_release());
  const Bytes from_requestor = requestor.take_output(), from_acceptor = acceptor.take_output();

  EXPECT_NE(only_event<ReleaseRequested>(feed(requestor, from_acceptor)), nullptr);
  EXPECT_NE(only_event<ReleaseRequested>(feed(acceptor, from_requestor)), nullptr);
  EXPECT_EQ(requestor.state(), State::sta9_collision_requestor_local);
  EXPECT_EQ(acceptor.state(), State::sta10_collision_acceptor_peer);
  EXPECT_FALSE(acceptor.answer_release());  // The requestor answers first.
  ASSERT_TRUE(requestor.answer_release());
  EXPECT_NE(only_event<Released>(feed(acceptor, requestor.take_output())), nullptr);
  EXPECT_EQ(acceptor.state(), State::sta12_collision_acceptor_local);
  ASSERT_TRUE(acceptor.answer_release());
  EXPECT_NE(only_event<Released>(feed(requestor, acceptor.take_output())), nullptr);
  EXPECT_TRUE(requestor.is_over());
  EXPECT_TRUE(acceptor.is_closing());
}

TEST(Association, DataMayStillArriveBehindOurOwnReleaseRequest) {
  Association association = accepted();
  ASSERT_TRUE(association.request_release());
  const Heard heard = feed(association, raw_pdu(4, raw_pdv(1, 3, encoded_echo())));
  EXPECT_NE(only_event<CommandReceived>(heard), nullptr);
  EXPECT_NE(only_event<Released>(feed(association, release_reply())), nullptr);
  EXPECT_TRUE(association.is_over());
}

TEST(Association, AnAbortOfThePeerEndsIt) {
  Association association = accepted();
  const Heard heard = feed(association, abort_bytes(0, 0));
  const auto* aborted = only_event<Aborted>(heard);
  ASSERT_NE(aborted, nullptr);
  EXPECT_TRUE(aborted->by_peer);
  EXPECT_TRUE(association.is_over());
  EXPECT_FALSE(association.has_output());
}

TEST(Association, ALostConnectionIsReportedOnce) {
  Association association = accepted();
  feed(association, raw_pdu(4, store_command_pdv()));
  const auto event = association.transport_closed();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<Aborted>(*event).text, "connection closed within a message");
  EXPECT_EQ(association.transport_closed(), std::nullopt);
}

TEST(Association, ArtimBeforeTheRequestClosesWithoutAWord) {
  Association association = Association::acceptor();
  feed(association, bytes_of({1, 0, 0, 0}));
  association.artim_expired();
  EXPECT_TRUE(association.is_over());
  EXPECT_FALSE(association.has_output());
}

TEST(Association, OurOwnAbortIsSentOnce) {
  Association association = accepted();
  association.abort();
  association.abort();
  EXPECT_EQ(association.take_output(), abort_bytes(0, 0));
  Association timed_out = accepted();
  timed_out.abort(Abort{Abort::service_provider, Abort::not_specified});
  EXPECT_EQ(timed_out.take_output(), abort_bytes(2, 0));
}

struct Wrong {
  std::string text;  ///< in the error
  Bytes bytes;
  int reason;
};

TEST(Association, ProtocolErrorsAreAbortedWithTheirReason) {
  Bytes huge_data = bytes_of({4, 0});
  append_be(huge_data, std::uint32_t{(128u << 10) + 1});
  Bytes pdv_beyond = raw_pdu(4, raw_pdv(1, 3, bytes_of({1, 2, 3, 4})));
  pdv_beyond[9] = std::byte{7};
  Bytes pdv_short = raw_pdu(4, raw_pdv(1, 3, bytes_of({1, 2, 3, 4})));
  pdv_short[9] = std::byte{1};
  Bytes scrap = raw_pdv(1, 1, bytes_of({1, 2}));
  append(scrap, bytes_of({0, 0, 0}));
  Bytes command_in_data = store_command_pdv();
  append(command_in_data, raw_pdv(3, 1, bytes_of({1, 2})));
  Bytes other_context = store_command_pdv();
  append(other_context, raw_pdv(1, 0, bytes_of({1, 2})));

  const Wrong wrongs[] = {
      {"PDU type 08H", bytes_of({8, 0, 0, 0, 0, 0}), Abort::unrecognized_pdu},
      {"PDU type 00H", bytes_of({0, 0, 0xFF, 0xFF, 0xFF, 0xFF}), Abort::unrecognized_pdu},
      {"not expected", pdu_of(usual_request()), Abort::unexpected_pdu},
      {"not expected", bytes_of({2, 0, 0xFF, 0xFF, 0xFF, 0xFF}), Abort::unexpected_pdu},
      {"not expected", release_reply(), Abort::unexpected_pdu},
      {"P-DATA-TF of 131073 bytes", huge_data, Abort::invalid_parameter},
      {"length is not within 6", raw_pdu(4, {}), Abort::invalid_parameter},
      {"length is not within 4 to 4", bytes_of({5, 0, 0, 0, 0, 5}), Abort::invalid_parameter},
      {"PDV claims 7 bytes, 6 are left", pdv_beyond, Abort::invalid_parameter},
      {"PDV claims 1 bytes", pdv_short, Abort::invalid_parameter},
      {"3 bytes behind the last PDV", raw_pdu(4, scrap), Abort::invalid_parameter},
      {"context 2 was not accepted", raw_pdu(4, raw_pdv(2, 3, encoded_echo())),
       Abort::invalid_parameter},
      {"context 99 was not accepted", raw_pdu(4, raw_pdv(99, 3, encoded_echo())),
       Abort::invalid_parameter},
      {"data fragment without a command", raw_pdu(4, raw_pdv(3, 2, bytes_of({1, 2}))),
       Abort::unexpected_parameter},
      {"command set: ", raw_pdu(4, raw_pdv(1, 3, bytes_of({1, 2, 3}))), Abort::invalid_parameter},
  };
  for (const Wrong& wrong : wrongs) {
    Association association = accepted();
    expect_provider_abort(association, feed(association, wrong.bytes), wrong.reason, wrong.text);
    EXPECT_TRUE(feed(association, raw_pdu(4, raw_pdv(1, 3, encoded_echo()))).events.empty());
  }
  for (const Wrong& wrong :
       {Wrong{"before the end of a data set", command_in_data, Abort::unexpected_parameter},
        Wrong{"another presentation context", other_context, Abort::unexpected_parameter}}) {
    Association association = accepted();
    Heard heard = feed(association, raw_pdu(4, wrong.bytes));
    ASSERT_EQ(heard.events.size(), 2u);
    heard.events.erase(heard.events.begin());
    expect_provider_abort(association, heard, wrong.reason, wrong.text);
  }
}

TEST(Association, BeforeTheRequestEveryOtherPduIsAborted) {
  for (const Wrong& wrong :
       {Wrong{"PDU type 47H", bytes_of({'G', 'E', 'T', ' ', '/', ' '}), Abort::unrecognized_pdu},
        Wrong{"P-DATA-TF", raw_pdu(4, raw_pdv(1, 3, encoded_echo())), Abort::unexpected_pdu},
        Wrong{"A-RELEASE-RQ", release_request(), Abort::unexpected_pdu},
        Wrong{"A-ASSOCIATE-RQ of 65537 bytes", bytes_of({1, 0, 0, 1, 0, 1}),
              Abort::invalid_parameter},
        Wrong{"A-ASSOCIATE-RQ of 0 bytes", bytes_of({1, 0, 0, 0, 0, 0}), Abort::invalid_parameter},
        Wrong{"at byte 0 needs 2 bytes, 1 are left", bytes_of({1, 0, 0, 0, 0, 1, 0}),
              Abort::invalid_parameter}}) {
    Association association = Association::acceptor();
    const Heard heard = feed(association, wrong.bytes);
    expect_provider_abort(association, heard, wrong.reason, wrong.text);
  }
}

TEST(Association, AHugeClaimedLengthIsRefusedOnItsHeader) {
  // Only the header is there: the verdict cannot have waited for (nor allocated) the body.
  Association association = accepted();
  const Heard heard = feed(association, bytes_of({4, 0, 0xFF, 0xFF, 0xFF, 0xFF}));
  expect_provider_abort(association, heard, Abort::invalid_parameter, "4294967295 bytes");
}

TEST(Association, AnUnlimitedOfferStillEndsAt1Mib) {
  Policy policy;
  policy.pdu_bytes_max = 0;
  Association association = accepted(usual_request(), policy);
  EXPECT_TRUE(feed(association, bytes_of({4, 0, 0, 0x10, 0, 0})).events.empty());
  Association other = accepted(usual_request(), policy);
  const Heard heard = feed(other, bytes_of({4, 0, 0, 0x10, 0, 1}));
  expect_provider_abort(other, heard, Abort::invalid_parameter, "length is not within");
}

TEST(Association, ACommandThatGrowsBeyondItsLimitIsAborted) {
  Association association = accepted();
  const Bytes piece(16'000);
  Heard heard;
  for (int i = 0; i < 4; ++i) {
    heard = feed(association, raw_pdu(4, raw_pdv(1, 1, piece)));
    ASSERT_TRUE(heard.events.empty());
  }
  heard = feed(association, raw_pdu(4, raw_pdv(1, 1, piece)));
  expect_provider_abort(association, heard, Abort::invalid_parameter, "more than 65536 bytes");
}

TEST(Association, NothingIsSentThatTheStateOrTheContextForbids) {
  Association early = Association::acceptor();
  EXPECT_FALSE(early.send_command(1, CEchoRq{1}.to_command(), DataSet::absent));
  EXPECT_FALSE(early.accept({}));
  EXPECT_FALSE(early.reject({}));
  EXPECT_FALSE(early.request_release());

  Association association = accepted();
  EXPECT_FALSE(association.send_command(7, CEchoRq{1}.to_command(), DataSet::absent));
  EXPECT_FALSE(association.send_data(3, bytes_of({1, 2}), Fragment::last));
  ASSERT_TRUE(association.send_command(3, CEchoRq{1}.to_command(), DataSet::present));
  EXPECT_FALSE(association.send_command(1, CEchoRq{2}.to_command(), DataSet::absent));
  EXPECT_FALSE(association.send_data(1, bytes_of({1, 2}), Fragment::last));
  EXPECT_FALSE(association.request_release());
  ASSERT_TRUE(association.send_data(3, bytes_of({1, 2}), Fragment::last));
  EXPECT_TRUE(association.request_release());
  EXPECT_FALSE(association.send_command(1, CEchoRq{2}.to_command(), DataSet::absent));
}

TEST(Association, RequestorLearnsOfARejection) {
  Association requestor = Association::requestor(usual_request()).value();
  EXPECT_FALSE(requestor.artim_running());
  const Heard heard = feed(requestor, bytes_of({3, 0, 0, 0, 0, 4, 0, 1, 1, 7}));
  const auto* rejected = only_event<Rejected>(heard);
  ASSERT_NE(rejected, nullptr);
  EXPECT_EQ(describe(rejected->reject), "called AE title not recognised (1/1/7)");
  EXPECT_TRUE(requestor.is_over());
}

}  // namespace
}  // namespace latent::dicom::network::test
