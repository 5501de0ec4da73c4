// Starting and stopping, as an operator and a service manager see it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "dicom/network/status.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::model::tags;

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

/// The effective user of a process.
unsigned user_of(int process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string key;
    unsigned real = 0, effective = 0;
    if (words >> key >> real >> effective && key == "Uid:") return effective;
  }
  return ~0u;
}

TEST(Lifecycle, StopsGracefullyAndTheSecondStartFindsEverything) {
  ArchiveProcess archive;
  EXPECT_NE(user_of(archive.process_id()), 0u) << "a server runs as root";
  const DicomObject object = make_object("2.25.1", "2.25.2", "2.25.3", {});
  ASSERT_TRUE(DicomPeer(archive.port()).store(object).is_stored());

  EXPECT_EQ(archive.stop(), 0) << archive.log();
  EXPECT_FALSE(fs::exists(archive.data_dir() / "control.sock"));

  const auto began = std::chrono::steady_clock::now();
  archive.start();
  EXPECT_LT(seconds_since(began), 15) << "a second start takes seconds";
  const auto got =
      DicomPeer(archive.port())
          .get(Root::study,
               {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, object.study}},
               std::span(&object, 1));
  EXPECT_EQ(got.completed, 1);
}

TEST(Lifecycle, OneThatWasKilledStartsAgainOverItsLivingDatabase) {
  ArchiveProcess archive;
  archive.kill();
  archive.start();
  EXPECT_EQ(DicomPeer(archive.port()).echo(), dicom::network::status::kSuccess);
  EXPECT_EQ(archive.stop(), 0);
}

TEST(Lifecycle, ASecondServerOnTheSameFolderIsRefusedWithASentence) {
  ArchiveProcess archive;
  const RunResult second = archive.run({"serve", "--dimse-port", "0"});
  EXPECT_EQ(second.exit_code, 2) << second.report();
  EXPECT_NE(second.errors.find(archive.data_dir().string()), std::string::npos) << second.report();
  EXPECT_EQ(DicomPeer(archive.port()).echo(), dicom::network::status::kSuccess);
}

TEST(Lifecycle, APortInUseIsNamed) {
  ArchiveProcess archive;
  TemporaryDirectory other;
  const RunResult second =
      run_program({latent_binary().string(), "serve", "--data", (other / "data").string(),
                   "--dimse-port", archive.port_text()});
  EXPECT_EQ(second.exit_code, 2) << second.report();
  EXPECT_NE(second.errors.find(archive.port_text()), std::string::npos) << second.report();
  EXPECT_EQ(second.output.find("ready"), std::string::npos) << second.report();
}

TEST(Lifecycle, AMistakeInTheConfigurationStopsTheStartAndNamesLineAndKey) {
  TemporaryDirectory folder;
  const auto start_with = [&](const std::string& text) {
    std::ofstream(folder / "latent.toml") << text;
    return run_program({latent_binary().string(), "serve", "--data", (folder / "data").string(),
                        "--config", (folder / "latent.toml").string()});
  };
  const RunResult unknown = start_with("\n[dimse]\naet = \"A\"\nprot = 104\n");
  EXPECT_EQ(unknown.exit_code, 2) << unknown.report();
  EXPECT_NE(unknown.errors.find("latent.toml:4"), std::string::npos) << unknown.report();
  EXPECT_NE(unknown.errors.find("prot"), std::string::npos) << unknown.report();

  const RunResult mistyped = start_with("[dimse]\nport = \"eleven\"\n");
  EXPECT_EQ(mistyped.exit_code, 2) << mistyped.report();
  EXPECT_NE(mistyped.errors.find("latent.toml:2"), std::string::npos) << mistyped.report();
  EXPECT_NE(mistyped.errors.find("dimse.port"), std::string::npos) << mistyped.report();

  const RunResult absent = run_program(
      {latent_binary().string(), "serve", "--config", (folder / "absent.toml").string()});
  EXPECT_EQ(absent.exit_code, 2) << absent.report();
  EXPECT_NE(absent.errors.find("absent.toml"), std::string::npos) << absent.report();
  EXPECT_FALSE(fs::exists(folder / "data")) << "something was made before the mistake was found";
}

TEST(Lifecycle, CallersByAnotherNameAreRejected) {
  ArchiveProcess archive({.arguments = {"--aet", "ARCHIVE1"}});
  EXPECT_EQ(DicomPeer(archive.port(), "TESTPEER", "ARCHIVE1").echo(),
            dicom::network::status::kSuccess);
  try {
    DicomPeer(archive.port(), "TESTPEER", "LATENT").echo();
    FAIL() << "it answers to a name that is not its own";
  } catch (const std::runtime_error& rejected) {
    EXPECT_NE(std::string(rejected.what()).find("1/1/7"), std::string::npos) << rejected.what();
  }
}

}  // namespace
}  // namespace latent::test
