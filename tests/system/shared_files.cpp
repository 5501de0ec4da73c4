#include "tests/system/shared_files.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "dicom/scanner/canonical.h"
#include "tests/support/shared_data.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Rows of a CSV file with quotes where needed.
std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row(1);
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      row.emplace_back();
    } else if (c == '\n' && !quoted) {
      rows.push_back(std::exchange(row, std::vector<std::string>(1)));
    } else if (c != '\r') {
      row.back() += c;
    }
  }
  return rows;
}

dicom::scanner::CanonicalContent content_of(const DicomObject& object) {
  dicom::scanner::CanonicalDigest digest(object.transfer_syntax, Limits{});
  const auto fed = digest.feed(object.data_set);
  if (!fed) throw std::runtime_error(fed.error().text);
  auto content = digest.finish();
  if (!content) throw std::runtime_error(content.error().text);
  return std::move(*content);
}

}  // namespace

DicomObject object_of(const fs::path& file) {
  try {
    return read_object(file);
  } catch (const std::runtime_error&) {
    const std::string text = text_of(file);
    DicomObject object;
    object.file = file;
    object.transfer_syntax = "1.2.840.10008.1.2";
    object.data_set.assign(as_bytes(text).begin(), as_bytes(text).end());
    return object;
  }
}

std::vector<std::vector<SharedFile>> batches_of_dicom_files() {
  const auto folder = shared_file("data/dicom");
  if (!folder) return {};
  const auto rows = csv_rows(text_of(*folder / "manifest.csv"));
  const auto column = static_cast<std::size_t>(std::ranges::find(rows.front(), "sop_instance_uid") -
                                               rows.front().begin());
  std::vector<std::vector<SharedFile>> batches;
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    SharedFile file{rows[i].front(), rows[i].at(column), object_of(*folder / rows[i].front())};
    // pydicom cannot read fo-dicom's GH177 (headers in one byte order, pixels in another).
    if (file.sop_instance.empty() && file.object.is_complete)
      file.sop_instance = file.object.sop_instance;
    const std::string key = file.sop_instance.empty() ? file.name : file.sop_instance;
    const std::size_t batch = seen[key]++;
    if (batch == batches.size()) batches.emplace_back();
    batches[batch].push_back(std::move(file));
  }
  return batches;
}

std::vector<std::string> SharedStudy::paths() const {
  std::vector<std::string> paths;
  for (const DicomObject& object : objects) paths.push_back(object.file.string());
  return paths;
}

std::vector<SharedStudy> shared_studies() {
  const auto folder = shared_file("data/studies");
  if (!folder) return {};
  std::vector<SharedStudy> studies;
  for (const auto& study : fs::directory_iterator(*folder)) {
    if (!study.is_directory()) continue;
    studies.push_back({study.path().filename().string(), {}});
    for (const auto& file : fs::recursive_directory_iterator(study))
      if (file.path().extension() == ".dcm")
        studies.back().objects.push_back(read_object(file.path()));
    std::ranges::sort(studies.back().objects, {}, &DicomObject::file);
  }
  std::ranges::sort(studies, {}, &SharedStudy::name);
  return studies;
}

Report::~Report() {
  const char* folder = std::getenv("LATENT_REPORT_DIR");
  if (folder == nullptr || *folder == '\0') return;
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  std::ofstream(fs::path(folder) / file_) << text_;
}

void Report::add(const std::vector<std::string>& cells) {
  text_ += "\n";
  for (std::size_t i = 0; i < cells.size(); ++i) text_ += (i == 0 ? "" : " | ") + cells[i];
}

bool everything_is_wanted() {
  const char* set = std::getenv("LATENT_TEST_ALL");
  return set != nullptr && *set != '\0';
}

std::map<std::string, std::vector<DicomObject>> by_study(const std::vector<DicomObject>& objects) {
  std::map<std::string, std::vector<DicomObject>> studies;
  for (const DicomObject& object : objects) studies[object.study].push_back(object);
  return studies;
}

bool same_content(const DicomObject& a, const DicomObject& b) {
  return compare(content_of(a), content_of(b)).same;
}

}  // namespace latent::test
