// The DIMSE services over real sockets on a whole archive.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "dicom/scanner/dataset_index.h"
#include "server/dimse/listener.h"
#include "tests/server/dimse/archive.h"
#include "tests/server/dimse/objects.h"
#include "tests/server/dimse/test_peer.h"

namespace latent::server::dimse {
namespace {

using namespace std::chrono_literals;
namespace network = dicom::network;
namespace status = dicom::network::status;
namespace classes = dicom::model::sop_classes;
namespace syntaxes = dicom::model::transfer_syntaxes;
namespace tags = dicom::model::tags;
namespace vrs = dicom::model::vrs;
using dicom::writer::ElementWriter;
using test::Archive;
using test::ct;
using test::CtObject;
using test::encode;
using test::kCt;
using test::kMr;
using test::listener_config;
using test::TestPeer;
using test::TestReceiver;
using testing::ElementsAre;
using testing::HasSubstr;

// Contexts of every test association, in this order.
constexpr std::uint8_t kStore = 1, kFind = 3, kGet = 5, kMove = 7, kStoreImplicit = 9;

network::RequestOptions everything() {
  network::RequestOptions options{*AeTitle::parse("TESTER"), *AeTitle::parse("LATENT")};
  const std::string explicit_little(syntaxes::kExplicitLittle);
  options.contexts = {{std::string(kCt), {explicit_little}},
                      {std::string(classes::kStudyRootFind), {explicit_little}},
                      {std::string(classes::kStudyRootGet), {explicit_little}},
                      {std::string(classes::kStudyRootMove), {explicit_little}},
                      {std::string(kCt), {std::string(syntaxes::kImplicitLittle)}}};
  options.roles = {{std::string(kCt), true, true}};
  return options;
}

TestPeer associated(const Archive& archive, const network::RequestOptions& options = everything()) {
  TestPeer peer(archive.port());
  const auto event = peer.associate(options);
  if (!event || !std::holds_alternative<network::Associated>(*event)) {
    throw std::runtime_error("no association");
  }
  return peer;
}

network::Status status_of(const std::optional<test::Message>& message) {
  if (!message) throw std::runtime_error("no answer");
  return message->command.u16(network::command::kStatus).value_or(0xFFFF);
}

network::CommandSet store_command(const CtObject& object, std::uint16_t message_id = 1) {
  network::CStoreRq store;
  store.message_id = message_id;
  store.sop_class = object.sop_class;
  store.sop_instance = object.instance;
  return store.to_command();
}

network::Status store(TestPeer& peer, const CtObject& object) {
  peer.send(kStore, store_command(object), encode(object));
  return status_of(peer.receive());
}

Bytes study_key(const CtObject& object) {
  Bytes out;
  ElementWriter writer(dicom::model::Encoding::explicit_little, out);
  writer.text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY");
  writer.text(tags::kStudyInstanceUid, vrs::kUI, object.study);
  return out;
}

network::CommandSet get_command(std::uint16_t message_id = 9) {
  network::CGetRq get;
  get.message_id = message_id;
  get.sop_class = classes::kStudyRootGet;
  return get.to_command();
}

network::CommandSet move_command(std::string_view destination, std::uint16_t message_id = 9) {
  network::CMoveRq move;
  move.message_id = message_id;
  move.sop_class = classes::kStudyRootMove;
  move.destination = destination;
  return move.to_command();
}

network::CommandSet find_command(std::uint16_t message_id = 9) {
  network::CFindRq find;
  find.message_id = message_id;
  find.sop_class = classes::kStudyRootFind;
  return find.to_command();
}

struct Retrieved {
  network::Status status = 0;
  network::SuboperationCounters counters{};
  std::map<std::string, Bytes> objects;
  std::vector<network::Status> pending;
  std::string failed_list;
  bool says_remaining = false;
};

/// Runs a C-GET, answering sub-operations with `answer`.
Retrieved get(TestPeer& peer, ByteSpan identifier, network::Status answer = status::kSuccess,
              std::size_t cancel_after = SIZE_MAX) {
  Retrieved result;
  peer.send(kGet, get_command(), identifier);
  while (auto message = peer.receive()) {
    if (message->command.command_field() ==
        static_cast<std::uint16_t>(network::CommandField::c_store_rq)) {
      const auto store = network::CStoreRq::from(message->command);
      result.objects[store->sop_instance] = std::move(message->data_set);
      if (result.objects.size() == cancel_after) {
        network::CCancelRq cancel;
        cancel.message_id = 9;
        peer.send(kGet, cancel.to_command());
      }
      network::Answer reply;
      reply.status = answer;
      peer.send(message->context_id, network::respond_to(message->command, reply));
      continue;
    }
    const auto response = network::Response::from(message->command);
    result.status = response->answer.status;
    if (response->answer.counters) result.counters = *response->answer.counters;
    if (result.status == status::kPending) {
      result.pending.push_back(result.status);
      continue;
    }
    result.failed_list = as_text(message->data_set);
    result.says_remaining =
        message->command.contains(network::command::kNumberOfRemainingSuboperations);
    return result;
  }
  throw std::runtime_error("the association ended in the middle of a C-GET");
}

Retrieved move(TestPeer& peer, std::string_view destination, ByteSpan identifier) {
  Retrieved result;
  peer.send(kMove, move_command(destination), identifier);
  while (auto message = peer.receive(40s)) {
    const auto response = network::Response::from(message->command);
    result.status = response->answer.status;
    if (response->answer.counters) result.counters = *response->answer.counters;
    if (result.status == status::kPending) {
      result.pending.push_back(result.status);
      continue;
    }
    result.failed_list = as_text(message->data_set);
    result.says_remaining =
        message->command.contains(network::command::kNumberOfRemainingSuboperations);
    return result;
  }
  throw std::runtime_error("the association ended in the middle of a C-MOVE");
}

std::vector<test::Message> find(TestPeer& peer, ByteSpan identifier) {
  std::vector<test::Message> answers;
  peer.send(kFind, find_command(), identifier);
  while (auto message = peer.receive()) {
    answers.push_back(std::move(*message));
    const auto code = status_of(answers.back());
    if (code != status::kPending && code != status::kFindPendingKeysUnsupported) return answers;
  }
  throw std::runtime_error("the association ended in the middle of a C-FIND");
}

// ---------------------------------------------------------------------------------------------

TEST(Store, WhatWasStoredComesBackBitForBit) {
  Archive archive;
  TestPeer peer = associated(archive);
  const CtObject small = ct(1);
  CtObject large = ct(2);
  large.pixel_bytes = 128 * 20'000;  // several chunks of every buffer on the way

  ASSERT_EQ(store(peer, small), status::kSuccess);
  ASSERT_EQ(store(peer, large), status::kSuccess);
  const Retrieved back = get(peer, study_key(small));

  EXPECT_EQ(back.status, status::kSuccess);
  EXPECT_EQ(back.counters.completed, 2);
  EXPECT_FALSE(back.says_remaining);
  ASSERT_EQ(back.objects.size(), 2u);
  EXPECT_TRUE(back.objects.at(small.instance) == encode(small));
  EXPECT_TRUE(back.objects.at(large.instance) == encode(large));
}

TEST(Store, TakesFragmentsOfAnySize) {
  Archive archive;
  TestPeer peer = associated(archive);
  const CtObject object = ct(1);
  const Bytes data = encode(object);

  ASSERT_TRUE(
      peer.association().send_command(kStore, store_command(object), network::DataSet::present));
  peer.flush();
  for (std::size_t at = 0, step = 2; at < data.size(); step = step * 3 % 998 + 2) {
    const std::size_t size = std::min(step & ~std::size_t{1}, data.size() - at);
    const bool last = at + size == data.size();
    ASSERT_TRUE(peer.association().send_data(
        kStore, ByteSpan(data).subspan(at, size),
        last ? network::Fragment::last : network::Fragment::more_follow));
    peer.flush();
    at += size;
  }

  EXPECT_EQ(status_of(peer.receive()), status::kSuccess);
}

TEST(Store, ABadObjectGetsItsStatusAndTheAssociationGoesOn) {
  Archive archive;
  TestPeer peer = associated(archive);
  const CtObject good = ct(1);
  CtObject other_class = ct(2);
  other_class.sop_class = std::string(kMr);
  CtObject announced = ct(2);
  const Bytes whole = encode(ct(3));

  peer.send(kStore, store_command(announced), encode(other_class));
  EXPECT_EQ(status_of(peer.receive()), 0xA900);
  peer.send(kStore, store_command(ct(4)), whole);
  EXPECT_EQ(status_of(peer.receive()), 0xA901);
  peer.send(kStore, store_command(ct(3)),
            ByteSpan(whole).first(whole.size() / 2 & ~std::size_t{1}));
  const auto cut = peer.receive();
  EXPECT_EQ(status_of(cut), 0xC000);
  const auto comment = cut->command.text(network::command::kErrorComment);
  ASSERT_TRUE(comment);
  EXPECT_LE(comment->size(), 64u);
  EXPECT_EQ(store(peer, good), status::kSuccess);

  // Nothing half is visible.
  EXPECT_EQ(get(peer, study_key(good)).counters.completed, 1);
}

TEST(Store, AClassThatIsNotThatOfTheContextIsNotSupported) {
  Archive archive;
  TestPeer peer = associated(archive);
  CtObject object = ct(1);
  object.sop_class = std::string(kMr);

  peer.send(kStore, store_command(object), encode(object));

  EXPECT_EQ(status_of(peer.receive()), status::kSopClassNotSupported);
  EXPECT_EQ(store(peer, ct(1)), status::kSuccess);
}

TEST(Store, TheSameObjectAgainIsSuccess) {
  Archive archive;
  TestPeer peer = associated(archive);

  EXPECT_EQ(store(peer, ct(1)), status::kSuccess);
  EXPECT_EQ(store(peer, ct(1)), status::kSuccess);
  peer.send(kStoreImplicit, store_command(ct(1)), encode(ct(1), syntaxes::kImplicitLittle));
  EXPECT_EQ(status_of(peer.receive()), status::kSuccess);

  EXPECT_EQ(get(peer, study_key(ct(1))).objects.size(), 1u);
}

TEST(Store, APeerThatLeavesInTheMiddleLeavesNothing) {
  Archive archive;
  {
    TestPeer peer = associated(archive);
    const Bytes data = encode(ct(1));
    ASSERT_TRUE(
        peer.association().send_command(kStore, store_command(ct(1)), network::DataSet::present));
    ASSERT_TRUE(peer.association().send_data(kStore, ByteSpan(data).first(1000),
                                             network::Fragment::more_follow));
    peer.flush();
  }
  TestPeer peer = associated(archive);
  EXPECT_EQ(get(peer, study_key(ct(1))).counters.completed, 0);
}

// ---------------------------------------------------------------------------------------------

TEST(Find, AnswersMatchesAndThenOneFinalStatus) {
  Archive archive;
  TestPeer peer = associated(archive);
  ASSERT_EQ(store(peer, ct(1)), status::kSuccess);
  CtObject other = ct(1);
  other.study += ".77";
  other.series = other.study + ".1";
  other.instance = other.series + ".1";
  ASSERT_EQ(store(peer, other), status::kSuccess);

  Bytes all;
  ElementWriter writer(dicom::model::Encoding::explicit_little, all);
  writer.text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY");
  writer.text(tags::kPatientName, vrs::kPN, "doe*");
  writer.text(tags::kStudyInstanceUid, vrs::kUI, "");
  const auto answers = find(peer, all);

  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(status_of(answers[0]), status::kPending);
  EXPECT_THAT(std::string(as_text(answers[0].data_set)), HasSubstr("Doe^Jane"));
  EXPECT_THAT(std::string(as_text(answers[0].data_set)), HasSubstr("LATENT"));
  EXPECT_EQ(status_of(answers[2]), status::kSuccess);
  EXPECT_FALSE(answers[2].command.has_data_set());
}

TEST(Find, NoMatchIsSuccessAlone) {
  Archive archive;
  TestPeer peer = associated(archive);

  const auto answers = find(peer, study_key(ct(1)));

  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(status_of(answers[0]), status::kSuccess);
}

TEST(Find, AnIdentifierThatCannotBeReadIsRefusedAndTheAssociationGoesOn) {
  Archive archive;
  TestPeer peer = associated(archive);
  const Bytes garbage(100, std::byte{0xC9});

  EXPECT_EQ(status_of(find(peer, garbage).back()), status::kFindIdentifierMismatch);
  EXPECT_EQ(status_of(find(peer, study_key(ct(1))).back()), status::kSuccess);
}

TEST(Find, AnIdentifierBeyondTheLimitIsHeardOutAndRefused) {
  auto config = listener_config();
  config.limits.identifier_bytes_max = 1000;
  Archive archive(config);
  TestPeer peer = associated(archive);
  Bytes large = study_key(ct(1));
  ElementWriter writer(dicom::model::Encoding::explicit_little, large);
  writer.text({0x4000, 0x4000}, vrs::kLT, std::string(5000, 'x'));

  EXPECT_EQ(status_of(find(peer, large).back()), status::kFindIdentifierMismatch);
  EXPECT_EQ(status_of(find(peer, study_key(ct(1))).back()), status::kSuccess);
}

TEST(Find, MoreAnswersThanAllowedEndInOutOfResources) {
  auto config = listener_config();
  config.answers_max = 3;
  Archive archive(config);
  TestPeer peer = associated(archive);
  Bytes instances;
  ElementWriter writer(dicom::model::Encoding::explicit_little, instances);
  writer.text(tags::kSopInstanceUid, vrs::kUI, "");
  writer.text(tags::kQueryRetrieveLevel, vrs::kCS, "IMAGE");
  writer.text(tags::kStudyInstanceUid, vrs::kUI, ct(1).study);
  writer.text(tags::kSeriesInstanceUid, vrs::kUI, ct(1).series);

  for (int i = 1; i <= 3; ++i) ASSERT_EQ(store(peer, ct(i)), status::kSuccess);
  auto answers = find(peer, instances);
  EXPECT_EQ(answers.size(), 4u);
  EXPECT_EQ(status_of(answers.back()), status::kSuccess);

  ASSERT_EQ(store(peer, ct(4)), status::kSuccess);
  answers = find(peer, instances);
  EXPECT_EQ(answers.size(), 4u);
  EXPECT_EQ(status_of(answers.back()), status::kFindOutOfResources);
}

TEST(Find, ACancelEndsItWithFE00OrComesTooLate) {
  Archive archive;
  TestPeer peer = associated(archive);
  ASSERT_EQ(store(peer, ct(1)), status::kSuccess);

  peer.send(kFind, find_command(9), study_key(ct(1)));
  network::CCancelRq cancel;
  cancel.message_id = 9;
  peer.send(kFind, cancel.to_command());

  std::optional<test::Message> message;
  do {
    message = peer.receive();
  } while (message && status_of(message) == status::kPending);
  EXPECT_TRUE(status_of(message) == status::kCancel || status_of(message) == status::kSuccess);
  // A late one is ignored, and the association stays usable.
  peer.send(kFind, cancel.to_command());
  EXPECT_EQ(status_of(find(peer, study_key(ct(1))).back()), status::kSuccess);
}

// ---------------------------------------------------------------------------------------------

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
