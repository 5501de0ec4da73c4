// The shared DICOM files as the tests of the whole archive use them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/dicom_objects.h"

namespace latent::test {

/// As read_object(); what cannot be read as a file becomes a data set as it lies, so that the
/// archive has to judge it.
DicomObject object_of(const std::filesystem::path& file);

struct SharedFile {
  std::string name;
  std::string sop_instance;  ///< as pydicom reads it, else we; empty: the file has none
  DicomObject object;
};

/// data/dicom, in batches in which no SOP Instance UID occurs twice: each takes an archive of its
/// own. Empty when the folder is not there.
std::vector<std::vector<SharedFile>> batches_of_dicom_files();

struct SharedStudy {
  std::string name;
  std::vector<DicomObject> objects;
  std::vector<std::string> paths() const;
};
/// data/studies; empty when the folder is not there.
std::vector<SharedStudy> shared_studies();

/// Rows for a file in $LATENT_REPORT_DIR, when that is set.
class Report {
 public:
  Report(std::string file, const std::string& header) : file_(std::move(file)), text_(header) {}
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  void add(const std::vector<std::string>& cells);

 private:
  std::string file_, text_;
};

/// LATENT_TEST_ALL: the slow matrices too.
bool everything_is_wanted();

/// One study's UID with all its objects.
std::map<std::string, std::vector<DicomObject>> by_study(const std::vector<DicomObject>& objects);

/// The same content, whatever the native transfer syntaxes.
bool same_content(const DicomObject& a, const DicomObject& b);

}  // namespace latent::test
