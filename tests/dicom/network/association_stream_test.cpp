// Properties of whole conversations: any split of the bytes gives the same events, and what one
// side sends the other receives, within the peer's limits.
#include <gtest/gtest.h>

#include <random>

#include "tests/dicom/network/wire.h"

namespace latent::dicom::network::test {
namespace {

/// The seed is printed with each failure, so that it can be run again.
class Seeded {
 public:
  explicit Seeded(unsigned seed) : random_(seed) {}
  std::size_t within(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
  }
  Bytes bytes(std::size_t count) {
    Bytes out(count);
    for (std::byte& byte : out) byte = static_cast<std::byte>(random_() & 0xFF);
    return out;
  }

 private:
  std::mt19937 random_;
};

/// What a conversation said, as text that can be compared.
struct Transcript {
  std::vector<std::string> lines;
  Bytes data;

  void note(const Event& event) {
    if (const auto* command = std::get_if<CommandReceived>(&event)) {
      lines.push_back("command " + std::to_string(command->context_id) + " " +
                      to_hex(command->command.encode()));
    } else if (const auto* piece = std::get_if<DataReceived>(&event)) {
      append(data, piece->bytes);
      if (piece->last) lines.push_back("data up to " + std::to_string(data.size()));
    } else {
      lines.push_back("event " + std::to_string(event.index()));
    }
  }
};

/// An acceptor that answers by the standard policy.
Transcript converse(ByteSpan bytes, const std::function<std::size_t(std::size_t left)>& piece) {
  Association association = Association::acceptor();
  Transcript transcript;
  while (!bytes.empty()) {
    // A copy of its own size, so that AddressSanitizer sees a view that outlives its piece.
    const ByteSpan part = bytes.first(piece(bytes.size()));
    const Bytes copy(part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    ByteSpan input = copy;
    while (auto event = association.next(input)) {
      transcript.note(*event);
      if (std::holds_alternative<AssociateRequested>(*event))
        must(association.accept(std::get<AssociateAccept>(negotiate(association.request(), {}))));
      if (std::holds_alternative<ReleaseRequested>(*event)) must(association.answer_release());
    }
  }
  return transcript;
}

/// Request, echo in five unequal fragments, a store whose data set is cut at random, release.
Bytes conversation(Seeded& random) {
  Bytes bytes;
  must(append_pdu(bytes, usual_request()));
  const Bytes echo = encoded_echo();
  Bytes pdvs;
  std::size_t at = 0;
  for (const std::size_t size : {4, 26, 4, 26, 8}) {
    append(pdvs, raw_pdv(1, at + size == echo.size() ? 3 : 1, ByteSpan(echo).subspan(at, size)));
    at += size;
  }
  append(bytes, raw_pdu(4, pdvs));
  CommandSet store = CStoreRq{2, std::string(kCtStorage), "1.2.3", {}, {}, {}}.to_command();
  store.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  Bytes body = raw_pdv(3, 3, store.encode());
  for (int left = 20; left > 0; --left) {
    append(body, raw_pdv(3, left == 1 ? 2 : 0, random.bytes(random.within(0, 30))));
    if (left % 3 == 1) {
      append(bytes, raw_pdu(4, body));
      body.clear();
    }
  }
  append_release_request(bytes);
  return bytes;
}

TEST(AssociationStream, EverySplitPositionGivesTheSameEvents) {
  Seeded random(1);
  const Bytes bytes = conversation(random);
  const Transcript whole = converse(bytes, [](std::size_t left) { return left; });
  ASSERT_EQ(whole.lines.size(), 5u);

  for (std::size_t split = 1; split < bytes.size(); ++split) {
    const Transcript cut =
        converse(bytes, [&](std::size_t left) { return left == bytes.size() ? split : left; });
    ASSERT_EQ(cut.lines, whole.lines) << "split at " << split;
    ASSERT_EQ(cut.data, whole.data) << "split at " << split;
  }
  const Transcript bytewise = converse(bytes, [](std::size_t) { return std::size_t{1}; });
  EXPECT_EQ(bytewise.lines, whole.lines);
  EXPECT_EQ(bytewise.data, whole.data);
}

TEST(AssociationStream, RandomSplitsGiveTheSameEvents) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    Seeded random(seed);
    const Bytes bytes = conversation(random);
    const Transcript whole = converse(bytes, [](std::size_t left) { return left; });
    const Transcript cut =
        converse(bytes, [&](std::size_t left) { return std::min(left, random.within(1, 64)); });
    ASSERT_EQ(cut.lines, whole.lines) << "seed " << seed;
    ASSERT_EQ(cut.data, whole.data) << "seed " << seed;
  }
}

/// Checks each PDU of `bytes`: length within `most`, one PDV, even fragments unless the last.
void expect_orderly_pdus(ByteSpan bytes, std::size_t most) {
  while (!bytes.empty()) {
    ASSERT_GE(bytes.size(), 12u);
    ASSERT_EQ(bytes[0], std::byte{4});
    const std::size_t length = load_be<std::uint32_t>(bytes, 2);
    ASSERT_LE(length, most);
    ASSERT_EQ(load_be<std::uint32_t>(bytes, 6), length - 4);
    const bool is_last = (bytes[11] & std::byte{2}) != std::byte{0};
    EXPECT_TRUE(is_last || length % 2 == 0);
    bytes = bytes.subspan(6 + length);
  }
}

struct Pair {
  Association requestor;
  Association acceptor;
};
Pair established(std::uint32_t acceptor_pdu_bytes_max, std::uint32_t requestor_pdu_bytes_max) {
  AssociateRequest request = usual_request();
  request.user.pdu_bytes_max = requestor_pdu_bytes_max;
  Pair pair{Association::requestor(request).value(), Association::acceptor()};
  feed(pair.acceptor, pair.requestor.take_output());
  Policy policy;
  policy.pdu_bytes_max = acceptor_pdu_bytes_max;
  must(pair.acceptor.accept(std::get<AssociateAccept>(negotiate(pair.acceptor.request(), policy))));
  feed(pair.requestor, pair.acceptor.take_output());
  return pair;
}

TEST(AssociationStream, WhatOneSideSendsTheOtherReceivesWithinItsLimit) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Seeded random(seed);
    const std::uint32_t limits[] = {8, 9, 64, 4096, 16384, 0};
    const std::uint32_t limit = limits[random.within(0, 5)];
    Pair pair = established(limit, 16384);
    const Bytes data = random.bytes(random.within(0, limit == 8 || limit == 9 ? 300 : 200'000));
    const CStoreRq store{3, std::string(kCtStorage), "1.2.3", {}, {}, {}};

    ASSERT_TRUE(pair.requestor.send_command(3, store.to_command(), DataSet::present));
    ByteSpan left = data;
    while (true) {
      const ByteSpan piece = left.first(std::min(left.size(), random.within(0, 70'000)));
      left = left.subspan(piece.size());
      const Fragment fragment = left.empty() ? Fragment::last : Fragment::more_follow;
      ASSERT_TRUE(pair.requestor.send_data(3, piece, fragment));
      if (left.empty()) break;
    }
    const Bytes sent = pair.requestor.take_output();
    expect_orderly_pdus(sent, limit == 0 ? 128u << 10 : limit);
    const Heard heard = feed(pair.acceptor, sent, random.within(1, 5000));

    const auto* received = only_event<CommandReceived>(heard);
    ASSERT_NE(received, nullptr);
    EXPECT_EQ(CStoreRq::from(received->command)->sop_instance, "1.2.3");
    EXPECT_EQ(heard.data, data);
    EXPECT_EQ(heard.last_marks, 1);
    ASSERT_TRUE(
        pair.acceptor.send_command(3, respond_to(received->command, Answer{}), DataSet::absent));
    const Heard answer = feed(pair.requestor, pair.acceptor.take_output());
    ASSERT_NE(only_event<CommandReceived>(answer), nullptr);
    EXPECT_EQ(Response::from(only_event<CommandReceived>(answer)->command)->message_id, 3);
  }
}

TEST(AssociationStream, FramesWithoutACopyCarryTheSameData) {
  for (const std::size_t size : {0u, 1u, 2u, 1017u, 1018u, 1019u, 5000u}) {
    Seeded random(static_cast<unsigned>(size));
    Pair pair = established(1024, 1024);
    const Bytes data = random.bytes(size);
    ASSERT_TRUE(pair.requestor.send_command(3, CStoreRq{}.to_command(), DataSet::present));
    Bytes wire = pair.requestor.take_output();
    ByteSpan left = data;
    do {
      const auto frame = pair.requestor.frame_data(3, left.size(), Fragment::last);
      ASSERT_TRUE(frame) << frame.error().text;
      append(wire, frame->header);
      append(wire, left.first(frame->data_bytes));
      left = left.subspan(frame->data_bytes);
    } while (!left.empty());
    expect_orderly_pdus(wire, 1024);
    const Heard heard = feed(pair.acceptor, wire);
    EXPECT_EQ(heard.data, data);
    EXPECT_EQ(heard.last_marks, 1);
    EXPECT_FALSE(pair.requestor.frame_data(3, 2, Fragment::last));  // The data set is complete.
  }
}

TEST(AssociationStream, FramesOfAPieceWithMoreToFollowAreEvenAndNeverLast) {
  Pair pair = established(1024, 1024);
  ASSERT_TRUE(pair.requestor.send_command(3, CStoreRq{}.to_command(), DataSet::present));
  EXPECT_FALSE(pair.requestor.frame_data(3, 3, Fragment::more_follow));
  EXPECT_FALSE(pair.requestor.frame_data(3, 0, Fragment::more_follow));
  const auto frame = pair.requestor.frame_data(3, 4, Fragment::more_follow);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->data_bytes, 4u);
  EXPECT_EQ(frame->header[11], std::byte{0});
}

TEST(AssociationStream, CommandAndFirstDataLeaveInOneBufferButInPdusOfTheirOwn) {
  Pair pair = established(16384, 16384);
  ASSERT_TRUE(pair.requestor.send_command(3, CStoreRq{}.to_command(), DataSet::present));
  ASSERT_TRUE(pair.requestor.send_data(3, bytes_of({1, 2}), Fragment::last));
  const Bytes out = pair.requestor.take_output();
  const std::size_t first = load_be<std::uint32_t>(out, 2) + 6;
  EXPECT_EQ(out[11], std::byte{3});
  EXPECT_EQ(ByteSpan(out).subspan(first).size(), 14u);
  EXPECT_EQ(out[first + 11], std::byte{2});
}

}  // namespace
}  // namespace latent::dicom::network::test
