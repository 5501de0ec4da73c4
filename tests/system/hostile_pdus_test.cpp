// PDUs that no DICOM software sends: lengths, types and items that lie, before and within an
// association. Each is answered by an A-ABORT or A-ASSOCIATE-RJ of PS3.8 and costs nobody anything.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/raw_peer.h"
#include "tests/support/siege.h"

namespace latent::test {
namespace {

constexpr std::string_view kVerification = "1.2.840.10008.1.1";
constexpr std::string_view kSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7";
constexpr std::uint8_t kRequest = 1, kAccept = 2, kReject = 3, kData = 4, kReleaseRequest = 5,
                       kReleaseReply = 6, kAbort = 7;

Siege& siege() {
  static Siege* const kept = new Siege("pdus");
  return *kept;
}

class HostilePdus : public testing::Test {
 protected:
  static void SetUpTestSuite() { siege(); }
  static void TearDownTestSuite() { delete &siege(); }

  /// As the first bytes of a connection.
  static void first(const std::string& input, ByteSpan bytes, const std::string& verdict) {
    const std::string came = siege().attack(input, [&] {
      RawPeer peer(siege().port());
      peer.write(bytes);
      const Reply reply = peer.reply();
      if (reply.kind == Reply::Kind::aborted || reply.kind == Reply::Kind::rejected) {
        // Whoever was sent away may say what it likes.
        peer.write(Bytes(100'000, std::byte{0x41}));
      }
      return reply.text();
    });
    EXPECT_EQ(came, verdict) << input;
  }
  /// Within an association that has contexts 1 (Verification) and 3 (Secondary Capture).
  static void within(const std::string& input, ByteSpan bytes, const std::string& verdict) {
    const std::string came = siege().attack(input, [&] {
      RawPeer peer(siege().port());
      peer.write(associate_request(
          {.contexts = {context_item(1, kVerification), context_item(3, kSecondaryCapture)}}));
      const Reply accepted = peer.reply();
      if (accepted.kind != Reply::Kind::accepted) return "not associated: " + accepted.text();
      peer.write(bytes);
      return peer.reply().text();
    });
    EXPECT_EQ(came, verdict) << input;
  }
};

RequestBytes usual() { return {.contexts = {context_item(1, kVerification)}}; }

TEST_F(HostilePdus, TheControlIsAccepted) {
  first("control: a well-formed request", associate_request(usual()), "A-ASSOCIATE-AC");
}

TEST_F(HostilePdus, LengthsThatClaimTooMuchAreRefusedBeforeAnythingIsAllocated) {
  const Bytes body = request_body(usual());
  for (const std::uint32_t claimed : {0x8000'0000u, 0xFFFF'FFFFu, 0x7FFF'FFFFu, 65'537u})
    first("A-ASSOCIATE-RQ that claims " + std::to_string(claimed) + " bytes",
          pdu(kRequest, body, claimed), "A-ABORT 2/6");
  first("A-ASSOCIATE-RQ of length 0", pdu(kRequest, {}), "A-ABORT 2/6");
  for (const std::uint32_t claimed : {0x8000'0000u, 0xFFFF'FFFFu, 131'073u, 5u, 0u})
    within("P-DATA-TF that claims " + std::to_string(claimed) + " bytes",
           pdu(kData, Bytes(64), claimed), "A-ABORT 2/6");
  for (const std::uint8_t type : {kReleaseRequest, kAbort})
    within("PDU type " + std::to_string(type) + " that claims 2^31 bytes",
           pdu(type, Bytes(4), 0x8000'0000u), "A-ABORT 2/6");
}

TEST_F(HostilePdus, TypesThatNobodyKnowsAndTypesOutOfPlace) {
  first("PDU type 0", pdu(0, Bytes(4)), "A-ABORT 2/1");
  first("PDU type 8", pdu(8, Bytes(4)), "A-ABORT 2/1");
  first("PDU type 255 of 2^32-1 bytes", pdu(255, Bytes(4), 0xFFFF'FFFFu), "A-ABORT 2/1");
  first("an HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"_b, "A-ABORT 2/1");
  first("a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"_b, "A-ABORT 2/1");
  first("A-ASSOCIATE-AC first", pdu(kAccept, request_body(usual())), "A-ABORT 2/2");
  first("A-ASSOCIATE-RJ first", pdu(kReject, Bytes(4)), "A-ABORT 2/2");
  first("P-DATA-TF first", pdu(kData, pdv(1, Pdv::last_command, {})), "A-ABORT 2/2");
  first("A-RELEASE-RQ first", pdu(kReleaseRequest, Bytes(4)), "A-ABORT 2/2");
  first("A-RELEASE-RP first", pdu(kReleaseReply, Bytes(4)), "A-ABORT 2/2");
  first("A-ABORT first", pdu(kAbort, Bytes(4)), "closed");
  within("PDU type 9 in an association", pdu(9, Bytes(4)), "A-ABORT 2/1");
  within("a second A-ASSOCIATE-RQ", associate_request(usual()), "A-ABORT 2/2");
  within("A-ASSOCIATE-AC in an association", pdu(kAccept, request_body(usual())), "A-ABORT 2/2");
  within("A-RELEASE-RP that nobody asked for", pdu(kReleaseReply, Bytes(4)), "A-ABORT 2/2");
}

TEST_F(HostilePdus, RequestsWhoseFixedPartIsNone) {
  RequestBytes request = usual();
  request.version = 2;
  first("protocol version 2", associate_request(request), "A-ASSOCIATE-RJ 1/2/2");
  request = usual();
  request.version = 0;
  first("protocol version 0", associate_request(request), "A-ASSOCIATE-RJ 1/2/2");
  request = usual();
  request.has_application_context = false;
  first("no application context", associate_request(request), "A-ASSOCIATE-RJ 1/1/2");
  request = usual();
  request.called = "";
  first("empty called AE title", associate_request(request), "A-ASSOCIATE-RJ 1/1/7");
  request = usual();
  request.calling = "";
  first("empty calling AE title", associate_request(request), "A-ASSOCIATE-RJ 1/1/3");
  request.calling = "A\\B";
  first("calling AE title with a backslash", associate_request(request), "A-ASSOCIATE-RJ 1/1/3");
  request.calling = std::string("A\0B", 3);
  first("calling AE title with a NUL inside", associate_request(request), "A-ASSOCIATE-RJ 1/1/3");
  request.calling = "\x1b[31m\r\nX";
  first("calling AE title of control characters", associate_request(request),
        "A-ASSOCIATE-RJ 1/1/3");
  request = usual();
  request.called = "../../etc/passwd";
  first("called AE title of another", associate_request(request), "A-ASSOCIATE-RJ 1/1/7");
  const Bytes body = request_body(usual());
  for (const std::size_t cut : {1u, 4u, 20u, 67u, 70u, 90u})
    first("A-ASSOCIATE-RQ of " + std::to_string(cut) + " bytes",
          pdu(kRequest, ByteSpan(body).first(cut)), "A-ABORT 2/6");
}

TEST_F(HostilePdus, ItemsThatReachBeyondTheirParent) {
  const auto with = [](Bytes more) {
    RequestBytes request = usual();
    request.more_items = {std::move(more)};
    return associate_request(request);
  };
  first("item that claims 65,535 bytes", with(item(0x20, Bytes(8), 0xFFFF)), "A-ABORT 2/6");
  first("context whose abstract syntax claims 65,535 bytes",
        with(item(0x20, joined({"\x05\0\0\0"_b, item(0x30, "1.2"_b, 0xFFFF)}))), "A-ABORT 2/6");
  first("context of 2 bytes", with(item(0x20, Bytes(2))), "A-ABORT 2/6");
  first("half an item header", with(Bytes(3)), "A-ABORT 2/6");
  const auto user = [](Bytes one) {
    RequestBytes request = usual();
    request.user_items = {std::move(one)};
    return associate_request(request);
  };
  first("maximum length of 3 bytes", user(item(0x51, Bytes(3))), "A-ABORT 2/6");
  first("maximum length 1", user(item(0x51, be32(1))), "A-ABORT 2/6");
  first("maximum length 2^32-1", user(item(0x51, be32(0xFFFF'FFFF))), "A-ASSOCIATE-AC");
  first("asynchronous window of 1 byte", user(item(0x53, Bytes(1))), "A-ABORT 2/6");
  first("role selection whose UID claims 65,535 bytes",
        user(item(0x54, joined({be16(0xFFFF), "1.2"_b}))), "A-ABORT 2/6");
  first("extended negotiation whose UID claims 65,535 bytes",
        user(item(0x56, joined({be16(0xFFFF), "1.2"_b}))), "A-ABORT 2/6");
  first("user identity whose field claims 65,535 bytes",
        user(item(0x58, joined({"\x01\0"_b, be16(0xFFFF), "x"_b}))), "A-ABORT 2/6");
  first("user identity with a passcode, unencrypted",
        user(item(0x58, joined({"\x02\x01"_b, be16(4), "user"_b, be16(6), "secret"_b}))),
        "A-ASSOCIATE-RJ 1/1/1");
  first("user items of unknown types", user(joined({item(0x7F, Bytes(9)), item(0xFF, {})})),
        "A-ASSOCIATE-AC");
}

TEST_F(HostilePdus, ContextsThatAreTooManyEvenTwiceOrEmpty) {
  RequestBytes request = usual();
  request.contexts = {context_item(2, kVerification)};
  first("even context id", associate_request(request), "A-ABORT 2/6");
  request.contexts = {context_item(1, kVerification), context_item(1, kVerification)};
  first("context id twice", associate_request(request), "A-ABORT 2/6");
  request.contexts.clear();
  for (int i = 0; i < 1000; ++i)
    request.contexts.push_back(context_item(static_cast<std::uint8_t>(2 * i + 1), kVerification));
  first("1,000 contexts", associate_request(request), "A-ABORT 2/6");
  request.contexts.clear();
  for (int i = 0; i < 5'000; ++i) request.contexts.push_back(item(0x7E, Bytes(8)));
  first("5,000 items of an unknown type and no context", associate_request(request),
        "A-ASSOCIATE-AC");
  request.contexts = {
      context_item(1, kVerification, std::vector<std::string>(3'000, "1.2.840.10008.1.2"))};
  first("a context of 3,000 transfer syntaxes", associate_request(request), "A-ASSOCIATE-AC");
  request.contexts = {context_item(1, "")};
  first("a context without abstract syntax", associate_request(request), "A-ASSOCIATE-AC");
  request.contexts = {context_item(1, std::string(65, '1'), {"x", "..", std::string(200, '9')})};
  first("a context of UIDs that are none", associate_request(request), "A-ASSOCIATE-AC");
}

TEST_F(HostilePdus, PdvsThatLie) {
  within("PDV on a context that was not offered", pdu(kData, pdv(99, Pdv::last_command, Bytes(8))),
         "A-ABORT 2/6");
  within("PDV on context 0", pdu(kData, pdv(0, Pdv::last_command, Bytes(8))), "A-ABORT 2/6");
  for (const std::uint32_t claimed : {0xFFFF'FFFFu, 0x8000'0000u, 11u, 1u, 0u})
    within("PDV that claims " + std::to_string(claimed) + " bytes",
           pdu(kData, pdv(1, Pdv::last_command, Bytes(8), claimed)), "A-ABORT 2/6");
  within("3 bytes behind the last PDV",
         pdu(kData, joined({pdv(1, Pdv::command, Bytes(2)), Bytes(3)})), "A-ABORT 2/6");
  within("data without a command", pdu(kData, pdv(3, Pdv::last_data, Bytes(8))), "A-ABORT 2/5");
  within("a command whose fragments stand on two contexts",
         joined({pdu(kData, pdv(1, Pdv::command, Bytes(2))),
                 pdu(kData, pdv(3, Pdv::last_command, Bytes(2)))}),
         "A-ABORT 2/5");
}

TEST_F(HostilePdus, ACommandWithoutEndIsCutOffAtItsLimit) {
  const std::string came = siege().attack("a command without end", [] {
    RawPeer peer(siege().port());
    peer.write(associate_request(usual()));
    if (peer.reply().kind != Reply::Kind::accepted) return std::string("not associated");
    const Bytes fragment = pdu(kData, pdv(1, Pdv::command, Bytes(1'000)));
    for (int i = 0; i < 100'000; ++i)
      if (!peer.write(fragment)) break;
    return peer.reply().text();
  });
  EXPECT_TRUE(came == "A-ABORT 2/6" || came == "closed") << came;
  const std::string empty = siege().attack("a command of 1,000,000 empty fragments", [] {
    RawPeer peer(siege().port());
    peer.write(associate_request(usual()));
    if (peer.reply().kind != Reply::Kind::accepted) return std::string("not associated");
    Bytes fragments;
    for (int i = 0; i < 1'000; ++i) append(fragments, pdu(kData, pdv(1, Pdv::command, {})));
    for (int i = 0; i < 1'000; ++i)
      if (!peer.write(fragments)) break;
    peer.write(pdu(kReleaseRequest, Bytes(4)));
    return peer.reply().text();
  });
  EXPECT_EQ(empty, "A-RELEASE-RP");
}

}  // namespace
}  // namespace latent::test
