// dcmconv as the independent peer: what it rewrites is the same content as its source, and what we
// rewrite it reads to the same content.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/scanner/part10.h"
#include "dicom/writer/file_meta.h"
#include "tests/dicom/writer/scanned_content.h"
#include "tests/support/run_program.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_directory.h"

namespace latent::dicom::writer {
namespace {

namespace fs = std::filesystem;
namespace syntaxes = model::transfer_syntaxes;

struct File {
  std::string syntax;
  Bytes data_set;
};
File open_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  scanner::Part10Reader head{Limits{}};
  const auto done = head.feed(as_bytes(content));
  if (!done || !head.finish()) return {};
  const ByteSpan rest = head.rest();
  return {head.meta().transfer_syntax, Bytes(rest.begin(), rest.end())};
}
void write_file(const fs::path& path, std::string_view syntax, ByteSpan data_set) {
  Bytes file = file_head({.sop_class = "1.2.840.10008.5.1.4.1.1.7",
                          .sop_instance = "2.25.1",
                          .transfer_syntax = syntax,
                          .source_ae_title = {}});
  append(file, data_set);
  std::ofstream(path, std::ios::binary) << as_text(file);
}
bool dcmconv(std::string_view option, const fs::path& from, const fs::path& to) {
  return test::run_program({"dcmconv", std::string(option), from.string(), to.string()})
             .exit_code == 0;
}

struct Target {
  std::string_view option;  ///< of dcmconv
  std::string_view syntax;
};
constexpr std::array<Target, 4> kTargets = {
    Target{"+ti", syntaxes::kImplicitLittle}, Target{"+te", syntaxes::kExplicitLittle},
    Target{"+tb", syntaxes::kExplicitBig}, Target{"+td", syntaxes::kDeflated}};

/// Native files of every kind: CT, MR, big endian, deflated, structured reports, RT, enhanced
/// multi-frame, waveforms, palettes, private groups.
const std::array<const char*, 20> kFiles = {"pydicom__CT_small.dcm",
                                            "pydicom__MR_small.dcm",
                                            "pydicom__MR_small_implicit.dcm",
                                            "pydicom__MR_small_bigendian.dcm",
                                            "pydicom__ExplVR_BigEnd.dcm",
                                            "dicomparser__wave_dfl.dcm",
                                            "dcm4che__report_dfl.dcm",
                                            "dcmqi__sr.dcm",
                                            "dcmqi__seg.dcm",
                                            "dcmqi__mf.dcm",
                                            "pydicom__rtplan.dcm",
                                            "pydicom__rtdose.dcm",
                                            "pydicom-data__emri_small.dcm",
                                            "pydicom-data__emri_small_big_endian.dcm",
                                            "orthanc__Issue22-NoPixelData.dcm",
                                            "orthanc__Issue94.dcm",
                                            "pydicom__SC_rgb_small_odd.dcm",
                                            "fo-dicom__TestPattern_Palette_16.dcm",
                                            "pydicom-data__parametric_map_double_float.dcm",
                                            "pydicom__chrH31.dcm"};

TEST(DcmtkRewrites, AreTheSameContentAsTheirSourceBothWays) {
  const auto folder = test::shared_file("data/dicom");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  if (!test::program_exists("dcmconv")) GTEST_SKIP() << "needs dcmconv (package dcmtk)";
  const test::TemporaryDirectory scratch;
  std::size_t theirs = 0, ours = 0;
  for (const char* name : kFiles) {
    const File source = open_file(*folder / name);
    ASSERT_FALSE(source.data_set.empty()) << name;
    for (const Target& target : kTargets) {
      const std::string what = std::string(name) + " " + std::string(target.option);
      const fs::path rewritten = scratch / "theirs.dcm";
      if (dcmconv(target.option, *folder / name, rewritten)) {
        const File file = open_file(rewritten);
        EXPECT_EQ(file.syntax, target.syntax) << what;
        expect_same_content(source.data_set, source.syntax, file.data_set, file.syntax,
                            "theirs " + what);
        ++theirs;
      }
      const auto own = converted(source.data_set, source.syntax, target.syntax, 1000);
      ASSERT_TRUE(own) << what << ": " << own.error().text;
      write_file(scratch / "ours.dcm", target.syntax, *own);
      ASSERT_TRUE(dcmconv("+te", scratch / "ours.dcm", rewritten)) << what;
      const File back = open_file(rewritten);
      expect_same_content(source.data_set, source.syntax, back.data_set, back.syntax,
                          "ours " + what);
      ++ours;
    }
  }
  EXPECT_GT(theirs, 70u);
  EXPECT_EQ(ours, kFiles.size() * kTargets.size());
}

}  // namespace
}  // namespace latent::dicom::writer
