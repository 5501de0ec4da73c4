// Destinations of a C-MOVE that do whatever they like: refuse, fall silent, abort in the middle,
// answer what was not asked, send rubbish. The C-MOVE ends in bounded time and its counts are
// right; others are served meanwhile.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dicom/network/status.h"
#include "tests/support/siege.h"
#include "tests/system/hostile_session.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;
namespace command = network::command;

constexpr std::uint8_t kAccept = 2, kReject = 3, kData = 4, kReleaseRequest = 5, kReleaseReply = 6,
                       kAbort = 7;
const std::string kStudy = "2.25.10001", kSeries = "2.25.10002";
constexpr int kInstances = 3;
constexpr std::string_view kExplicitLittle = "1.2.840.10008.1.2.1";

/// Serves each connection in a thread of its own by whatever behaviour is set.
class Destination {
 public:
  using Behaviour = std::function<void(RawPeer&)>;

  Destination() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
        ::getsockname(listener_.get(), generic, &size) != 0)
      throw std::runtime_error("the destination cannot listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Destination() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    for (std::thread& one : serving_) one.join();
  }
  std::uint16_t port() const { return port_; }
  void behave(Behaviour behaviour) {
    const std::lock_guard lock(mutex_);
    behaviour_ = std::move(behaviour);
  }

 private:
  void run() {
    while (true) {
      FileDescriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      const std::lock_guard lock(mutex_);
      serving_.emplace_back([behaviour = behaviour_, peer = RawPeer(std::move(socket))]() mutable {
        behaviour(peer);
      });
    }
  }

  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  Behaviour behaviour_;
  std::vector<std::thread> serving_;
  std::thread thread_;
};

struct Front {
  Destination destination;
  Siege siege{"destinations",
              {.configuration = "[dimse]\nconnect_timeout_s = 1\nartim_timeout_s = 1\n"
                                "[[peer]]\naet = \"EVIL\"\ndimse_timeout_s = 1\n"
                                "address = \"127.0.0.1:" +
                                std::to_string(destination.port()) + "\"\n"}};
};
Front& front() {
  static Front* const kept = new Front;
  return *kept;
}

/// Answers the request that is waiting: all contexts with `syntax`, and this maximum length.
bool accept(RawPeer& peer, std::string_view syntax = kExplicitLittle,
            std::uint32_t pdu_bytes_max = 16'384) {
  const Reply request = peer.reply();
  const auto decoded = network::decode_associate_request(request.body);
  if (!decoded) return false;
  Bytes body(request.body.begin(), request.body.begin() + 68);
  append(body, item(0x10, "1.2.840.10008.3.1.1.1"_b));
  for (const auto& context : decoded->contexts) {
    Bytes answer{std::byte{context.id}, std::byte{0}, std::byte{0}, std::byte{0}};
    append(answer, item(0x40, as_bytes(syntax)));
    append(body, item(0x21, answer));
  }
  append(body, item(0x50, joined({item(0x51, be32(pdu_bytes_max)), item(0x52, "1.2.3.4"_b)})));
  return peer.write(pdu(kAccept, body));
}

network::CommandSet stored(const Reply& request, network::Status status = 0) {
  network::Answer answer;
  answer.status = status;
  return network::respond_to(request.command, answer);
}

/// What comes next is a C-STORE: `react` to it; a release is answered, everything else ends it.
void serve(RawPeer& peer, const std::function<bool(const Reply&)>& react) {
  while (true) {
    const Reply request = peer.reply();
    if (request.kind == Reply::Kind::release_request) {
      peer.write(pdu(kReleaseReply, Bytes(4)));
      return;
    }
    if (request.kind != Reply::Kind::message || !react(request)) return;
  }
}

class HostileDestinations : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (int i = 0; i < kInstances; ++i)
      ASSERT_TRUE(DicomPeer(front().siege.port())
                      .store(make_object(kStudy, kSeries, "2.25.1010" + std::to_string(i), {}))
                      .is_stored());
  }
  static void TearDownTestSuite() { delete &front(); }

  static void move(const std::string& input, Destination::Behaviour behaviour, int completed) {
    front().destination.behave(std::move(behaviour));
    RetrieveAnswer answer;
    const auto began = std::chrono::steady_clock::now();
    front().siege.attack(input, [&] {
      answer = DicomPeer(front().siege.port())
                   .move(Root::study,
                         {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, kStudy}},
                         "EVIL");
      return network::to_string(answer.status) + ", " + std::to_string(answer.completed) +
             " completed, " + std::to_string(answer.failed) + " failed. " + answer.comment;
    });
    // Three instances, each with its time limits of a second, on a machine that has other work.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(40)) << input;
    EXPECT_EQ(answer.completed + answer.warnings, completed) << input;
    EXPECT_EQ(answer.failed, kInstances - completed) << input;
    EXPECT_EQ(answer.failed_instances.size(), static_cast<std::size_t>(kInstances - completed))
        << input;
    const network::Status expected = completed == kInstances && answer.warnings == 0 ? 0x0000
                                     : completed == 0                                ? 0xA702
                                                                                     : 0xB000;
    EXPECT_EQ(answer.status, expected) << input << ": " << network::to_string(answer.status);
  }
};

TEST_F(HostileDestinations, TheControlGetsEverything) {
  move(
      "control: takes everything",
      [](RawPeer& peer) {
        if (!accept(peer)) return;
        serve(peer, [&](const Reply& request) {
          return peer.write(message(request.context, stored(request)));
        });
      },
      kInstances);
}

TEST_F(HostileDestinations, ThatRefuseOrAreNone) {
  move(
      "closes at once", [](RawPeer&) {}, 0);
  move(
      "resets at once", [](RawPeer& peer) { peer.reset(); }, 0);
  for (const std::uint8_t result : {1, 2, 77})
    move(
        "A-ASSOCIATE-RJ with result " + std::to_string(result),
        [result](RawPeer& peer) {
          peer.reply();
          peer.write(
              pdu(kReject, Bytes{std::byte{0}, std::byte{result}, std::byte{1}, std::byte{1}}));
          peer.wait_for_close();
        },
        0);
  move(
      "A-ABORT instead of an answer",
      [](RawPeer& peer) {
        peer.reply();
        peer.write(pdu(kAbort, Bytes(4)));
      },
      0);
  move(
      "never answers the request", [](RawPeer& peer) { peer.wait_for_close(); }, 0);
  move(
      "an answer of one byte a second without end",
      [](RawPeer& peer) {
        peer.write("\x02\0\0\0\xff\0"_b);
        while (!peer.wait_for_close(std::chrono::seconds(1)))
          if (!peer.write("\0"_b)) return;
      },
      0);
}

TEST_F(HostileDestinations, ThatAnswerRubbish) {
  move(
      "an HTTP answer",
      [](RawPeer& peer) {
        peer.write("HTTP/1.1 200 OK\r\n\r\n"_b);
        peer.wait_for_close();
      },
      0);
  move(
      "A-ASSOCIATE-AC that claims 2^32-1 bytes",
      [](RawPeer& peer) {
        peer.reply();
        peer.write(pdu(kAccept, Bytes(100), 0xFFFF'FFFF));
        peer.wait_for_close();
      },
      0);
  move(
      "A-ASSOCIATE-AC of zeros",
      [](RawPeer& peer) {
        peer.reply();
        peer.write(pdu(kAccept, Bytes(200)));
        peer.wait_for_close();
      },
      0);
  move(
      "a transfer syntax that was not offered",
      [](RawPeer& peer) {
        if (accept(peer, "1.2.3.4")) serve(peer, [](const Reply&) { return false; });
      },
      0);
  move(
      "a maximum length of 1",
      [](RawPeer& peer) {
        if (accept(peer, kExplicitLittle, 1)) peer.wait_for_close();
      },
      0);
  move(
      "an A-ASSOCIATE-RQ instead of an answer",
      [](RawPeer& peer) {
        peer.write(associate_request({.contexts = {context_item(1, kVerificationClass)}}));
        peer.wait_for_close();
      },
      0);
}

TEST_F(HostileDestinations, ThatTakeSomeAndBreakOff) {
  move(
      "never answers a C-STORE",
      [](RawPeer& peer) {
        if (accept(peer)) peer.wait_for_close();
      },
      0);
  move(
      "aborts at each instance",
      [](RawPeer& peer) {
        if (!accept(peer)) return;
        peer.reply();
        peer.write(pdu(kAbort, Bytes(4)));
      },
      0);
  move(
      "takes one, then aborts, each time",
      [](RawPeer& peer) {
        if (!accept(peer)) return;
        const Reply first = peer.reply();
        peer.write(message(first.context, stored(first)));
        peer.reply();
        peer.write(pdu(kAbort, Bytes(4)));
      },
      2);
  move(
      "takes one, then asks for release",
      [](RawPeer& peer) {
        if (!accept(peer)) return;
        const Reply first = peer.reply();
        peer.write(message(first.context, stored(first)));
        peer.write(pdu(kReleaseRequest, Bytes(4)));
        peer.wait_for_close();
      },
      2);
  move(
      "takes all and never confirms the release",
      [](RawPeer& peer) {
        if (!accept(peer)) return;
        for (int i = 0; i < kInstances; ++i) {
          const Reply request = peer.reply();
          peer.write(message(request.context, stored(request)));
        }
        peer.wait_for_close();
      },
      kInstances);
}

TEST_F(HostileDestinations, ThatAnswerWhatWasNotAsked) {
  const auto answering = [](std::function<Bytes(const Reply&)> answer) {
    return [answer](RawPeer& peer) {
      if (!accept(peer)) return;
      serve(peer, [&](const Reply& request) { return peer.write(answer(request)); });
    };
  };
  for (const network::Status status : {0x0001, 0x1234, 0xA700, 0xC000, 0xFE00, 0xFF00, 0xFFFF})
    move("status " + network::to_string(static_cast<network::Status>(status)),
         answering([status](const Reply& request) {
           return message(request.context, stored(request, static_cast<network::Status>(status)));
         }),
         network::category_of(static_cast<network::Status>(status)) ==
                 network::StatusCategory::warning
             ? kInstances
             : 0);
  move("the right answer twice", answering([](const Reply& request) {
         const Bytes once = message(request.context, stored(request));
         return joined({once, once});
       }),
       kInstances);
  move("an answer without a status", answering([](const Reply& request) {
         network::CommandSet answer = stored(request);
         answer.erase(command::kStatus);
         return message(request.context, answer);
       }),
       0);
  move(
      "a wrong message id once a second, for ever",
      [](RawPeer& peer) {
        if (!accept(peer)) return;
        const Reply request = peer.reply();
        network::CommandSet answer = stored(request);
        answer.set_u16(command::kMessageIdBeingRespondedTo, 4711);
        while (!peer.wait_for_close(std::chrono::seconds(1)))
          if (!peer.write(message(request.context, answer))) return;
      },
      0);
  move("a request instead of an answer", answering([](const Reply& request) {
         return message(request.context, network::CEchoRq{1}.to_command());
       }),
       0);
  move("data without a command", answering([](const Reply& request) {
         return pdu(kData, pdv(request.context, Pdv::last_data, Bytes(10)));
       }),
       0);
  move("P-DATA-TF that claims 2^31 bytes",
       answering([](const Reply&) { return pdu(kData, Bytes(10), 0x8000'0000); }), 0);
}

TEST_F(HostileDestinations, ThatTakeNothingOfWhatIsSent) {
  // More than the buffers between us hold.
  DicomObject large = make_object("2.25.10200", "2.25.10201", "2.25.10202", {});
  large.data_set.resize(large.data_set.size() - 256 - 12);
  const std::uint32_t bytes = 64u << 20;
  append(large.data_set, joined({"\xe0\x7f\x10\0OB\0\0"_b,
                                 Bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{4}}}));
  large.data_set.resize(large.data_set.size() + bytes);
  ASSERT_TRUE(DicomPeer(front().siege.port()).store(large).is_stored());
  std::promise<void> over;
  front().destination.behave([end = over.get_future().share()](RawPeer& peer) {
    if (accept(peer)) end.wait();
  });
  const std::string came = front().siege.attack("never reads a C-STORE of 64 MiB", [&] {
    const auto answer =
        DicomPeer(front().siege.port())
            .move(Root::study,
                  {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, large.study}},
                  "EVIL");
    EXPECT_EQ(answer.failed, 1);
    return network::to_string(answer.status) + " " + answer.comment;
  });
  over.set_value();
  EXPECT_TRUE(came.starts_with("A702H")) << came;
}

}  // namespace
}  // namespace latent::test
