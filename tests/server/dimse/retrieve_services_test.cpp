// C-GET and C-MOVE, by real sockets against a real archive.
#include "tests/server/dimse/service_calls.h"

#include <gtest/gtest.h>

namespace latent::server::dimse {
namespace {

TEST(Get, NothingMatchedIsSuccess) {
  Archive archive;
  TestPeer peer = associated(archive);

  const Retrieved back = get(peer, study_key(ct(1)));

  EXPECT_EQ(back.status, status::kSuccess);
  EXPECT_TRUE(back.objects.empty());
}

TEST(Get, ConvertsNativeObjectsToTheOnlySyntaxThatIsAccepted) {
  Archive archive;
  {
    TestPeer sender = associated(archive);
    ASSERT_EQ(store(sender, ct(1)), status::kSuccess);
  }
  auto options = everything();
  options.contexts[0].transfer_syntaxes = {std::string(syntaxes::kImplicitLittle)};
  TestPeer peer = associated(archive, options);

  const Retrieved back = get(peer, study_key(ct(1)));

  EXPECT_EQ(back.status, status::kSuccess);
  ASSERT_EQ(back.objects.size(), 1u);
  EXPECT_TRUE(back.objects.at(ct(1).instance) == encode(ct(1), syntaxes::kImplicitLittle));
}

TEST(Get, WithoutAContextAllHaveFailedAndAreListed) {
  Archive archive;
  {
    TestPeer sender = associated(archive);
    ASSERT_EQ(store(sender, ct(1)), status::kSuccess);
    ASSERT_EQ(store(sender, ct(2)), status::kSuccess);
  }
  auto options = everything();
  options.roles.clear();
  TestPeer peer = associated(archive, options);

  const Retrieved back = get(peer, study_key(ct(1)));

  EXPECT_EQ(back.status, status::kRetrieveCannotPerformSuboperations);
  EXPECT_EQ(back.counters.failed, 2);
  EXPECT_THAT(back.failed_list, HasSubstr(ct(1).instance + "\\" + ct(2).instance));
}

TEST(Get, CountsWhatTheReceiverRefuses) {
  Archive archive;
  TestPeer peer = associated(archive);
  for (int i = 1; i <= 3; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);

  const Retrieved refused = get(peer, study_key(ct(1)), 0xA700);
  EXPECT_EQ(refused.status, status::kRetrieveCannotPerformSuboperations);
  EXPECT_EQ(refused.counters.failed, 3);
  const Retrieved warned = get(peer, study_key(ct(1)), 0xB000);
  EXPECT_EQ(warned.status, status::kRetrieveSomeFailed);
  EXPECT_EQ(warned.counters.warning, 3);
  EXPECT_TRUE(warned.failed_list.empty());
}

TEST(Get, ACancelEndsItWithCountersAndTheAssociationGoesOn) {
  Archive archive;
  TestPeer peer = associated(archive);
  for (int i = 1; i <= 10; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);

  const Retrieved back = get(peer, study_key(ct(1)), status::kSuccess, 2);

  EXPECT_EQ(back.status, status::kCancel);
  EXPECT_EQ(back.counters.completed, 2);
  EXPECT_EQ(back.counters.remaining, 8);
  EXPECT_TRUE(back.says_remaining);
  EXPECT_EQ(get(peer, study_key(ct(1))).counters.completed, 10);
}

TEST(Get, SaysHowItStandsWhileItGoes) {
  Archive archive;
  TestPeer peer = associated(archive);
  for (int i = 1; i <= 5; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);

  EXPECT_GE(get(peer, study_key(ct(1))).pending.size(), 1u);
}

// ---------------------------------------------------------------------------------------------

Config with_destination(std::uint16_t port) {
  auto config = listener_config();
  config.peers.push_back({.aet = *AeTitle::parse("WS1"), .host = "127.0.0.1", .port = port});
  return config;
}

TEST(Move, SendsToTheDestinationAndNamesWhoAsked) {
  TestReceiver receiver;
  Archive archive(with_destination(receiver.port()));
  TestPeer peer = associated(archive);
  for (int i = 1; i <= 3; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);

  const Retrieved moved = move(peer, "WS1", study_key(ct(1)));
  receiver.stop();

  EXPECT_EQ(moved.status, status::kSuccess);
  EXPECT_EQ(moved.counters.completed, 3);
  EXPECT_FALSE(moved.says_remaining);
  ASSERT_EQ(receiver.received().size(), 3u);
  EXPECT_EQ(receiver.associations(), 1);
  for (const auto& received : receiver.received()) {
    EXPECT_EQ(received.move_originator, AeTitle::parse("TESTER"));
    EXPECT_EQ(received.move_message_id, 9);
  }
  EXPECT_TRUE(receiver.received()[0].data_set == encode(ct(1)));
}

TEST(Move, AnUnknownDestinationIsA801) {
  Archive archive;
  TestPeer peer = associated(archive);

  EXPECT_EQ(move(peer, "NOWHERE", study_key(ct(1))).status, status::kMoveDestinationUnknown);
}

TEST(Move, NothingMatchedOpensNoAssociation) {
  TestReceiver receiver;
  Archive archive(with_destination(receiver.port()));
  TestPeer peer = associated(archive);

  EXPECT_EQ(move(peer, "WS1", study_key(ct(1))).status, status::kSuccess);

  receiver.stop();
  EXPECT_EQ(receiver.associations(), 0);
}

TEST(Move, ASeriesIsFoundWithoutTheUidOfItsStudy) {
  TestReceiver receiver;
  Archive archive(with_destination(receiver.port()));
  TestPeer peer = associated(archive);
  ASSERT_EQ(store(peer, ct(1, 1)), status::kSuccess);
  ASSERT_EQ(store(peer, ct(1, 2)), status::kSuccess);
  Bytes series;
  ElementWriter writer(dicom::model::Encoding::explicit_little, series);
  writer.text(tags::kQueryRetrieveLevel, vrs::kCS, "SERIES");
  writer.text(tags::kSeriesInstanceUid, vrs::kUI, ct(1, 2).series);

  const Retrieved moved = move(peer, "WS1", series);
  receiver.stop();

  EXPECT_EQ(moved.counters.completed, 1);
  ASSERT_EQ(receiver.received().size(), 1u);
  EXPECT_EQ(receiver.received()[0].sop_instance, ct(1, 2).instance);
}

TEST(Move, WhatTheDestinationRefusesIsListed) {
  TestReceiver receiver([](const test::Received& received) {
    return received.sop_instance == ct(2).instance ? TestReceiver::Reaction::refuse
                                                   : TestReceiver::Reaction::accept;
  });
  Archive archive(with_destination(receiver.port()));
  TestPeer peer = associated(archive);
  for (int i = 1; i <= 3; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);

  const Retrieved moved = move(peer, "WS1", study_key(ct(1)));

  EXPECT_EQ(moved.status, status::kRetrieveSomeFailed);
  EXPECT_EQ(moved.counters.completed, 2);
  EXPECT_EQ(moved.counters.failed, 1);
  EXPECT_THAT(moved.failed_list, HasSubstr(ct(2).instance));
}

TEST(Move, ADestinationThatAbortsAtOneObjectStillGetsTheOthers) {
  TestReceiver receiver([](const test::Received& received) {
    return received.sop_instance == ct(2).instance ? TestReceiver::Reaction::abort
                                                   : TestReceiver::Reaction::accept;
  });
  Archive archive(with_destination(receiver.port()));
  TestPeer peer = associated(archive);
  for (int i = 1; i <= 4; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);

  const Retrieved moved = move(peer, "WS1", study_key(ct(1)));
  receiver.stop();

  EXPECT_EQ(moved.status, status::kRetrieveSomeFailed);
  EXPECT_EQ(moved.counters.completed, 3);
  EXPECT_EQ(moved.counters.failed, 1);
  EXPECT_EQ(receiver.associations(), 2);
}

TEST(Move, ADestinationThatIsNotThereFailsAll) {
  std::uint16_t port = 0;
  {
    TestReceiver gone;
    port = gone.port();
  }
  Archive archive(with_destination(port));
  TestPeer peer = associated(archive);
  ASSERT_EQ(store(peer, ct(1)), status::kSuccess);

  const Retrieved moved = move(peer, "WS1", study_key(ct(1)));

  EXPECT_EQ(moved.status, status::kRetrieveCannotPerformSuboperations);
  EXPECT_EQ(moved.counters.failed, 1);
  EXPECT_THAT(moved.failed_list, HasSubstr(ct(1).instance));
  EXPECT_EQ(store(peer, ct(2)), status::kSuccess);
}

TEST(Move, ADestinationThatHangsCountsAsFailedAfterItsTime) {
  TestReceiver receiver([](const test::Received&) { return TestReceiver::Reaction::silence; });
  auto config = with_destination(receiver.port());
  config.peers.back().dimse_timeout = 300ms;
  Archive archive(config);
  TestPeer peer = associated(archive);
  for (int i = 1; i <= 2; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);

  const Retrieved moved = move(peer, "WS1", study_key(ct(1)));

  EXPECT_EQ(moved.status, status::kRetrieveCannotPerformSuboperations);
  EXPECT_EQ(moved.counters.failed, 2);
}

TEST(Move, ADestinationThatTakesImplicitOnlyGetsConvertedObjects) {
  TestReceiver receiver(
      [](const test::Received&) { return TestReceiver::Reaction::accept; },
      [](std::string_view syntax) { return syntax == syntaxes::kImplicitLittle; });
  Archive archive(with_destination(receiver.port()));
  TestPeer peer = associated(archive);
  ASSERT_EQ(store(peer, ct(1)), status::kSuccess);

  const Retrieved moved = move(peer, "WS1", study_key(ct(1)));
  receiver.stop();

  EXPECT_EQ(moved.status, status::kSuccess);
  ASSERT_EQ(receiver.received().size(), 1u);
  EXPECT_EQ(receiver.received()[0].transfer_syntax, syntaxes::kImplicitLittle);
  EXPECT_TRUE(receiver.received()[0].data_set == encode(ct(1), syntaxes::kImplicitLittle));
}

TEST(Move, WhoAskedMayLeaveAndTheServerStillStops) {
  TestReceiver receiver([](const test::Received&) { return TestReceiver::Reaction::silence; });
  Archive archive(with_destination(receiver.port()));
  {
    TestPeer peer = associated(archive);
    ASSERT_EQ(store(peer, ct(1)), status::kSuccess);
    peer.send(kMove, move_command("WS1"), study_key(ct(1)));
  }
  const auto start = std::chrono::steady_clock::now();
  archive.listener().stop(deadline_in(5s));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
}

}  // namespace
}  // namespace latent::server::dimse
