// Nothing of a patient lies in clear outside PostgreSQL: twenty planted names go through everything
// that the archive does, and none is found afterwards in data folder, logs or temporary files.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dicom/network/status.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::model::tags;

/// Words that occur nowhere else.
std::vector<std::string> planted_words(std::size_t count) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> letter('A', 'Z');
  std::vector<std::string> words;
  for (std::size_t i = 0; i < count; ++i) {
    std::string word = "PLANT";
    for (int k = 0; k < 9; ++k) word += static_cast<char>(letter(random));
    words.push_back(word);
  }
  return words;
}

class Planted : public testing::Test {
 protected:
  static constexpr std::size_t kWords = 20;

  Planted() : temporary_(outside_ / "tmp") {
    fs::create_directories(temporary_);
    fs::permissions(temporary_, fs::perms::all | fs::perms::sticky_bit);
    archive_ = std::make_unique<ArchiveProcess>(
        ArchiveProcess::Options{.arguments = {"--remote", sink_.remote("SINK")},
                                .configuration = "log_level = \"debug\"\n",
                                .environment = {"TMPDIR=" + temporary_.string()}});
  }

  /// One object for each word, with the word wherever an object names a person.
  DicomObject object(std::size_t i) const {
    const std::string& word = words_[i];
    const std::string n = std::to_string(i);
    return make_object("2.25.7" + n, "2.25.8" + n, "2.25.9" + n,
                       {{tags::kPatientName, word + "^" + word},
                        {tags::kPatientId, word},
                        {tags::kAccessionNumber, word},
                        {{0x0008, 0x0080}, word},
                        {{0x0008, 0x0090}, word + "^Doctor"},
                        {{0x0008, 0x1030}, word},
                        {{0x0008, 0x103E}, word},
                        {{0x0010, 0x1040}, word},
                        {{0x0010, 0x4000}, word},
                        {{0x0020, 0x4000}, word}});
  }

  /// Files below `place` that hold one of the words.
  std::string holders(const fs::path& place) const {
    std::ofstream(outside_ / "words") << [this] {
      std::string all;
      for (const std::string& word : words_) all += word + "\n";
      return all;
    }();
    return run_program({"grep", "-r", "-l", "-a", "-i", "-F", "--exclude-dir=pg", "-f",
                        (outside_ / "words").string(), place.string()})
        .output;
  }

  TemporaryDirectory outside_;
  fs::path temporary_;
  StoreSink sink_;
  std::vector<std::string> words_ = planted_words(kWords);
  std::unique_ptr<ArchiveProcess> archive_;
};

TEST_F(Planted, NamesAreNowhereInClearAfterAllThatTheArchiveDoes) {
  const DicomPeer peer(archive_->port());
  const fs::path incoming = outside_ / "incoming";
  // Half by DICOM, half as files whose very names tell.
  for (std::size_t i = 0; i < kWords; ++i) {
    if (i % 2 == 0) {
      ASSERT_TRUE(peer.store(object(i)).is_stored());
    } else {
      write_file(object(i), incoming / words_[i] / (words_[i] + ".dcm"));
    }
  }
  const RunResult imported = archive_->run({"import", incoming.string()});
  ASSERT_EQ(imported.exit_code, 0) << imported.report();

  // Queries that find, and one that does not.
  for (const std::string& word : words_) {
    const auto found = peer.find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"},
                                               {tags::kPatientName, word + "*"},
                                               {tags::kStudyInstanceUid, ""}});
    EXPECT_EQ(found.matches.size(), 1u);
  }
  const auto none = peer.find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"},
                                            {tags::kPatientName, words_[0] + words_[1]},
                                            {tags::kPatientId, words_[2] + words_[3]}});
  EXPECT_TRUE(none.matches.empty());
  EXPECT_EQ(archive_->run({"find", "PatientID=" + words_[4]}).exit_code, 0);

  // Retrieval to a known and to an unknown place, and to one whose name is a patient's.
  for (std::size_t i = 0; i < kWords; ++i) {
    const Attributes keys{{tags::kQueryRetrieveLevel, "STUDY"},
                          {tags::kStudyInstanceUid, object(i).study}};
    EXPECT_EQ(peer.move(Root::study, keys, "SINK").completed, 1);
  }
  EXPECT_EQ(sink_.take().size(), kWords);
  EXPECT_NE(
      peer.move(Root::study,
                {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, object(0).study}},
                words_[0])
          .status,
      dicom::network::status::kSuccess);
  const RunResult exported = archive_->run(
      {"export", "--to", (outside_ / "exported").string(), "--patient-id", words_[5]});
  EXPECT_EQ(exported.exit_code, 0) << exported.report();

  // Objects that are refused: cut in the middle, and with an identity that is none.
  DicomObject cut = object(6);
  cut.data_set.resize(cut.data_set.size() / 2);
  EXPECT_FALSE(peer.store(cut).is_stored());
  DicomObject nameless =
      make_object("2.25.1", "2.25.2", words_[7], {{tags::kPatientId, words_[7]}});
  nameless.sop_instance = "2.25.3";
  const StoreAnswer refused = peer.store(nameless);
  EXPECT_FALSE(refused.is_stored());
  EXPECT_EQ(refused.comment.find(words_[7]), std::string::npos) << refused.comment;
  write_file(cut, outside_ / "broken" / (words_[8] + ".dcm"));
  EXPECT_EQ(archive_->run({"import", (outside_ / "broken").string()}).exit_code, 2);
  EXPECT_EQ(archive_->run({"verify"}).exit_code, 0);

  // While it runs (sockets, unfinished files), and afterwards.
  EXPECT_EQ(holders(archive_->data_dir()), "");
  EXPECT_EQ(archive_->stop(), 0);
  EXPECT_EQ(holders(archive_->data_dir()), "");
  EXPECT_EQ(holders(temporary_), "");
  EXPECT_EQ(holders(archive_->log_file()), "") << archive_->log();
  EXPECT_GT(archive_->log().size(), 200u) << "the debug log is empty: nothing was looked through";
  // The search itself finds what is there to be found.
  EXPECT_NE(holders(outside_ / "exported"), "");
}

}  // namespace
}  // namespace latent::test
