// What lies on the disk is what the format description says: the independent reader (Python, other
// authors' cryptography) opens it from the root key file alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "security/base/bytes.h"
#include "security/crypto/sha256.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"
#include "tests/support/shared_data.h"
#include "tests/support/source_directory.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::model::tags;

std::vector<fs::path> files_in(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  return files;
}

TEST(StoredFormats, IndependentReaderOpensEveryBlobFromTheRootKeyAlone) {
  const auto reader = shared_file("formats/reader.py");
  const auto studies = shared_studies();
  if (!reader || studies.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  const std::string python = "/usr/bin/python3";
  if (run_program({python, "-c", "import cryptography"}).exit_code != 0)
    GTEST_SKIP() << "no python3-cryptography";

  ArchiveProcess archive;
  std::vector<DicomObject> sent;
  for (const SharedStudy& study : studies)
    if (study.name == "ct-two-studies-a" || study.name == "ct-two-studies-b" ||
        study.name == "rt-breast")
      sent.insert(sent.end(), study.objects.begin(), study.objects.end());
  ASSERT_GE(sent.size(), 5u);
  for (const StoreAnswer& answer : DicomPeer(archive.port()).store(sent))
    ASSERT_TRUE(answer.is_stored()) << answer.comment;
  ASSERT_EQ(archive.stop(), 0);

  const auto rings = files_in(archive.data_dir() / "ring", ".ring");
  const auto segments = files_in(archive.data_dir() / "seg", ".seg");
  ASSERT_EQ(rings.size(), 1u);
  ASSERT_GE(segments.size(), 1u);
  std::vector<std::string> words{python, reader->string(), "seg", archive.root_key().string(),
                                 rings.front().string()};
  for (const fs::path& segment : segments) words.push_back(segment.string());
  const RunResult opened = run_program(words);
  EXPECT_EQ(opened.exit_code, 0) << opened.report();

  // "offset blob ID length hash16 SOP-instance": every object once, and nothing else.
  std::map<std::string, std::string> blob_of;
  std::istringstream lines(opened.output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words_of_line(line);
    std::string offset, kind, blob, length, hash, instance;
    words_of_line >> offset >> kind >> blob >> length >> hash >> instance;
    if (kind == "blob") blob_of[instance] = blob;
  }
  EXPECT_EQ(blob_of.size(), sent.size()) << opened.report();
  for (const DicomObject& object : sent) {
    ASSERT_TRUE(blob_of.contains(object.sop_instance)) << object.file;
    bool found = false;
    for (const fs::path& segment : segments) {
      const RunResult plaintext =
          run_program({python, reader->string(), "cat", archive.root_key().string(),
                       rings.front().string(), segment.string(), blob_of[object.sop_instance]});
      if (plaintext.exit_code != 0) continue;
      found = true;
      // 128 zero bytes, head, then the data set as it was sent.
      const std::string& text = plaintext.output;
      ASSERT_GT(text.size(), object.data_set.size() + 132);
      EXPECT_EQ(text.substr(128, 4), "DICM");
      EXPECT_EQ(text.substr(0, 128), std::string(128, '\0'));
      const auto tail = as_bytes(text).last(object.data_set.size());
      EXPECT_EQ(security::crypto::sha256(tail), security::crypto::sha256(object.data_set))
          << object.file;
    }
    EXPECT_TRUE(found) << object.file;
  }

  const RunResult keys = run_program(
      {python, reader->string(), "ring", archive.root_key().string(), rings.front().string()});
  EXPECT_EQ(keys.exit_code, 0) << keys.report();
  for (const DicomObject& object : sent)
    EXPECT_NE(keys.output.find(object.study), std::string::npos) << object.study;
}

TEST(StoredFormats, RootKeyLiesBesideTheFolderAndNeverInside) {
  ArchiveProcess archive;
  EXPECT_TRUE(fs::exists(archive.root_key()));
  const auto permissions = fs::status(archive.root_key()).permissions();
  EXPECT_EQ(permissions & (fs::perms::group_all | fs::perms::others_all), fs::perms::none);
  EXPECT_NE(archive.printed().find(archive.root_key().string()), std::string::npos)
      << "the first start does not say where the key is";
  const RunResult found =
      run_program({"grep", "-rla", "LATENT-ROOT-1", archive.data_dir().string()});
  EXPECT_EQ(found.exit_code, 1) << found.report();

  EXPECT_EQ(archive.stop(), 0);
  archive.start();
  EXPECT_EQ(archive.printed().find("root key was made"), std::string::npos);
}

}  // namespace
}  // namespace latent::test
