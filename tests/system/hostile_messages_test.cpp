// DIMSE messages that break PS3.7: in the middle of things, without what they need, with what they
// must not have; and senders that never read. A clear status or an A-ABORT, and nothing half
// stored.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/support/siege.h"
#include "tests/system/hostile_session.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;
namespace command = network::command;
using network::CommandSet;

constexpr std::uint8_t kData = 4, kReleaseRequest = 5, kAbort = 7;
const std::string kStudy = "2.25.7001", kSeries = "2.25.7002";

Siege& siege() {
  static Siege* const kept = new Siege("messages");
  return *kept;
}

DicomObject object(const std::string& instance) {
  return make_object(kStudy, kSeries, instance, {});
}

class HostileMessages : public testing::Test {
 protected:
  static void SetUpTestSuite() { siege(); }
  static void TearDownTestSuite() {
    // Whatever was refused or broken off is nowhere, and what is kept is whole.
    expect_verified(siege().archive());
    delete &siege();
  }

  static std::string instances_found(const std::string& instance) {
    const auto found = DicomPeer(siege().port())
                           .find(Root::study, {{tags::kQueryRetrieveLevel, "IMAGE"},
                                               {tags::kStudyInstanceUid, kStudy},
                                               {tags::kSeriesInstanceUid, kSeries},
                                               {tags::kSopInstanceUid, instance}});
    return std::to_string(found.matches.size());
  }

  /// Bytes within an association; the answer, and then that of a C-ECHO when the first was no end.
  static void expect(const std::string& input, ByteSpan bytes, const std::string& verdict) {
    const std::string came = siege().attack(input, [&] {
      RawPeer peer = associated(siege().port());
      peer.write(bytes);
      const Reply reply = peer.reply();
      if (reply.kind == Reply::Kind::message) {
        peer.write(message(kEchoContext, echo_request(99)));
        EXPECT_EQ(peer.reply().text(), "0000H") << "the association is spoiled after " << input;
      }
      return reply.text();
    });
    EXPECT_TRUE(came.starts_with(verdict)) << input << ": " << came << ", not " << verdict;
    EXPECT_TRUE(!came.ends_with('H') || came == "0000H")
        << input << " is refused without a comment";
  }
};

TEST_F(HostileMessages, ReleaseAbortAndResetInTheMiddleStoreNothing) {
  const DicomObject half = object("2.25.7100");
  const Bytes whole = message(kStoreContext, store_request(half), half.data_set);
  const Bytes begun =
      pdu(kData, joined({pdv(kStoreContext, Pdv::last_command,
                             encoded(store_request(half), network::DataSet::present)),
                         pdv(kStoreContext, Pdv::data, ByteSpan(half.data_set).first(300))}));
  expect("A-RELEASE-RQ in the middle of a C-STORE", joined({begun, pdu(kReleaseRequest, Bytes(4))}),
         "A-RELEASE-RP");
  expect("A-ABORT in the middle of a C-STORE", joined({begun, pdu(kAbort, Bytes(4))}), "closed");
  EXPECT_EQ(siege().attack("reset at every 50th byte of a C-STORE",
                           [&] {
                             for (std::size_t cut = 0; cut < whole.size(); cut += 50) {
                               RawPeer peer = associated(siege().port());
                               peer.write(ByteSpan(whole).first(cut));
                               peer.reset();
                             }
                             return std::string("closed");
                           }),
            "closed");
  EXPECT_EQ(instances_found(half.sop_instance), "0");
  expect("data and commands after A-RELEASE-RQ",
         joined({pdu(kReleaseRequest, Bytes(4)), whole, whole}), "A-RELEASE-RP");
  EXPECT_EQ(instances_found(half.sop_instance), "0");
  expect("the same C-STORE whole", whole, "0000H");
  EXPECT_EQ(instances_found(half.sop_instance), "1");
}

TEST_F(HostileMessages, DataSetsWhereNoneMayBeAndNoneWhereOneMustBe) {
  const DicomObject one = object("2.25.7101");
  EXPECT_EQ(siege().attack("data set behind a C-ECHO that says there is none",
                           [] {
                             RawPeer peer = associated(siege().port());
                             peer.write(message(kEchoContext, echo_request()));
                             peer.write(pdu(kData, pdv(kEchoContext, Pdv::last_data, Bytes(8))));
                             const std::string first = peer.reply().text();
                             return first + ", " + peer.reply().text();
                           }),
            "0000H, A-ABORT 2/5");
  expect("C-ECHO that says a data set follows",
         message(kEchoContext, echo_request(), ByteSpan(one.data_set)), "0212H");
  expect("C-STORE that says no data set follows", message(kStoreContext, store_request(one)),
         "0212H");
  expect("C-STORE with a data set of no bytes",
         message(kStoreContext, store_request(one), ByteSpan()), "C000H");
  expect("a command before the data set has ended",
         joined({pdu(kData, pdv(kStoreContext, Pdv::last_command,
                                encoded(store_request(one), network::DataSet::present))),
                 message(kEchoContext, echo_request())}),
         "A-ABORT 2/5");
  EXPECT_EQ(instances_found(one.sop_instance), "0");
}

TEST_F(HostileMessages, OperationsThatAreNotThere) {
  for (const std::uint16_t field : {0x0000, 0x0ABC, 0x7FFF, 0x0002}) {
    CommandSet unknown = echo_request();
    unknown.set_u16(command::kCommandField, static_cast<std::uint16_t>(field));
    expect("command field " + std::to_string(field), message(kEchoContext, unknown), "0211H");
  }
  CommandSet set = echo_request();
  set.set_u16(command::kCommandField, 0x0120);
  set.set_uid(command::kRequestedSopClassUid, kVerificationClass);
  set.set_uid(command::kRequestedSopInstanceUid, "1.2.3");
  expect("N-SET", message(kEchoContext, set, "\0\0"_b), "0211H");
  const CommandSet answer = network::respond_to(echo_request(), network::Answer{});
  const Bytes echo = message(kEchoContext, echo_request(5));
  expect("a response to nothing, then a C-ECHO", joined({message(kEchoContext, answer), echo}),
         "0000H");
  expect("a response with a data set, then a C-ECHO",
         joined({message(kEchoContext, answer, Bytes(100)), echo}), "0000H");
  expect("C-CANCEL for nothing, then a C-ECHO",
         joined({message(kFindContext, network::CCancelRq{77}.to_command()), echo}), "0000H");
  expect("C-ECHO on a context of another class", message(kStoreContext, echo_request()), "0122H");
  DicomObject other = object("2.25.7102");
  other.sop_class = "1.2.840.10008.5.1.4.1.1.2";
  expect("C-STORE of another class than its context",
         message(kStoreContext, store_request(other), ByteSpan(other.data_set)), "0122H");
}

TEST_F(HostileMessages, CommandsWithMissingDoubledOrMisshapenElements) {
  const DicomObject one = object("2.25.7103");
  for (const std::uint16_t element :
       {command::kAffectedSopClassUid, command::kAffectedSopInstanceUid, command::kMessageId}) {
    CommandSet missing = store_request(one);
    missing.erase(element);
    const std::string name = dicom::model::to_string({0, element});
    expect("C-STORE without " + name, message(kStoreContext, missing, ByteSpan(one.data_set)),
           "0212H");
    CommandSet empty = store_request(one);
    empty.set_bytes(element, {});
    expect("C-STORE with an empty " + name, message(kStoreContext, empty, ByteSpan(one.data_set)),
           element == command::kAffectedSopInstanceUid ? "0117H" : "0212H");
  }
  CommandSet wide = store_request(one);
  wide.set_u32(command::kMessageId, 1);
  expect("a message id of 4 bytes", message(kStoreContext, wide, ByteSpan(one.data_set)), "0212H");
  for (const std::string_view uid :
       {std::string_view(".."), std::string_view("../../x"), std::string_view("1.2.3\0.4", 8),
        std::string_view("1.2.letters"), std::string_view("1..2"), std::string_view("%2e%2e")}) {
    CommandSet wrong = store_request(one);
    wrong.set_uid(command::kAffectedSopInstanceUid, uid);
    expect("C-STORE whose command names the instance " + std::string(uid.substr(0, 5)) + "…",
           message(kStoreContext, wrong, ByteSpan(one.data_set)), "0117H");
  }
  CommandSet long_uid = store_request(one);
  long_uid.set_uid(command::kAffectedSopInstanceUid, std::string(65, '1'));
  expect("C-STORE whose command names an instance of 65 characters",
         message(kStoreContext, long_uid, ByteSpan(one.data_set)), "0117H");
  const Bytes echo = encoded(echo_request(), network::DataSet::absent);
  const auto raw = [](ByteSpan set) {
    return pdu(kData, pdv(kEchoContext, Pdv::last_command, set));
  };
  expect("an element twice", raw(joined({echo, "\0\0\x10\x01\x02\0\0\0\x07\0"_b})), "A-ABORT 2/6");
  expect("an element of group 0008 in a command",
         raw(joined({echo, "\x08\0\x18\0\x02\0\0\0\x31\0"_b})), "A-ABORT 2/6");
  expect("an element that claims 2^32-1 bytes",
         raw(joined({echo, "\0\0\x10\x09\xff\xff\xff\xff"_b})), "A-ABORT 2/6");
  expect("an empty command", raw({}), "0211H");
  expect("a command of 3 bytes", raw("\0\0\0"_b), "A-ABORT 2/6");
  CommandSet stuffed = echo_request();
  for (std::uint16_t element = 0x2000; element < 0x2FFF; ++element) stuffed.set_u16(element, 1);
  expect("a command of 4,000 unknown elements", message(kEchoContext, stuffed), "0000H");
  EXPECT_EQ(instances_found(one.sop_instance), "0");
}

TEST_F(HostileMessages, MoveDestinationsThatAreNoTitles) {
  const Bytes identifier =
      encode_identifier({{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, kStudy}});
  for (const std::string& destination :
       {std::string("NOBODY"), std::string("../../../etc/x"), std::string("A\\B"),
        std::string("127.0.0.1:22"), std::string("$(reboot)"), std::string(60'000, 'X')}) {
    const network::CMoveRq move{
        .message_id = 1, .sop_class = std::string(kStudyMove), .destination = destination};
    CommandSet request = move.to_command();
    request.set_text(command::kMoveDestination, destination);
    expect("C-MOVE to " + destination.substr(0, 20),
           message(kMoveContext, request, ByteSpan(identifier)), "A801H");
  }
}

TEST_F(HostileMessages, MessageIdsMayRepeatAndRequestsMayComeAhead) {
  const std::string came = siege().attack("50 C-STORE of one message id, sent ahead", [] {
    RawPeer peer = associated(siege().port());
    Bytes all;
    for (int i = 0; i < 50; ++i) {
      const DicomObject one = object("2.25.7200." + std::to_string(i));
      append(all, message(kStoreContext, store_request(one, 7), ByteSpan(one.data_set)));
    }
    peer.write(all);
    std::string worst = "0000H";
    for (int i = 0; i < 50; ++i)
      if (const std::string text = peer.reply().text(); text != "0000H") worst = text;
    return worst;
  });
  EXPECT_EQ(came, "0000H");
  EXPECT_EQ(instances_found("2.25.7200.0\\2.25.7200.49"), "2");
}

/// Requests without end and never a look at the answers: what is not taken is bounded, and so the
/// sender is held up by TCP.
TEST_F(HostileMessages, SendersThatNeverReadAreHeldUp) {
  const auto deaf = [](ByteSpan request, std::size_t bytes_max) {
    RawPeer peer = associated(siege().port());
    Bytes many;
    while (many.size() < (256u << 10)) append(many, request);
    std::size_t sent = 0;
    while (sent < bytes_max) {
      const ByteSpan rest = ByteSpan(many).subspan(sent % many.size());
      const ssize_t count =
          ::send(peer.fd(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) sent += static_cast<std::size_t>(count);
      pollfd writable{peer.fd(), POLLOUT, 0};
      if (count <= 0 && ::poll(&writable, 1, 2'000) == 0) break;
    }
    peer.reset();
    return sent < bytes_max ? std::string("held up by TCP") : std::string("taken without end");
  };
  EXPECT_EQ(siege().attack("C-ECHO without end by a sender that never reads",
                           [&] { return deaf(message(kEchoContext, echo_request()), 256u << 20); }),
            "held up by TCP");
}

TEST_F(HostileMessages, AnySplitIntoFragmentsPdusAndWritesIsTheSameMessage) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const int rounds = everything_is_wanted() ? 2'000 : 100;
  std::vector<DicomObject> sent;
  const std::string came = siege().attack(
      std::to_string(rounds) + " random splits of a C-STORE and a C-ECHO, seed " +
          std::to_string(seed),
      [&] {
        for (int i = 0; i < rounds; ++i) {
          RawPeer peer = associated(siege().port());
          sent.push_back(object("2.25.7300." + std::to_string(i)));
          Bytes all = randomly_cut(kStoreContext,
                                   encoded(store_request(sent.back()), network::DataSet::present),
                                   sent.back().data_set, random);
          append(all, randomly_cut(kEchoContext, encoded(echo_request(2), network::DataSet::absent),
                                   {}, random));
          for (ByteSpan rest = all; !rest.empty();) {
            const std::size_t bytes =
                std::min<std::size_t>(rest.size(), 1 + random() % (i % 4 == 0 ? 7 : 3'000));
            peer.write(rest.first(bytes));
            rest = rest.subspan(bytes);
          }
          for (int answers = 0; answers < 2; ++answers)
            if (const std::string text = peer.reply().text(); text != "0000H") return text;
        }
        return std::string("0000H");
      });
  EXPECT_EQ(came, "0000H");
  const auto got =
      DicomPeer(siege().port())
          .get(Root::study,
               {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, kStudy}}, sent);
  for (const DicomObject& one : sent) {
    const auto found = got.delivered.find(one.sop_instance);
    ASSERT_NE(found, got.delivered.end()) << one.sop_instance;
    EXPECT_TRUE(found->second.data_set == one.data_set) << one.sop_instance << " came back changed";
  }
}

}  // namespace
}  // namespace latent::test
