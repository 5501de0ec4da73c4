// Broken files: every one of the shared ones, those that their script makes at test time, and files
// bent here; sent by C-STORE as they lie (without their head) and taken in by `latent import`.
// Stored ones come back bit for bit; refused ones say why and are nowhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "dicom/network/status.h"
#include "tests/support/shared_data.h"
#include "tests/support/siege.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::model::tags;
namespace network = dicom::network;

/// What must come of a file: "" = stored, else a part of the reason.
struct Expected {
  std::string store;
  std::string import;
};
const std::map<std::string, Expected> kExpected = {};

/// The files share their UIDs; each that is stored takes the place of the one before.
ArchiveProcess::Options replacing() {
  return {.configuration = "[store]\nduplicates = \"replace\"\n"};
}

std::vector<fs::path> dicom_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".dcm") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// The shared files, and those of `make_broken.py --heavy` in `scratch`.
std::vector<fs::path> broken_files(const fs::path& scratch) {
  const auto folder = shared_file("data/broken");
  if (!folder) return {};
  auto files = dicom_files(*folder);
  const RunResult made =
      run_program({"python3", (*folder / "make_broken.py").string(), "--heavy", scratch.string()});
  EXPECT_EQ(made.exit_code, 0) << made.report();
  std::ranges::copy(dicom_files(scratch), std::back_inserter(files));
  return files;
}

/// The archive's one version of it, byte for byte.
void expect_identical(const Siege& siege, const DicomObject& object, const std::string& name) {
  const auto got = DicomPeer(siege.port())
                       .get(Root::study,
                            {{tags::kQueryRetrieveLevel, "IMAGE"},
                             {tags::kStudyInstanceUid, object.study},
                             {tags::kSeriesInstanceUid, object.series},
                             {tags::kSopInstanceUid, object.sop_instance}},
                            std::span(&object, 1));
  const auto found = got.delivered.find(object.sop_instance);
  ASSERT_NE(found, got.delivered.end())
      << name << " was stored and does not come back: " << got.comment;
  EXPECT_TRUE(found->second.data_set == object.data_set) << name << " came back changed";
}

void judge(const std::string& name, const std::string& face, const std::string& reason,
           std::string Expected::*verdict) {
  const auto row = kExpected.find(name);
  if (row == kExpected.end()) {
    ADD_FAILURE() << face << " of " << name << " has no expected verdict: \"" << reason << "\"";
    return;
  }
  const std::string& expected = row->second.*verdict;
  if (expected.empty()) {
    EXPECT_EQ(reason, "") << face << " of " << name;
  } else {
    EXPECT_NE(reason.find(expected), std::string::npos)
        << face << " of " << name << ": \"" << reason << "\", expected \"" << expected << "\"";
  }
}

/// Every instance that is there was answered with success, and all of it is whole.
void expect_nothing_else(Siege& siege, const std::set<std::string>& stored) {
  const auto found = DicomPeer(siege.port())
                         .find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"},
                                             {tags::kStudyInstanceUid, ""},
                                             {tags::kNumberOfStudyRelatedInstances, ""}});
  std::size_t instances = 0;
  for (const Attributes& study : found.matches)
    instances += std::stoul(value_of(study, tags::kNumberOfStudyRelatedInstances));
  EXPECT_EQ(instances, stored.size()) << "something refused is there, or something stored is not";
  const RunResult verified = siege.archive().run({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.report();
}

TEST(HostileFiles, ByCStore) {
  const TemporaryDirectory scratch;
  const auto files = broken_files(scratch.path());
  if (files.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  Siege siege("files by C-STORE", replacing());
  std::set<std::string> stored;
  for (const fs::path& file : files) {
    const std::string name = file.filename();
    DicomObject object = object_of(file);
    const DicomObject own = object;
    if (object.sop_class.empty()) object.sop_class = "1.2.840.10008.5.1.4.1.1.7";
    if (object.sop_instance.empty()) object.sop_instance = "2.25.1";
    if (object.transfer_syntax.empty()) object.transfer_syntax = "1.2.840.10008.1.2";
    StoreAnswer answer;
    siege.attack(name, [&] {
      answer = DicomPeer(siege.port()).store(object);
      if (answer.is_context_refused) return std::string("context refused");
      return network::to_string(answer.status) + " " + answer.comment;
    });
    const std::string reason = answer.is_stored()          ? ""
                               : answer.is_context_refused ? "context refused"
                                                           : answer.comment;
    EXPECT_NE(answer.is_stored(), !reason.empty()) << name << " is refused without a reason";
    judge(name, "C-STORE", reason, &Expected::store);
    if (!answer.is_stored()) continue;
    EXPECT_TRUE(own.is_complete) << name;
    stored.insert(own.sop_instance);
    expect_identical(siege, own, name);
  }
  expect_nothing_else(siege, stored);
}

TEST(HostileFiles, ByImport) {
  const TemporaryDirectory scratch;
  const auto files = broken_files(scratch.path());
  if (files.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  Siege siege("files by import", replacing());
  std::set<std::string> stored;
  for (const fs::path& file : files) {
    const std::string name = file.filename();
    std::string kind, text;
    siege.attack(name, [&] {
      const RunResult imported = siege.archive().run({"import", "--json", file.string()});
      EXPECT_EQ(imported.signal, 0) << imported.report();
      const auto outcome = nlohmann::json::parse(
          imported.output.substr(0, imported.output.find('\n')), nullptr, false);
      if (!outcome.is_object()) return "no outcome: " + imported.report();
      kind = outcome.value("kind", "");
      text = outcome.value("text", "");
      return kind + " " + text;
    });
    const bool is_stored = kind == "stored" || kind == "replaced" || kind == "duplicate";
    EXPECT_TRUE(is_stored || !text.empty()) << name << " is refused without a reason: " << kind;
    judge(name, "import", is_stored ? "" : text, &Expected::import);
    if (!is_stored) continue;
    const DicomObject object = object_of(file);
    EXPECT_TRUE(object.is_complete) << name;
    stored.insert(object.sop_instance);
    expect_identical(siege, object, name);
  }
  expect_nothing_else(siege, stored);
}

}  // namespace
}  // namespace latent::test
