// C-STORE and C-FIND, by real sockets against a real archive.
#include "tests/server/dimse/service_calls.h"

#include <gtest/gtest.h>

namespace latent::server::dimse {
namespace {

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

}  // namespace
}  // namespace latent::server::dimse
