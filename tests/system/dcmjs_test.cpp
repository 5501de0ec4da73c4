// A client of other descent than DCMTK and GDCM: dcmjs-dimse (JavaScript), from npm.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/archive_process.h"
#include "tests/support/source_directory.h"
#include "tests/system/free_port.h"
#include "tests/system/shared_files.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;

/// The locked packages in a folder of their own; empty when npm cannot bring them.
bool install_client(const fs::path& folder) {
  for (const char* name : {"package.json", "package-lock.json", "client.js"})
    fs::copy_file(source_directory() / "tests" / "system" / "dcmjs" / name, folder / name);
  return run_program({"npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund",
                      "--prefer-offline"},
                     {.patience = std::chrono::seconds(100), .working_directory = folder})
             .exit_code == 0;
}

TEST(Dcmjs, EchoesStoresFindsGetsAndMoves) {
  if (!program_exists("node") || !program_exists("npm")) GTEST_SKIP() << "no node and npm";
  const auto studies = shared_studies();
  if (studies.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  const auto study = std::ranges::find(studies, "mr-brain", &SharedStudy::name);
  ASSERT_NE(study, studies.end());
  TemporaryDirectory client;
  if (!install_client(client.path())) GTEST_SKIP() << "npm cannot fetch dcmjs-dimse";

  const std::string own_port = std::to_string(free_port());
  ArchiveProcess archive({.arguments = {"--remote", "DCMJS=127.0.0.1:" + own_port}});
  std::vector<std::string> words{"node", "client.js", archive.port_text(), own_port};
  for (const std::string& path : study->paths()) words.push_back(path);
  const RunResult ran = run_program(words, {.working_directory = client.path()});
  ASSERT_EQ(ran.exit_code, 0) << ran.report() << archive.log();
  // dcmjs itself prints warnings; ours is the last line.
  const std::size_t begin = ran.output.rfind("\n{");
  auto result = nlohmann::json::parse(
      begin == std::string::npos ? ran.output : ran.output.substr(begin + 1), nullptr, false);
  ASSERT_TRUE(result.is_object()) << ran.report();

  EXPECT_EQ(result["echo"], 0);
  EXPECT_EQ(result["store"], std::vector<int>(study->objects.size(), 0));
  EXPECT_EQ(result["find"], 0);
  ASSERT_EQ(result["found"].size(), 1u) << result;
  EXPECT_EQ(result["found"][0]["study"], study->objects.front().study);
  EXPECT_EQ(result["found"][0]["instances"], study->objects.size());
  const auto sorted = [](nlohmann::json list) {
    std::sort(list.begin(), list.end());
    return list;
  };
  EXPECT_EQ(result["get"], 0);
  EXPECT_EQ(sorted(result["got"]), sorted(result["sent"]));
  EXPECT_EQ(result["move"], 0);
  EXPECT_EQ(sorted(result["moved"]), sorted(result["sent"]));
}

}  // namespace
}  // namespace latent::test
