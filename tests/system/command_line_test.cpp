// The verbs of `latent`, while the server runs and while it does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "dicom/network/status.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"
#include "tests/support/shared_data.h"
#include "tests/system/dcmtk_receiver.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::model::tags;

/// Every line of `--json` output must be an object.
std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> objects;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    objects.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_TRUE(objects.back().is_object()) << "no JSON object: " << line;
  }
  return objects;
}

/// Three studies of two series of two objects each, as files.
std::vector<DicomObject> write_studies(const fs::path& folder) {
  std::vector<DicomObject> objects;
  for (const std::string study : {"2.25.11", "2.25.12", "2.25.13"})
    for (const std::string series : {".1", ".2"})
      for (const std::string instance : {".1", ".2"}) {
        objects.push_back(
            make_object(study, study + series, study + series + instance,
                        {{tags::kPatientId, "ID-" + study}, {tags::kPatientName, "Made^Up"}}));
        write_file(objects.back(), folder / study / (series + instance + ".dcm"));
      }
  return objects;
}

void expect_exported(const fs::path& folder, const std::vector<DicomObject>& sent) {
  const auto came = objects_in(folder);
  EXPECT_EQ(came.size(), sent.size());
  for (const DicomObject& object : sent) {
    const fs::path file = folder / object.study / object.series / (object.sop_instance + ".dcm");
    ASSERT_TRUE(fs::exists(file)) << file;
    EXPECT_TRUE(read_object(file).data_set == object.data_set) << file << " changed";
  }
}

/// Every verb on an archive that is empty; the same whether a server runs or not.
void expect_verbs_work(const ArchiveProcess& archive) {
  const fs::path incoming = archive.scratch("incoming");
  const auto objects = write_studies(incoming);

  const RunResult first = archive.run({"import", "--json", incoming.string()});
  EXPECT_EQ(first.exit_code, 0) << first.report();
  const auto outcomes = json_lines(first.output);
  ASSERT_EQ(outcomes.size(), objects.size() + 1) << first.report();
  EXPECT_EQ(outcomes.back().value("stored", 0u), objects.size()) << first.report();

  const RunResult again = archive.run({"import", incoming.string()});
  EXPECT_EQ(again.exit_code, 0) << again.report();
  EXPECT_NE(again.output.find("0 stored, 12 already there, 0 refused"), std::string::npos)
      << again.report();

  const RunResult found =
      archive.run({"find", "--json", "PatientID=ID-2.25.12", "NumberOfStudyRelatedInstances="});
  EXPECT_EQ(found.exit_code, 0) << found.report();
  ASSERT_EQ(json_lines(found.output).size(), 1u) << found.report();
  EXPECT_NE(found.output.find("2.25.12"), std::string::npos) << found.report();
  const RunResult none = archive.run({"find", "PatientID=NOBODY"});
  EXPECT_EQ(none.exit_code, 0) << none.report();
  EXPECT_NE(none.output.find("0 matches"), std::string::npos) << none.report();

  const fs::path one = archive.scratch("one-study");
  const RunResult study =
      archive.run({"export", "--json", "--to", one.string(), "--study", "2.25.11"});
  EXPECT_EQ(study.exit_code, 0) << study.report();
  json_lines(study.output);
  expect_exported(one, {objects.begin(), objects.begin() + 4});
  const RunResult absent =
      archive.run({"export", "--to", archive.scratch("none").string(), "--study", "2.25.99"});
  EXPECT_EQ(absent.exit_code, 2) << absent.report();
  EXPECT_NE(absent.errors, "") << "nothing exported, and nothing said";

  const RunResult verified = archive.run({"verify", "--json"});
  EXPECT_EQ(verified.exit_code, 0) << verified.report();
  const auto report = json_lines(verified.output);
  ASSERT_FALSE(report.empty()) << verified.report();
  EXPECT_EQ(report.back()["done"].value("instances", 0u), objects.size()) << verified.report();
  EXPECT_EQ(report.back()["done"].value("findings", 1u), 0u) << verified.report();
}

TEST(CommandLine, VerbsWorkWhileTheServerRuns) {
  const ArchiveProcess archive;
  expect_verbs_work(archive);
}

TEST(CommandLine, VerbsWorkWithoutAServer) {
  ArchiveProcess archive;
  ASSERT_EQ(archive.stop(), 0);
  expect_verbs_work(archive);
  // And the server finds what they did.
  archive.start();
  const auto found =
      DicomPeer(archive.port())
          .find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, ""}});
  EXPECT_EQ(found.matches.size(), 3u);
}

TEST(CommandLine, EchoTellsWhetherAPeerAnswers) {
  ArchiveProcess archive;
  const std::string place = "127.0.0.1:" + archive.port_text();
  const auto echo = [](std::vector<std::string> words) {
    words.insert(words.begin(), {latent_binary().string(), "echo"});
    return run_program(words);
  };
  const RunResult answered = echo({place, "--called", "LATENT", "--json"});
  EXPECT_EQ(answered.exit_code, 0) << answered.report();
  ASSERT_EQ(json_lines(answered.output).size(), 1u);
  const RunResult rejected = echo({place, "--called", "SOMEBODY"});
  EXPECT_EQ(rejected.exit_code, 2) << rejected.report();
  EXPECT_NE(rejected.errors.find(place), std::string::npos) << rejected.report();
  ASSERT_EQ(archive.stop(), 0);
  const RunResult silent = echo({place, "--called", "LATENT"});
  EXPECT_EQ(silent.exit_code, 2) << silent.report();
  EXPECT_NE(silent.errors.find(place), std::string::npos) << silent.report();
}

TEST(CommandLine, MistakesAreSaidInASentenceAndByTheExitCode) {
  TemporaryDirectory folder;
  const std::string nowhere = (folder / "nowhere").string();
  const auto run = [](std::vector<std::string> words) {
    words.insert(words.begin(), latent_binary().string());
    return run_program(words);
  };
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"find", "--data", nowhere},
                                             {"verify", "--data", nowhere},
                                             {"export", "--data", nowhere, "--to", nowhere},
                                             {"import", "--data", nowhere, "/dev/null"}}) {
    const RunResult result = run(words);
    EXPECT_EQ(result.exit_code, 2) << words.front() << " " << result.report();
    EXPECT_NE(result.errors.find(nowhere), std::string::npos)
        << words.front() << " does not name the folder: " << result.report();
  }
  const RunResult machine = run({"find", "--json", "--data", nowhere});
  EXPECT_EQ(machine.exit_code, 2);
  const auto objects = json_lines(machine.output);
  ASSERT_EQ(objects.size(), 1u) << machine.report();
  EXPECT_TRUE(objects.front().contains("error")) << machine.report();
  EXPECT_EQ(run({"no-such-verb"}).exit_code, 2);
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(nowhere)) << "asking made an archive";
}

TEST(CommandLine, EveryBrokenFileGetsAnOutcomeAndTheArchiveStaysSound) {
  const auto broken = shared_file("data/broken");
  if (!broken) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*broken))
    if (entry.is_regular_file()) ++files;
  ArchiveProcess archive;
  Report report("broken_files.txt", "file | outcome | reason");

  const RunResult imported = archive.run({"import", "--json", broken->string()});
  EXPECT_EQ(imported.exit_code, 1) << imported.report();
  const auto outcomes = json_lines(imported.output);
  ASSERT_EQ(outcomes.size(), files + 1) << imported.report();
  std::size_t refused = 0;
  for (std::size_t i = 0; i < files; ++i) {
    const std::string kind = outcomes[i].value("kind", "");
    const std::string text = outcomes[i].value("text", "");
    report.add({fs::path(outcomes[i].value("file", "")).filename().string(), kind, text});
    EXPECT_NE(kind, "") << outcomes[i];
    if (kind != "refused") continue;
    ++refused;
    EXPECT_NE(text, "") << outcomes[i] << ": refused without a reason";
    EXPECT_EQ(text.find("send again later"), std::string::npos)
        << outcomes[i] << ": one importer is not too many";
  }
  EXPECT_GT(refused, 20u) << imported.report();

  EXPECT_EQ(DicomPeer(archive.port()).echo(), dicom::network::status::kSuccess);
  expect_verified(archive);
  EXPECT_EQ(archive.stop(), 0) << archive.log();
}

}  // namespace
}  // namespace latent::test
