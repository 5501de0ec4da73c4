// The archive with DCMTK's programs on the other side: storescu and dcmsend put objects in, findscu
// finds them, getscu and movescu take them out. What came out is compared with what DCMTK's own
// storescp took down of the same sender.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "dicom/model/transfer_syntaxes.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"
#include "tests/system/dcmtk_receiver.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;

/// Each transfer syntax that DCMTK 3.6.7 can send, with the option that proposes it, and the one
/// with which getscu prefers it.
struct Syntax {
  std::string uid, propose, prefer;
};
const std::vector<Syntax> kSyntaxes = {
    {"1.2.840.10008.1.2", "-xi", "+xi"},       {"1.2.840.10008.1.2.1", "-xe", "+xe"},
    {"1.2.840.10008.1.2.2", "-xb", "+xb"},     {"1.2.840.10008.1.2.1.99", "-xd", "+xd"},
    {"1.2.840.10008.1.2.5", "-xr", "+xr"},     {"1.2.840.10008.1.2.4.50", "-xy", "+xy"},
    {"1.2.840.10008.1.2.4.51", "-xx", "+xx"},  {"1.2.840.10008.1.2.4.70", "-xs", "+xs"},
    {"1.2.840.10008.1.2.4.80", "-xt", "+xt"},  {"1.2.840.10008.1.2.4.81", "-xu", "+xu"},
    {"1.2.840.10008.1.2.4.90", "-xv", "+xv"},  {"1.2.840.10008.1.2.4.91", "-xw", "+xw"},
    {"1.2.840.10008.1.2.4.102", "-xn", "+xn"},
};

using ByInstance = std::map<std::string, DicomObject>;
ByInstance by_instance(const std::vector<DicomObject>& objects) {
  ByInstance map;
  for (const DicomObject& object : objects) map[object.sop_instance] = object;
  return map;
}

std::vector<std::string> studies_of(const ByInstance& objects) {
  std::map<std::string, int> studies;
  for (const auto& [uid, object] : objects) ++studies[object.study];
  std::vector<std::string> uids;
  for (const auto& [study, count] : studies) uids.push_back(study);
  return uids;
}

/// One archive, and a storescp that is both the record of what was sent and a C-MOVE destination.
class WithDcmtk : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"storescu", "storescp", "dcmsend", "findscu", "getscu", "movescu"})
      if (!program_exists(program)) GTEST_SKIP() << "no " << program << " (package dcmtk)";
    if (batches_of_dicom_files().empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
    archive_ = std::make_unique<ArchiveProcess>(
        ArchiveProcess::Options{.arguments = {"--remote", receiver_.remote("STORESCP")}});
  }

  /// To the archive and to storescp, and notes what storescp took down.
  void send(std::vector<std::string> command, const std::vector<std::string>& files) {
    for (const std::string& port : {archive_->port_text(), receiver_.port_text()}) {
      std::vector<std::string> words = command;
      words.insert(words.end(), {"-aec", "LATENT", "127.0.0.1", port});
      words.insert(words.end(), files.begin(), files.end());
      const RunResult result = run_program(words);
      EXPECT_EQ(result.exit_code, 0) << command.front() << " " << result.report();
    }
    // Some files share a SOP Instance UID; which of them the archive keeps is the matter of the
    // resend tests, so only those that came once are compared.
    for (const DicomObject& object : receiver_.received()) {
      const auto [at, is_new] = sent_.try_emplace(object.sop_instance, object);
      if (!is_new && at->second.data_set != object.data_set)
        shared_uids_.insert(object.sop_instance);
    }
    receiver_.forget();
  }

  void expect_findscu_counts() {
    std::map<std::string, std::set<std::string>> series;
    std::map<std::string, std::size_t> instances;
    for (const auto& [uid, object] : sent_) {
      series[object.study].insert(object.series);
      ++instances[object.study];
    }
    const auto folder = archive_->scratch("findscu");
    const RunResult found = run_program(
        {"findscu", "-S", "-aec", "LATENT", "-X", "-od", folder.string(), "127.0.0.1",
         archive_->port_text(), "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k",
         "NumberOfStudyRelatedSeries", "-k", "NumberOfStudyRelatedInstances"});
    EXPECT_EQ(found.exit_code, 0) << found.report();
    std::map<std::string, std::pair<std::string, std::string>> counts;
    for (const Attributes& match : responses_in(folder))
      counts[value_of(match, tags::kStudyInstanceUid)] = {
          value_of(match, tags::kNumberOfStudyRelatedSeries),
          value_of(match, tags::kNumberOfStudyRelatedInstances)};
    EXPECT_EQ(counts.size(), instances.size());
    for (const auto& [study, count] : instances)
      EXPECT_EQ(counts[study],
                std::pair(std::to_string(series[study].size()), std::to_string(count)))
          << study;
  }

  /// PATIENT, SERIES and IMAGE for one object.
  void expect_findscu_finds(const DicomObject& object) {
    const auto count = [&](const std::string& model, const std::vector<std::string>& keys) {
      const auto folder = archive_->scratch("findscu-" + std::to_string(++queries_));
      std::vector<std::string> words{"findscu",       model,       "-aec",
                                     "LATENT",        "-X",        "-od",
                                     folder.string(), "127.0.0.1", archive_->port_text()};
      for (const std::string& key : keys) words.insert(words.end(), {"-k", key});
      const RunResult found = run_program(words);
      EXPECT_EQ(found.exit_code, 0) << found.report();
      return responses_in(folder).size();
    };
    const std::string study = "StudyInstanceUID=" + object.study;
    const std::string series = "SeriesInstanceUID=" + object.series;
    EXPECT_GE(count("-P", {"QueryRetrieveLevel=PATIENT", "PatientID", "PatientName"}), 1u);
    EXPECT_EQ(count("-S", {"QueryRetrieveLevel=SERIES", study, series}), 1u);
    EXPECT_EQ(count("-S", {"QueryRetrieveLevel=IMAGE", study, series,
                           "SOPInstanceUID=" + object.sop_instance}),
              1u);
  }

  void expect_movescu_brings_back_all() {
    const RunResult moved = run_program(
        {"movescu", "-S", "-aec", "LATENT", "-aem", "STORESCP", "127.0.0.1", archive_->port_text(),
         "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" + joined(studies_of(sent_))});
    EXPECT_EQ(moved.exit_code, 0) << moved.report();
    const ByInstance came = by_instance(receiver_.received());
    receiver_.forget();
    EXPECT_EQ(came.size(), sent_.size());
    for (const auto& [uid, object] : sent_)
      if (!shared_uids_.contains(uid)) expect_same(object, came);
  }

  /// One run for each transfer syntax brings those that are kept in it as they are.
  void expect_getscu_brings_back_all() {
    std::map<std::string, std::set<std::string>> studies;
    for (const auto& [uid, object] : sent_) studies[object.transfer_syntax].insert(object.study);
    for (const Syntax& syntax : kSyntaxes) {
      if (!studies.contains(syntax.uid)) continue;
      const auto& set = studies[syntax.uid];
      const auto folder = archive_->scratch("getscu" + syntax.prefer);
      const RunResult got = run_program({"getscu", "-S", "+B", "-aec", "LATENT", syntax.prefer,
                                         "-od", folder.string(), "127.0.0.1", archive_->port_text(),
                                         "-k", "QueryRetrieveLevel=STUDY", "-k",
                                         "StudyInstanceUID=" + joined({set.begin(), set.end()})});
      EXPECT_FALSE(got.timed_out) << got.report();
      const ByInstance came = by_instance(objects_in(folder));
      for (const auto& [uid, object] : sent_)
        if (object.transfer_syntax == syntax.uid && is_known_to_getscu(object) &&
            !shared_uids_.contains(uid))
          expect_same(object, came);
    }
  }

  static void expect_same(const DicomObject& object, const ByInstance& came) {
    const auto found = came.find(object.sop_instance);
    ASSERT_NE(found, came.end()) << object.sop_instance << " " << object.sop_class
                                 << " did not come";
    // storescu asks for several syntaxes and converts to the one that is accepted; storescp, which
    // took the record, may have accepted another native one than the archive.
    if (found->second.transfer_syntax == object.transfer_syntax) {
      EXPECT_TRUE(found->second.data_set == object.data_set) << object.sop_instance << " changed";
    } else {
      EXPECT_TRUE(same_content(object, found->second)) << object.sop_instance << " changed";
    }
  }

  /// Its list of proposed classes holds 64 at most; these are beyond it.
  static bool is_known_to_getscu(const DicomObject& object) {
    static const std::set<std::string> kUnknown = {"1.2.840.10008.5.1.4.1.1.104.3",
                                                   "1.2.840.10008.5.1.4.1.1.30",
                                                   "1.2.840.10008.5.1.4.1.1.91.1"};
    return !kUnknown.contains(object.sop_class);
  }

  static std::vector<Attributes> responses_in(const std::filesystem::path& folder) {
    std::vector<Attributes> responses;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      DicomObject object = read_object(entry.path());
      if (object.transfer_syntax != dicom::model::transfer_syntaxes::kImplicitLittle)
        object = convert_native(object, dicom::model::transfer_syntaxes::kImplicitLittle);
      responses.push_back(decode_identifier(object.data_set));
    }
    return responses;
  }

  DcmtkReceiver receiver_;
  std::unique_ptr<ArchiveProcess> archive_;
  ByInstance sent_;
  std::set<std::string> shared_uids_;
  int queries_ = 0;
};

TEST_F(WithDcmtk, StorescuPutsInEveryFileThatItCanReadAndAllComesBackAsItWasSent) {
  const auto batches = batches_of_dicom_files();
  std::size_t files_sent = 0;
  for (const Syntax& syntax : kSyntaxes) {
    std::vector<std::string> files;
    for (const SharedFile& file : batches.front())
      if (file.object.transfer_syntax == syntax.uid && file.object.is_complete)
        files.push_back(file.object.file.string());
    files_sent += files.size();
    if (!files.empty()) send({"storescu", "-nh", "-R", syntax.propose}, files);
  }
  EXPECT_GT(files_sent, 100u);

  expect_findscu_counts();
  expect_findscu_finds(sent_.begin()->second);
  expect_movescu_brings_back_all();
  expect_getscu_brings_back_all();
}

TEST_F(WithDcmtk, DcmsendPutsInEveryStudyAndAllComesBackAsItWasSent) {
  const auto studies = shared_studies();
  ASSERT_FALSE(studies.empty());
  std::size_t objects = 0;
  for (const SharedStudy& study : studies) {
    send({"dcmsend", "--decompress-never"}, study.paths());
    objects += study.objects.size();
  }
  EXPECT_EQ(sent_.size(), objects);

  expect_findscu_counts();
  for (const SharedStudy& study : studies) expect_findscu_finds(study.objects.front());
  expect_movescu_brings_back_all();
  expect_getscu_brings_back_all();
}

}  // namespace
}  // namespace latent::test
