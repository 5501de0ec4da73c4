// Crowds: silent sockets, senders of a byte a second, peers that come and go, one that takes all it
// can get. A known peer is served meanwhile; memory is a few kilobytes a socket and flat over
// thousands of associations; a limit is said in the protocol's own words.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/siege.h"
#include "tests/system/hostile_session.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

constexpr std::uint8_t kAbort = 7;
constexpr auto kArtim = std::chrono::seconds(4);

Siege& siege() {
  static Siege* const kept =
      new Siege("crowd", {.configuration = "[dimse]\nartim_timeout_s = 4\n"});
  return *kept;
}

/// How many of them the other side has closed when all are, or when time is up.
std::size_t closed_within(std::vector<RawPeer>& peers, std::chrono::seconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  std::size_t closed = 0;
  for (RawPeer& peer : peers) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (peer.wait_for_close(std::max(left, std::chrono::milliseconds(0)))) ++closed;
  }
  return closed;
}

Bytes echo_association(const std::string& calling) {
  return associate_request(
      {.calling = calling, .contexts = {context_item(kEchoContext, kVerificationClass)}});
}

class HostileCrowd : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    // What is made at the first association (threads' arenas, connections to PostgreSQL) is there.
    siege();
    associate_and_abort(200);
  }
  static void TearDownTestSuite() { delete &siege(); }

  static std::string associate_and_abort(int times) {
    for (int i = 0; i < times; ++i) {
      RawPeer peer(siege().port());
      peer.write(echo_association("COMEANDGO"));
      const Reply reply = peer.reply();
      if (reply.kind != Reply::Kind::accepted) return reply.text();
      peer.write(pdu(kAbort, Bytes(4)));
      peer.wait_for_close();
    }
    return "accepted each time";
  }
  static std::size_t growth_since(std::size_t before) {
    const std::size_t now = siege().memory().resident();
    return now > before ? now - before : 0;
  }
};

TEST_F(HostileCrowd, OnePeerWithFiveHundredAssociationsLeavesPlacesToOthers) {
  std::vector<RawPeer> open;
  std::size_t rejected = 0;
  const std::size_t before = siege().memory().resident();
  siege().attack(
      "500 associations of one peer",
      [&] {
        for (int i = 0; i < 500; ++i) {
          RawPeer peer(siege().port());
          peer.write(echo_association("GREEDY"));
          const Reply reply = peer.reply();
          if (reply.kind == Reply::Kind::accepted) {
            open.push_back(std::move(peer));
          } else {
            ++rejected;
            EXPECT_EQ(reply.text(), "A-ASSOCIATE-RJ 2/3/2");
          }
        }
        siege().note(fmt::format("{} bytes of memory for each idle association.",
                                 growth_since(before) * 1024 / open.size()));
        return fmt::format("{} accepted, {} answered A-ASSOCIATE-RJ 2/3/2", open.size(), rejected);
      },
      500 * 64);
  EXPECT_EQ(open.size(), 400u);
  EXPECT_EQ(rejected, 100u);
  for (RawPeer& peer : open) peer.reset();
}

TEST_F(HostileCrowd, TwoThousandSilentSocketsAreClosedByArtim) {
  constexpr std::size_t kSockets = 2'000;
  std::vector<RawPeer> silent;
  const std::size_t before = siege().memory().resident();
  const std::string came = siege().attack(
      "2,000 silent sockets",
      [&] {
        while (silent.size() < kSockets) silent.emplace_back(siege().port());
        // Accepted by then: this one came behind them.
        const std::string mine = associate_and_abort(1);
        siege().note(fmt::format("{} bytes of memory for each silent socket.",
                                 growth_since(before) * 1024 / kSockets));
        EXPECT_EQ(mine, "accepted each time");
        return std::to_string(closed_within(silent, kArtim * 6)) + " closed by ARTIM";
      },
      kSockets * 16);
  EXPECT_EQ(came, "2000 closed by ARTIM");
}

TEST_F(HostileCrowd, SendersOfAByteASecondAreClosedByArtimOrHoldNobodyUp) {
  constexpr std::size_t kSenders = 200;
  const Bytes request = echo_association("SLOW");
  std::vector<RawPeer> slow, within;
  const std::string came =
      siege().attack("200 senders of a request at a byte a second, 200 of a message", [&] {
        for (std::size_t i = 0; i < kSenders; ++i) {
          slow.emplace_back(siege().port());
          within.push_back(associated(siege().port(), "SLOW"));
          within.back().write("\x04\0\0\0\x40\0\0\0\x3f\xfc\x01\x01"_b);
        }
        const auto until = std::chrono::steady_clock::now() + kArtim + std::chrono::seconds(2);
        std::size_t refused = 0;
        for (std::size_t at = 0; std::chrono::steady_clock::now() < until; ++at) {
          for (RawPeer& peer : slow) peer.write(ByteSpan(request).subspan(at % request.size(), 1));
          for (RawPeer& peer : within) refused += peer.write("\0"_b) ? 0 : 1;
          // The pace of the attack: a second, ended early by whoever is thrown out.
          pollfd first{slow.front().fd(), POLLRDHUP, 0};
          ::poll(&first, 1, 1'000);
        }
        return fmt::format("{} closed by ARTIM, {} associations lasted",
                           closed_within(slow, kArtim * 6), kSenders - std::min(refused, kSenders));
      });
  EXPECT_EQ(came, "200 closed by ARTIM, 200 associations lasted");
}

TEST_F(HostileCrowd, ThousandsThatAssociateAndAbortLeaveNothing) {
  const int times = everything_is_wanted() ? 10'000 : 1'500;
  const std::size_t before = siege().memory().resident();
  const std::string came = siege().attack(fmt::format("{} times associate and abort", times),
                                          [&] { return associate_and_abort(times); });
  EXPECT_EQ(came, "accepted each time");
  const std::size_t growth = growth_since(before);
  siege().note(fmt::format("Memory grew by {} KiB over {} associations.", growth, times));
  EXPECT_LT(growth, 4u << 10) << "memory grows with every association";
}

TEST(HostileCrowdAlone, TheLimitOfAllIsSaidInTheProtocolsOwnWordsAndPlacesComeBack) {
  ArchiveProcess archive({.configuration = "[dimse]\nassociations_max = 20\n"});
  std::vector<RawPeer> open;
  for (int i = 0; i < 20; ++i) open.push_back(associated(archive.port(), i % 2 == 0 ? "A" : "B"));
  RawPeer late(archive.port());
  late.write(echo_association("C"));
  EXPECT_EQ(late.reply().text(), "A-ASSOCIATE-RJ 2/3/2");
  EXPECT_TRUE(late.wait_for_close()) << "a rejected one is closed";
  open.back().write(pdu(kAbort, Bytes(4)));
  ASSERT_TRUE(open.back().wait_for_close());
  RawPeer next(archive.port());
  next.write(echo_association("C"));
  EXPECT_EQ(next.reply().text(), "A-ASSOCIATE-AC");
}

}  // namespace
}  // namespace latent::test
