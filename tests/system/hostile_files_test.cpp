// Broken files: every one of the shared ones, those that their script makes at test time, and files
// bent here; sent by C-STORE as they lie (without their head) and taken in by `latent import`.
// Stored ones come back bit for bit; refused ones say why and are nowhere.
#include <fmt/format.h>
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
#include "security/base/identifiers.h"
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
const std::map<std::string, Expected> kExpected = {
    {"000-control-good.dcm", {"", ""}},
    {"001-zero-bytes.dcm", {"(0008,0016) is missing", "not a DICOM file"}},
    {"002-one-byte.dcm", {"(0008,0016) is missing", "not a DICOM file"}},
    {"003-preamble-no-magic.dcm", {"(0008,0016) is missing", "not a DICOM file"}},
    {"004-preamble-only.dcm", {"no element stands behind the zeros", "nothing behind it"}},
    {"005-magic-at-zero.dcm", {"", ""}},
    {"006-cut-in-meta.dcm", {"no element stands behind the zeros", "cut: "}},
    {"007-cut-in-ts-uid.dcm", {"no element stands behind the zeros", "cut: "}},
    {"008-cut-after-meta.dcm", {"(0008,0016) is missing", "(0008,0016) is missing"}},
    {"009-cut-in-tag.dcm", {"cut: ", "cut: "}},
    {"010-cut-in-length.dcm", {"cut: ", "cut: "}},
    {"011-cut-in-value.dcm", {"cut: ", "cut: "}},
    {"012-cut-in-pixels.dcm", {"cut: ", "cut: "}},
    {"013-last-byte-missing.dcm", {"cut: ", "cut: "}},
    {"014-meta-length-too-small.dcm", {"", ""}},
    {"015-meta-length-too-large.dcm", {"", ""}},
    {"016-meta-length-max.dcm", {"", ""}},
    {"017-ts-unknown.dcm", {"", ""}},
    {"018-ts-empty.dcm", {"", ""}},
    {"019-ts-missing.dcm", {"", ""}},
    {"020-ts-implicit-lie.dcm", {"", ""}},
    {"021-ts-bigendian-lie.dcm", {"", ""}},
    {"022-ts-deflated-lie.dcm", {"", ""}},
    {"023-ts-jpeg-lie.dcm", {"", ""}},
    {"024-ts-native-lie.dcm", {"", ""}},
    {"025-deflate-cut.dcm", {"cut: ", "cut: "}},
    {"026-deflate-mini-bomb.dcm", {"", ""}},
    {"027-sop-class-differs.dcm", {"", ""}},
    {"028-sop-uid-differs.dcm", {"", ""}},
    {"029-no-sop-uid.dcm", {"(0008,0018) is missing", "(0008,0018) is missing"}},
    {"030-no-study-uid.dcm", {"(0020,000D) is missing", "(0020,000D) is missing"}},
    {"031-empty-study-uid.dcm", {"(0020,000D) is empty", "(0020,000D) is empty"}},
    {"032-uid-traversal.dcm", {"(0000,1000) is malformed", "holds no UID"}},
    {"033-uid-too-long.dcm", {"(0000,1000) is malformed", "holds no UID"}},
    {"034-uid-inner-nul.dcm", {"(0000,1000) is malformed", "holds no UID"}},
    {"035-length-past-end.dcm", {"claims 60000 bytes", "claims 60000 bytes"}},
    {"036-length-fffffffe.dcm", {"claims 4294967294 bytes", "claims 4294967294 bytes"}},
    {"037-odd-length.dcm", {"", ""}},
    {"038-vr-unknown.dcm", {"", ""}},
    {"039-vr-nul.dcm", {"", ""}},
    {"040-sq-past-end.dcm", {"where an item", "where an item"}},
    {"041-sq-no-end.dcm", {"where an item", "where an item"}},
    {"042-item-past-sq.dcm", {"claims 5000 bytes", "claims 5000 bytes"}},
    {"043-not-an-item.dcm", {"where an item", "where an item"}},
    {"044-stray-delimiters.dcm", {"", ""}},
    {"045-nested-65.dcm", {"nested deeper", "nested deeper"}},
    {"046-duplicate-tags.dcm", {"", ""}},
    {"047-tags-out-of-order.dcm", {"", ""}},
    {"048-rows-zero.dcm", {"", ""}},
    {"049-rows-cols-huge.dcm", {"", ""}},
    {"050-bits-17-of-16.dcm", {"", ""}},
    {"051-bits-zero.dcm", {"", ""}},
    {"052-samples-255.dcm", {"", ""}},
    {"053-frames-negative.dcm", {"", ""}},
    {"054-frames-max.dcm", {"", ""}},
    {"055-encaps-empty.dcm", {"", ""}},
    {"056-encaps-no-end.dcm", {"cut: ", "cut: "}},
    {"057-offset-table-wild.dcm", {"", ""}},
    {"058-fragment-length-lie.dcm", {"claims 4294967280 bytes", "claims 4294967280 bytes"}},
    {"059-rle-segments-wild.dcm", {"", ""}},
    {"060-jpeg-size-lie.dcm", {"", ""}},
    {"061-charset-unknown.dcm", {"", ""}},
    {"062-utf8-invalid.dcm", {"", ""}},
    {"063-hostile-text.dcm", {"", ""}},
    {"064-name-10k.dcm", {"", ""}},
    {"065-date-nonsense.dcm", {"", ""}},
    {"066-trailing-garbage.dcm", {"", ""}},
    {"067-two-files-joined.dcm", {"", ""}},
    {"068-pixels-not-last.dcm", {"", ""}},
    {"070-bit-flips.dcm", {"cut: ", "cut: "}},
    {"071-bit-flips.dcm", {"no element stands behind the zeros", "cut: the file ends inside"}},
    {"072-bit-flips.dcm", {"(0020,000D) holds no UID", "(0020,000D) holds no UID"}},
    {"073-bit-flips.dcm", {"no element stands behind the zeros", "cut: the file ends inside"}},
    {"080-html.dcm", {"claims 1887007843 bytes", "not a DICOM file"}},
    {"081-random.dcm", {"claims 4024633405 bytes", "not a DICOM file"}},
    {"h01-deflate-bomb-1GiB.dcm", {"", ""}},
    {"h02-nested-1000-undefined.dcm", {"nested deeper", "nested deeper"}},
    {"h02-nested-10000-undefined.dcm", {"nested deeper", "nested deeper"}},
    {"h03-nested-1000-defined.dcm", {"nested deeper", "nested deeper"}},
    {"h04-100k-empty-items.dcm", {"", ""}},
    {"h05-3GiB-claim.dcm", {"claims 3221225472 bytes", "claims 3221225472 bytes"}},
    {"h06-jpeg-65500.dcm", {"", ""}},
    {"public__OutOfBoundsOverlay.dcm", {"", ""}},
    {"public__invalid-vr-length-test.dcm", {"", ""}},
};

/// Two deflated files share a UID that own_uids() cannot reach: the later takes the other's place.
ArchiveProcess::Options replacing() {
  return {.configuration = "[store]\nduplicates = \"replace\"\n"};
}

/// The files share their UIDs, and the archive would compare each with the one before. In `bytes`
/// they get UIDs of the same length of their own; nothing else changes.
void own_uids(std::string& bytes, std::size_t number) {
  constexpr std::string_view kRoot = "2.25.1234567890";  // of make_broken.py
  const std::string own = fmt::format("2.25.1{:09}", number);
  for (std::size_t at = bytes.find(kRoot); at != bytes.npos; at = bytes.find(kRoot, at))
    bytes.replace(at, kRoot.size(), own);
}

/// Made once: compressing a gigabyte takes its time.
fs::path heavy_files(const fs::path& script) {
  static const TemporaryDirectory folder;
  static const RunResult made =
      run_program({"python3", script.string(), "--heavy", folder.path().string()});
  EXPECT_EQ(made.exit_code, 0) << made.report();
  return folder.path();
}

/// The shared files, and those of `make_broken.py --heavy`, each with UIDs of its own, in
/// `scratch`.
std::vector<fs::path> broken_files(const fs::path& scratch, const std::string& left_out) {
  const auto folder = shared_file("data/broken");
  if (!folder) return {};
  const fs::path bent = scratch / "bent";
  fs::create_directories(bent);
  const fs::path heavy = heavy_files(*folder / "make_broken.py");
  std::vector<fs::path> files;
  for (const fs::path& from : {*folder, heavy})
    for (const auto& entry : fs::directory_iterator(from))
      if (entry.path().extension() == ".dcm" &&
          (everything_is_wanted() || entry.path().stem() != left_out))
        files.push_back(entry.path());
  std::ranges::sort(files, {}, [](const fs::path& file) { return file.filename(); });
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::ifstream stream(files[i], std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    own_uids(bytes, i);
    files[i] = bent / files[i].filename();
    std::ofstream(files[i], std::ios::binary) << bytes;
  }
  return files;
}

/// The archive's one version of it, byte for byte.
void expect_identical(const Siege& siege, const DicomObject& object, const std::string& name) {
  const auto got = DicomPeer(siege.port()).get(object);
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
  expect_verified(siege.archive());
}

TEST(HostileFiles, ByCStore) {
  const TemporaryDirectory scratch;
  const auto files = broken_files(scratch.path(), "026-deflate-mini-bomb");
  if (files.empty()) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  Siege siege("files by C-STORE", replacing());
  std::set<std::string> stored;
  for (const fs::path& file : files) {
    const std::string name = file.filename();
    DicomObject object = object_of(file);
    const DicomObject own = object;
    // What cannot be offered or announced at all: something must stand there.
    if (!SopClassUid::parse(object.sop_class)) object.sop_class = "1.2.840.10008.5.1.4.1.1.7";
    if (object.sop_instance.empty()) object.sop_instance = "2.25.1";
    if (!TransferSyntaxUid::parse(object.transfer_syntax))
      object.transfer_syntax = "1.2.840.10008.1.2";
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
  const auto files = broken_files(scratch.path(), "h01-deflate-bomb-1GiB");
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
    const bool is_stored = kind == "stored" || kind == "new_version";
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
