// Routers send what they sent before, in whatever transfer syntax they like that day. None of it
// may fail, and none of it may be kept twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "dicom/model/transfer_syntaxes.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;
namespace syntaxes = dicom::model::transfer_syntaxes;

const SharedStudy* find_study(const std::vector<SharedStudy>& studies, const std::string& name) {
  const auto found = std::ranges::find(studies, name, &SharedStudy::name);
  return found == studies.end() ? nullptr : &*found;
}

std::string instances_of(const DicomPeer& peer, const std::string& study) {
  const auto found = peer.find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"},
                                             {tags::kStudyInstanceUid, study},
                                             {tags::kNumberOfStudyRelatedInstances, ""}});
  return found.matches.empty()
             ? "none"
             : value_of(found.matches.front(), tags::kNumberOfStudyRelatedInstances);
}

std::uintmax_t segment_bytes(const ArchiveProcess& archive) {
  std::uintmax_t bytes = 0;
  const RunResult verified = archive.run({"verify", "--json"});
  EXPECT_EQ(verified.exit_code, 0) << verified.report();
  // The bytes of what is kept stand in the last line: {"done": {"bytes": …}}.
  const std::size_t at = verified.output.rfind("\"bytes\":");
  EXPECT_NE(at, std::string::npos) << verified.report();
  if (at != std::string::npos) bytes = std::strtoull(&verified.output[at + 8], nullptr, 10);
  return bytes;
}

TEST(Resend, StorescuThreeTimesAsItIsAndInOtherSyntaxesSucceedsAndKeepsOneCopy) {
  if (!program_exists("storescu")) GTEST_SKIP() << "no storescu (package dcmtk)";
  const auto studies = shared_studies();
  if (studies.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  ArchiveProcess archive;
  const DicomPeer peer(archive.port());
  for (const std::string name : {"mr-brain", "rt-breast"}) {
    const SharedStudy* study = find_study(studies, name);
    ASSERT_NE(study, nullptr) << name;
    std::uintmax_t first = 0;
    for (const std::string option : {"-x=", "-xe", "-xi"}) {
      std::vector<std::string> words{"storescu", "-v",     "-R",        option,
                                     "-aec",     "LATENT", "127.0.0.1", archive.port_text()};
      for (const std::string& path : study->paths()) words.push_back(path);
      const RunResult sent = run_program(words);
      EXPECT_EQ(sent.exit_code, 0) << option << " " << sent.report();
      std::size_t successes = 0;
      const std::string all = sent.output + sent.errors;
      for (std::size_t at = all.find("(Success)"); at != std::string::npos;
           at = all.find("(Success)", at + 1))
        ++successes;
      EXPECT_EQ(successes, study->objects.size()) << option << " " << sent.report();
      EXPECT_EQ(instances_of(peer, study->objects.front().study),
                std::to_string(study->objects.size()));
      if (first == 0) first = segment_bytes(archive);
      EXPECT_EQ(segment_bytes(archive), first) << "something was kept twice after " << option;
    }
  }
}

TEST(Resend, EveryNativeSyntaxOfOneObjectSucceedsAndTheFirstStays) {
  ArchiveProcess archive;
  const DicomPeer peer(archive.port());
  const DicomObject first = make_object("2.25.100", "2.25.101", "2.25.102", {});
  ASSERT_TRUE(peer.store(first).is_stored());
  for (const auto syntax : {syntaxes::kImplicitLittle, syntaxes::kExplicitBig, syntaxes::kDeflated,
                            syntaxes::kExplicitLittle}) {
    const StoreAnswer answer = peer.store(convert_native(first, syntax));
    EXPECT_TRUE(answer.is_stored()) << syntax << " " << answer.comment;
  }
  const auto got = peer.get(
      Root::study, {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, first.study}},
      std::span(&first, 1));
  EXPECT_EQ(got.completed, 1);
  ASSERT_TRUE(got.delivered.contains(first.sop_instance));
  EXPECT_TRUE(got.delivered.at(first.sop_instance).data_set == first.data_set);

  // Other pixels under the same UID are never a success, since they are not kept.
  DicomObject other = first;
  other.data_set.back() ^= std::byte{1};
  const StoreAnswer refused = peer.store(other);
  EXPECT_EQ(refused.status, 0xC111);
  EXPECT_NE(refused.comment, "");
  EXPECT_EQ(instances_of(peer, first.study), "1");

  // Another header with the same pixels is a new version: kept, current, and still one instance.
  const DicomObject renamed =
      make_object("2.25.100", "2.25.101", "2.25.102", {{tags::kAccessionNumber, "CHANGED"}});
  EXPECT_TRUE(peer.store(renamed).is_stored());
  EXPECT_EQ(instances_of(peer, first.study), "1");
}

}  // namespace
}  // namespace latent::test
