// Every shared DICOM file: stored exactly as it lies in the file, found at each level, brought back
// by C-GET and C-MOVE with the data set byte for byte; what has no identity is refused and told
// why.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "dicom/model/sop_classes.h"
#include "dicom/network/status.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;
namespace network = dicom::network;

/// Files with a SOP Instance UID that are refused nevertheless, and what the comment must name.
const std::map<std::string, std::string> kRefused = {
    {"dcm4che__3gb-bulk-data-truncated.dcm", "(0020,000D)"},
    {"fo-dicom__GH220.dcm", "(0020,000D)"},
    {"orthanc__Issue111.dcm", "(0008,0016)"},
    {"orthanc__Issue195-bis.dcm", "(0008,0016)"},
    {"orthanc__Issue195.dcm", "(0008,0016)"},
    {"orthanc__Issue196.dcm", "(0020,000D)"},
    {"pydicom-data__HTJ2KLossless_08_RGB.dcm", "(0020,000D)"},
    {"pydicom-data__HTJ2K_08_RGB.dcm", "(0020,000D)"},
    {"pydicom-data__JLSL_08_07_0_1F.dcm", "(0020,000D)"},
    {"pydicom-data__JLSL_16_15_1_1F.dcm", "(0020,000D)"},
    {"pydicom-data__bad_sequence.dcm", "(0020,000D)"},
    {"pydicom-data__emri_small_jpeg_2k_lossless_too_short.dcm", "cut"},
    {"pydicom__JPEGLSNearLossless_08.dcm", "(0020,000D)"},
    {"pydicom__JPEGLSNearLossless_16.dcm", "(0020,000D)"},
    {"pydicom__MR_truncated.dcm", "cut"},
    {"pydicom__SC_rgb_jls_lossy_line.dcm", "(0020,000D)"},
    {"pydicom__SC_rgb_jls_lossy_sample.dcm", "(0020,000D)"},
    {"pydicom__hotiron.dcm", "(0020,000D)"},
    {"pydicom__rtplan_truncated.dcm", "cut"},
    {"weasis__NeurosurgeryPlan.dcm", "(0020,000D)"}};

/// Something must stand in the command; what is asked is whether the data set is looked at.
DicomObject sendable(const SharedFile& file) {
  DicomObject object = file.object;
  if (object.sop_class.empty()) object.sop_class = "1.2.840.10008.5.1.4.1.1.7";
  if (object.sop_instance.empty()) object.sop_instance = file.sop_instance;
  if (object.sop_instance.empty()) object.sop_instance = "2.25.1";
  if (object.transfer_syntax.empty()) object.transfer_syntax = "1.2.840.10008.1.2";
  return object;
}

class Round {
 public:
  Round(const std::vector<SharedFile>& files, Report& report)
      : files_(files),
        report_(report),
        archive_({.arguments = {"--remote", sink_.remote("SINK")}}),
        peer_(archive_.port()) {}

  void store() {
    std::vector<DicomObject> objects;
    for (const SharedFile& file : files_) objects.push_back(sendable(file));
    const auto answers = peer_.store(objects);
    for (std::size_t i = 0; i < files_.size(); ++i) judge(files_[i], objects[i], answers[i]);
  }

  void find_at_each_level() {
    for (const DicomObject& object : stored_) {
      SCOPED_TRACE(object.file.filename());
      const auto study = find("STUDY", {{tags::kStudyInstanceUid, object.study},
                                        {tags::kPatientId, ""},
                                        {tags::kNumberOfStudyRelatedInstances, ""}});
      ASSERT_EQ(study.size(), 1u);
      EXPECT_EQ(value_of(study.front(), tags::kNumberOfStudyRelatedInstances),
                std::to_string(by_study_.at(object.study).size()));
      const std::string patient = value_of(study.front(), tags::kPatientId);
      if (!patient.empty()) {
        EXPECT_GE(find("PATIENT", {{tags::kPatientId, patient}}).size(), 1u);
      }
      const auto series = find("SERIES", {{tags::kStudyInstanceUid, object.study},
                                          {tags::kSeriesInstanceUid, object.series}});
      EXPECT_EQ(series.size(), 1u);
      const auto image = find("IMAGE", {{tags::kStudyInstanceUid, object.study},
                                        {tags::kSeriesInstanceUid, object.series},
                                        {tags::kSopInstanceUid, object.sop_instance},
                                        {tags::kSopClassUid, ""}});
      ASSERT_EQ(image.size(), 1u);
      EXPECT_EQ(value_of(image.front(), tags::kSopClassUid), object.sop_class);
    }
  }

  void bring_back() {
    for (const auto& [study, objects] : by_study_) {
      SCOPED_TRACE(study);
      const Attributes keys{{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, study}};
      const auto got = peer_.get(Root::study, keys, objects);
      EXPECT_EQ(got.status, network::status::kSuccess) << got.comment;
      EXPECT_EQ(got.completed, objects.size());
      compare(objects, got.delivered);
      const auto moved = peer_.move(Root::study, keys, "SINK");
      EXPECT_EQ(moved.status, network::status::kSuccess) << moved.comment;
      EXPECT_EQ(moved.completed, objects.size());
      compare(objects, sink_.take());
    }
  }

  void end() {
    expect_verified(archive_);
    EXPECT_EQ(archive_.stop(), 0);
  }

 private:
  void judge(const SharedFile& file, const DicomObject& object, const StoreAnswer& answer) {
    const auto refused = kRefused.find(file.name);
    const bool is_expected = !file.sop_instance.empty() && refused == kRefused.end();
    report_.add({file.name, object.transfer_syntax, answer.is_stored() ? "stored" : "refused",
                 network::to_string(answer.status), answer.comment});
    if (object.sop_class == dicom::model::sop_classes::kMediaStorageDirectory) {
      EXPECT_TRUE(answer.is_context_refused) << "a DICOMDIR is no object to be sent";
      return;
    }
    EXPECT_FALSE(answer.is_context_refused) << file.name;
    EXPECT_EQ(answer.is_stored(), is_expected)
        << file.name << ": " << network::to_string(answer.status) << " " << answer.comment;
    if (!answer.is_stored()) {
      EXPECT_EQ(network::category_of(answer.status), network::StatusCategory::failure);
      EXPECT_NE(answer.comment, "") << file.name << " is refused without a reason";
      if (refused != kRefused.end()) {
        EXPECT_NE(answer.comment.find(refused->second), std::string::npos)
            << file.name << ": " << answer.comment;
      }
      return;
    }
    if (file.object.is_complete) {
      stored_.push_back(object);
      by_study_[object.study].push_back(object);
    }
  }

  std::vector<Attributes> find(const std::string& level, Attributes keys) {
    keys[tags::kQueryRetrieveLevel] = level;
    const auto answer = peer_.find(level == "PATIENT" ? Root::patient : Root::study, keys);
    EXPECT_EQ(answer.status, network::status::kSuccess) << level << " " << answer.comment;
    return answer.matches;
  }

  static void compare(const std::vector<DicomObject>& sent, const Deliveries& came) {
    EXPECT_EQ(came.size(), sent.size());
    for (const DicomObject& object : sent) {
      const auto found = came.find(object.sop_instance);
      ASSERT_NE(found, came.end()) << object.file;
      EXPECT_EQ(found->second.transfer_syntax, object.transfer_syntax) << object.file;
      EXPECT_TRUE(found->second.data_set == object.data_set) << object.file << " came back changed";
    }
  }

  const std::vector<SharedFile>& files_;
  Report& report_;
  StoreSink sink_;
  ArchiveProcess archive_;
  DicomPeer peer_;
  std::vector<DicomObject> stored_;
  std::map<std::string, std::vector<DicomObject>> by_study_;
};

TEST(EveryFile, IsStoredFoundAndBroughtBackByteForByteOrRefusedWithAReason) {
  const auto batches = batches_of_dicom_files();
  if (batches.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  Report report("every_file.txt", "file | transfer syntax | outcome | status | comment");
  for (const auto& files : batches) {
    Round round(files, report);
    round.store();
    round.find_at_each_level();
    round.bring_back();
    round.end();
  }
}

}  // namespace
}  // namespace latent::test
