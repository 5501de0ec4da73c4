// The archive with GDCM's gdcmscu on the other side.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;

TEST(Gdcm, EchoesStoresAndFinds) {
  if (!program_exists("gdcmscu")) GTEST_SKIP() << "no gdcmscu (package libgdcm-tools)";
  const auto studies = shared_studies();
  if (studies.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  ArchiveProcess archive;
  const DicomPeer peer(archive.port());
  const auto gdcm = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "gdcmscu");
    words.insert(words.end(),
                 {"--aetitle", "GDCM", "--call", "LATENT", "127.0.0.1", archive.port_text()});
    return run_program(words);
  };
  // Debian's gdcmscu 3.0.21 may throw behind its release, with every server; what counts is what
  // the archive then has.
  const auto is_done = [](const RunResult& ran) {
    return ran.exit_code == 0 || ran.errors.find("ProtocolStream as nullptr") != std::string::npos;
  };
  const RunResult echoed = gdcm({"--echo"});
  EXPECT_TRUE(is_done(echoed)) << echoed.report();

  for (const SharedStudy& study : studies) {
    if (study.name == "us-stress-echo") continue;  // 24 MB of the same kind
    SCOPED_TRACE(study.name);
    for (const DicomObject& object : study.objects) {
      const RunResult stored = gdcm({"--store", "-i", object.file.string()});
      EXPECT_TRUE(is_done(stored)) << object.file << " " << stored.report();
      if (!everything_is_wanted()) break;
    }
    const DicomObject& first = study.objects.front();
    const RunResult found = gdcm(
        {"--find", "--studyroot", "--study", "--key", "20,d=" + first.study, "--key", "20,1208="});
    EXPECT_TRUE(is_done(found)) << found.report();
    if (found.exit_code == 0) {
      EXPECT_NE((found.output + found.errors).find(first.study), std::string::npos)
          << found.report();
    }
    const auto got = peer.get(first);
    EXPECT_EQ(got.completed, 1) << got.comment;
    // gdcmscu writes the object anew before it sends it, so its content is what must be the same.
    ASSERT_TRUE(got.delivered.contains(first.sop_instance));
    DicomObject came = first;
    came.data_set = got.delivered.at(first.sop_instance).data_set;
    EXPECT_TRUE(same_content(first, came));
  }
}

}  // namespace
}  // namespace latent::test
