// Few file descriptors: who comes too many is told so in the protocol's own words, nobody spins,
// and the archive goes on when some are free again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <vector>

#include "dicom/network/requestor.h"
#include "tests/faults/promises.h"
#include "tests/faults/until.h"
#include "tests/server/dimse/test_peer.h"
#include "tests/support/process_memory.h"

namespace latent::test {
namespace {

network::RequestOptions echo_request() {
  return {.calling = *AeTitle::parse("TESTPEER"),
          .called = *AeTitle::parse("LATENT"),
          .contexts = {{std::string(dicom::model::sop_classes::kVerification),
                        {std::string(dicom::model::transfer_syntaxes::kImplicitLittle)}}},
          .roles = {},
          .extended = {}};
}

TEST(Descriptors, WithFewOfThemAssociationsBeyondAreRejectedAndTheRestIsServed) {
  ArchiveProcess archive({.wrapper = {"prlimit", "--nofile=160:160"}});
  Senders before(archive.port(), {.root = "2.25.11", .senders = 2, .large = false});
  before.join();

  std::vector<TestPeer> open;
  int rejected = 0, refused = 0;
  for (int i = 0; i < 150; ++i) {
    try {
      TestPeer peer(archive.port());
      const auto event = peer.associate(echo_request());
      if (event && std::holds_alternative<network::Associated>(*event)) {
        open.push_back(std::move(peer));
      } else if (event && std::holds_alternative<network::Rejected>(*event)) {
        EXPECT_EQ(std::get<network::Rejected>(*event).reject, (network::AssociateReject{2, 3, 2}));
        ++rejected;
      } else {
        ++refused;
      }
    } catch (const std::runtime_error&) {
      ++refused;  // no connection at all
    }
  }
  std::cout << "160 descriptors: " << open.size() << " associations, " << rejected
            << " rejected 2/3/2, " << refused << " without an answer; "
            << descriptors_of(archive.process_id()) << " descriptors in use\n";
  EXPECT_GE(open.size(), 40u);
  EXPECT_GE(rejected, 50);
  EXPECT_EQ(refused, 0);

  // Those that are open are served, which takes files and database connections.
  for (int i = 0; i < 4; ++i) open.pop_back();
  expect_promises_kept(archive, before.fates());
  Senders senders(archive.port(), {.root = "2.25.12", .senders = 2});
  senders.join();
  EXPECT_EQ(senders.refusals().size(), 0u);
  expect_promises_kept(archive, senders.fates());
  EXPECT_EQ(archive.stop(), 0);
}

}  // namespace
}  // namespace latent::test
