// The listener's own promises: who is let in, what silence costs, how it ends. Over real sockets.
#include "server/dimse/listener.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "tests/server/dimse/archive.h"
#include "tests/server/dimse/test_peer.h"

namespace latent::server::dimse {
namespace {

using namespace std::chrono_literals;
namespace network = dicom::network;
namespace classes = dicom::model::sop_classes;
namespace syntaxes = dicom::model::transfer_syntaxes;
using test::Archive;
using test::listener_config;
using test::TestPeer;

network::RequestOptions verification(std::string_view calling = "TESTER",
                                     std::string_view called = "LATENT") {
  network::RequestOptions options{*AeTitle::parse(calling), *AeTitle::parse(called)};
  options.contexts = {
      {std::string(classes::kVerification), {std::string(syntaxes::kImplicitLittle)}}};
  return options;
}

network::CommandSet echo_request(std::uint16_t message_id) {
  network::CEchoRq echo;
  echo.message_id = message_id;
  return echo.to_command();
}

/// Nothing when there is no whole answer.
std::optional<network::Status> echo(TestPeer& peer, std::uint16_t message_id = 1) {
  peer.send(1, echo_request(message_id));
  const auto answer = peer.receive();
  if (!answer) return std::nullopt;
  return answer->command.u16(network::command::kStatus);
}

std::optional<network::AssociateReject> rejection(const std::optional<network::Event>& event) {
  if (!event || !std::holds_alternative<network::Rejected>(*event)) return std::nullopt;
  return std::get<network::Rejected>(*event).reject;
}

bool is_accepted(const std::optional<network::Event>& event) {
  return event && std::holds_alternative<network::Associated>(*event);
}

TEST(Listener, EchoesAndReleases) {
  Archive archive;
  TestPeer peer(archive.port());

  ASSERT_TRUE(is_accepted(peer.associate(verification())));
  EXPECT_EQ(echo(peer, 1), network::status::kSuccess);
  EXPECT_EQ(echo(peer, 2), network::status::kSuccess);

  EXPECT_TRUE(peer.release());
}

TEST(Listener, RejectsAnUnknownCalledTitle) {
  Archive archive;
  TestPeer peer(archive.port());

  EXPECT_EQ(rejection(peer.associate(verification("TESTER", "SOMEBODY"))),
            network::rejections::kCalledAeTitle);
}

TEST(Listener, TakesAnyCalledTitleWhenToldTo) {
  auto config = listener_config();
  config.accept_any_called = true;
  Archive archive(config);
  TestPeer peer(archive.port());

  EXPECT_TRUE(is_accepted(peer.associate(verification("TESTER", "SOMEBODY"))));
}

TEST(Listener, RejectsAStrangerFromThisMachineWhenLocalsAreNotLetIn) {
  auto config = listener_config();
  config.let_local_in = false;
  config.peers.push_back({.aet = *AeTitle::parse("KNOWN"), .host = "127.0.0.1", .plain = true});
  Archive archive(config);

  TestPeer stranger(archive.port());
  EXPECT_EQ(rejection(stranger.associate(verification("STRANGER"))),
            network::rejections::kCallingAeTitle);
  TestPeer known(archive.port());
  EXPECT_TRUE(is_accepted(known.associate(verification("KNOWN"))));
}

TEST(Listener, RejectsWhatIsBeyondTheLimitAsTransient) {
  auto config = listener_config();
  config.associations_max = 2;
  Archive archive(config);
  TestPeer first(archive.port()), second(archive.port()), third(archive.port());

  ASSERT_TRUE(is_accepted(first.associate(verification())));
  ASSERT_TRUE(is_accepted(second.associate(verification())));
  EXPECT_EQ(rejection(third.associate(verification())), network::rejections::kLocalLimit);

  // A place that was left can be taken again.
  ASSERT_TRUE(first.release());
  EXPECT_TRUE(first.wait_for_close(10s));
  TestPeer fourth(archive.port());
  EXPECT_TRUE(is_accepted(fourth.associate(verification())));
}

TEST(Listener, LimitsOnePeerWithoutTouchingOthers) {
  auto config = listener_config();
  config.peers.push_back({.aet = *AeTitle::parse("GREEDY"), .associations_max = 1});
  Archive archive(config);
  TestPeer first(archive.port()), second(archive.port()), other(archive.port());

  ASSERT_TRUE(is_accepted(first.associate(verification("GREEDY"))));
  EXPECT_EQ(rejection(second.associate(verification("GREEDY"))), network::rejections::kLocalLimit);
  EXPECT_TRUE(is_accepted(other.associate(verification("MODEST"))));
}

TEST(Listener, APeerWithoutALimitOfItsOwnLeavesAFifthOfThePlacesToOthers) {
  auto config = listener_config();
  config.associations_max = 10;
  Archive archive(config);
  std::vector<TestPeer> greedy;
  for (int i = 0; i < 8; ++i) {
    greedy.emplace_back(archive.port());
    ASSERT_TRUE(is_accepted(greedy.back().associate(verification("GREEDY"))));
  }
  TestPeer beyond(archive.port()), other(archive.port());
  EXPECT_EQ(rejection(beyond.associate(verification("GREEDY"))), network::rejections::kLocalLimit);
  EXPECT_TRUE(is_accepted(other.associate(verification("MODEST"))));
}

TEST(Listener, RefusesAPasscodeOverAnOpenWire) {
  Archive archive;
  auto request = test::value_of(network::make_associate_request(verification()));
  request.user.user_identity.emplace();
  request.user.user_identity->type = network::UserIdentity::Type::user_and_passcode;
  TestPeer peer(archive.port());

  EXPECT_EQ(rejection(peer.associate(request)), network::rejections::kNoReason);
}

TEST(Listener, AnswersWhatItDoesNotOfferAndGoesOn) {
  Archive archive;
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));

  network::NActionRq action;
  action.message_id = 7;
  action.sop_class = classes::kVerification;
  action.sop_instance = "1.2.3";
  action.action_type = 1;
  const std::vector<std::byte> some_data_set(100, std::byte{0});
  peer.send(1, action.to_command(), some_data_set);
  const auto answer = peer.receive();

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->command.u16(network::command::kStatus),
            network::status::kUnrecognizedOperation);
  EXPECT_EQ(answer->command.u16(network::command::kMessageIdBeingRespondedTo), 7);
  EXPECT_EQ(echo(peer), network::status::kSuccess);
}

TEST(Listener, AnswersWhatTheCallerMayNotDoWithNotAuthorized) {
  Archive archive(listener_config(), {});
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));

  EXPECT_EQ(echo(peer), network::status::kNotAuthorized);
}

TEST(Listener, ServesRequestsThatAreSentAheadInOrder) {
  Archive archive;
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));

  for (std::uint16_t id = 1; id <= 5; ++id) peer.send(1, echo_request(id));

  for (std::uint16_t id = 1; id <= 5; ++id) {
    const auto answer = peer.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->command.u16(network::command::kMessageIdBeingRespondedTo), id);
  }
}

TEST(Listener, ClosesWhoNeverSendsARequest) {
  auto config = listener_config();
  config.artim_timeout = 200ms;
  Archive archive(config);
  TestPeer silent(archive.port());
  TestPeer dripping(archive.port());

  // One byte now and then is no request either: the time is for the whole of it.
  std::atomic<bool> closed = false;
  std::thread drip([&] {
    const std::byte one{1};
    while (!closed) {
      try {
        dripping.write({&one, 1});
      } catch (const std::runtime_error&) {
        return;
      }
      std::this_thread::yield();
    }
  });
  EXPECT_TRUE(silent.wait_for_close(10s));
  EXPECT_TRUE(dripping.wait_for_close(10s));
  closed = true;
  drip.join();
}

TEST(Listener, AbortsAnAssociationThatIsIdleForTooLong) {
  auto config = listener_config();
  config.idle_timeout = 200ms;
  Archive archive(config);
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));
  ASSERT_EQ(echo(peer), network::status::kSuccess);

  const auto event = peer.next_event(10s);

  ASSERT_TRUE(event);
  ASSERT_TRUE(std::holds_alternative<network::Aborted>(*event));
  EXPECT_EQ(std::get<network::Aborted>(*event).abort.source, network::Abort::service_provider);
}

TEST(Listener, AbortsWhoStopsInTheMiddleOfAMessageLongBeforeIdleTime) {
  auto config = listener_config();
  config.idle_timeout = 60s;
  config.dimse_timeout = 200ms;
  Archive archive(config);
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));

  ASSERT_TRUE(peer.association().send_command(1, echo_request(1), network::DataSet::absent));
  const Bytes whole = peer.association().take_output();
  peer.write(ByteSpan(whole).first(whole.size() / 2));

  const auto event = peer.next_event(10s);
  ASSERT_TRUE(event);
  EXPECT_TRUE(std::holds_alternative<network::Aborted>(*event));
}

TEST(Listener, ThousandsOfSilentSocketsAndStalledPeersDelayNobody) {
  raise_descriptor_limit();
  Archive archive;
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 2000; ++i) silent.push_back(test::connect_to(archive.port()));
  for (int i = 0; i < 8; ++i) {
    FileDescriptor& stalled = silent[static_cast<std::size_t>(i)];
    const char four[] = {1, 0, 0, 0};
    ASSERT_EQ(::send(stalled.get(), four, sizeof four, MSG_NOSIGNAL), 4);
  }

  const auto start = std::chrono::steady_clock::now();
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));
  EXPECT_EQ(echo(peer), network::status::kSuccess);

  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_GE(archive.listener().connections_open(), 2001u);
}

TEST(Listener, AFloodOfSilentSocketsCannotKeepAPeerOut) {
  auto config = listener_config();
  config.connections_max = 50;
  Archive archive(config);
  TestPeer early(archive.port());
  ASSERT_TRUE(is_accepted(early.associate(verification())));

  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(test::connect_to(archive.port()));
  TestPeer late(archive.port());
  ASSERT_TRUE(is_accepted(late.associate(verification())));

  EXPECT_EQ(echo(late), network::status::kSuccess);
  EXPECT_EQ(echo(early), network::status::kSuccess);
}

TEST(Listener, GarbageEndsItsOwnConnectionOnly) {
  Archive archive;
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));
  TestPeer web(archive.port());
  web.write(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));

  // It gets an A-ABORT and is closed once it closes itself, or when ARTIM ends.
  ::shutdown(web.fd(), SHUT_WR);
  EXPECT_TRUE(web.wait_for_close(5s));
  EXPECT_EQ(echo(peer), network::status::kSuccess);
}

TEST(Listener, OpenedAndRefusedAssociationsAreOnRecordWhenItHasStopped) {
  Archive archive;
  for (int i = 0; i < 20; ++i) {
    TestPeer peer(archive.port());
    ASSERT_TRUE(is_accepted(peer.associate(verification())));
    ASSERT_TRUE(peer.release());
  }
  for (int i = 0; i < 3; ++i) {
    TestPeer peer(archive.port());
    ASSERT_TRUE(rejection(peer.associate(verification("TESTER", "NOBODY"))));
  }

  archive.listener().stop(deadline_in(10s));

  EXPECT_EQ(archive.audit_rows("association opened"), 20u);
  EXPECT_EQ(archive.audit_rows("association refused"), 3u);
}

TEST(Listener, StopAbortsIdleAssociationsAtOnceAndTakesNoMore) {
  Archive archive;
  TestPeer peer(archive.port());
  ASSERT_TRUE(is_accepted(peer.associate(verification())));
  auto event = std::async(std::launch::async, [&] {
    auto got = peer.next_event(10s);
    ::shutdown(peer.fd(), SHUT_RDWR);
    return got;
  });

  const auto start = std::chrono::steady_clock::now();
  const std::uint16_t port = archive.port();
  archive.listener().stop(deadline_in(20s));

  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  const auto got = event.get();
  ASSERT_TRUE(got);
  EXPECT_TRUE(std::holds_alternative<network::Aborted>(*got));
  EXPECT_THROW(TestPeer{port}, std::runtime_error);
}

TEST(Listener, SaysWhichAddressItCannotHave) {
  Archive archive;
  auto config = listener_config();
  config.port = archive.port();

  try {
    const Archive second(config);
    FAIL() << "two listeners on one port";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("127.0.0.1 port"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace latent::server::dimse
