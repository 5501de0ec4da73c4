// The disk is full: senders hear A700, reading goes on, and when there is space again everything
// goes on without a restart.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>

#include "dicom/network/status.h"
#include "security/base/clock.h"
#include "security/base/raii.h"
#include "tests/faults/promises.h"
#include "tests/faults/until.h"
#include "tests/support/temporary_directory.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::model::tags;

/// A small file system of its own; gone with this object.
class SmallDisk {
 public:
  explicit SmallDisk(std::uint64_t bytes) {
    fs::create_directories(mount_point());
    const std::string options = "mode=0755,size=" + std::to_string(bytes);
    if (::mount("tmpfs", mount_point().c_str(), "tmpfs", 0, options.c_str()) != 0)
      reason_ = std::strerror(errno);
  }
  ~SmallDisk() {
    // Whatever still runs on it keeps it alive until it ends; nobody finds it any more.
    if (works()) ::umount2(mount_point().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool works() const { return reason_.empty(); }
  const std::string& reason() const { return reason_; }
  fs::path mount_point() const { return folder_ / "disk"; }
  std::uint64_t free_bytes() const {
    struct statvfs status {};
    ::statvfs(mount_point().c_str(), &status);
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }
  /// Somebody else's file: leaves about `left` bytes free.
  void fill(std::uint64_t left) {
    const std::uint64_t now_free = free_bytes();
    if (now_free <= left) return;
    const FileDescriptor file(
        ::open((mount_point() / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const auto size = static_cast<off_t>(fs::file_size(mount_point() / "filler"));
    // Fails when others take the rest meanwhile; then it is full too.
    static_cast<void>(::posix_fallocate(file.get(), size, static_cast<off_t>(now_free - left)));
  }
  void relieve() { fs::remove(mount_point() / "filler"); }

 private:
  TemporaryDirectory folder_;
  std::string reason_;
};

class DiskFullTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kDisk = 900ull << 20;

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small disk";
    disk_.emplace(kDisk);
    if (!disk_->works()) GTEST_SKIP() << "cannot mount a small disk: " << disk_->reason();
    archive_.emplace(
        ArchiveProcess::Options{.configuration = "[store]\nmin_free_bytes = \"100 MiB\"\n",
                                .data_dir = disk_->mount_point() / "data"});
    Senders senders(archive_->port(), {.root = "2.25.31", .senders = 2, .large = false});
    senders.join();
    before_ = senders.fates();
  }
  void TearDown() override { archive_.reset(); }

  DicomPeer peer() const { return DicomPeer(archive_->port()); }
  StoreAnswer store(int number) const { return peer().store(object_of("2.25.32", number)); }
  bool is_stored_within(std::chrono::seconds patience) {
    return until([&] { return store(1).is_stored(); }, patience);
  }

  std::optional<SmallDisk> disk_;
  std::optional<ArchiveProcess> archive_;
  Fates before_;
};

TEST_F(DiskFullTest, BelowTheMinimumNothingIsTakenAndReadingGoesOn) {
  disk_->fill(90u << 20);

  const StoreAnswer refused = store(1);
  EXPECT_EQ(refused.status, dicom::network::status::kStoreOutOfResources);
  EXPECT_NE(refused.comment.find("no room"), std::string::npos) << refused.comment;
  expect_promises_kept(*archive_, before_);

  disk_->relieve();
  EXPECT_TRUE(is_stored_within(std::chrono::seconds(20)));
  expect_promises_kept(*archive_, {{"2.25.32", {{1, true}}}});
  expect_verified(*archive_);
  EXPECT_EQ(archive_->stop(), 0);
}

TEST_F(DiskFullTest, ToTheLastByteReadingGoesOnFromTheBallast) {
  const fs::path ballast = archive_->data_dir() / "pg-ballast";
  ASSERT_TRUE(fs::exists(ballast));
  disk_->fill(0);
  EXPECT_TRUE(until([&] { return !fs::exists(ballast); }, std::chrono::seconds(20)))
      << "the ballast was not given to the database";

  EXPECT_EQ(store(1).status, dicom::network::status::kStoreOutOfResources);
  // Every read writes two audit rows; a hundred of them find room.
  for (int i = 0; i < 100 && !HasFailure(); ++i) expect_promises_kept(*archive_, before_);

  disk_->relieve();
  EXPECT_TRUE(is_stored_within(std::chrono::seconds(20)));
  EXPECT_TRUE(until([&] { return fs::exists(ballast); }, std::chrono::seconds(20)))
      << "no ballast for the next time";
  expect_promises_kept(*archive_, before_);
  expect_verified(*archive_);
  EXPECT_EQ(archive_->stop(), 0);
}

TEST_F(DiskFullTest, WhenEvenTheDatabaseFindsNoSpaceItComesBackByItselfOnceThereIsSome) {
  disk_->fill(0);
  // The ballast goes too, and a database that must start now finds no space to recover.
  until([&] { return !fs::exists(archive_->data_dir() / "pg-ballast"); }, std::chrono::seconds(20));
  disk_->fill(0);
  ::kill(archive_->database_process(), SIGKILL);
  EXPECT_EQ(store(1).status, dicom::network::status::kStoreOutOfResources);
  EXPECT_TRUE(archive_->is_running());

  disk_->relieve();
  EXPECT_TRUE(is_stored_within(std::chrono::seconds(60)));
  expect_promises_kept(*archive_, before_);
  expect_promises_kept(*archive_, {{"2.25.32", {{1, true}}}});
  expect_verified(*archive_);
  EXPECT_EQ(archive_->stop(), 0);
}

TEST_F(DiskFullTest, ASenderInTheMiddleOfABigObjectHearsIt) {
  // min_free still holds when the object begins, and the space is gone when it ends.
  disk_->fill(110u << 20);
  DicomObject big = object_of("2.25.33.1", 7);
  std::vector<DicomObject> many;
  for (int i = 0; i < 24; ++i) {
    many.push_back(big);
    many.back().sop_instance += "." + std::to_string(i);
    many.back() = make_object("2.25.33.1", "2.25.33.1.1", many.back().sop_instance,
                              {{{0x7FE0, 0x0010}, std::string(12u << 20, 'x')}});
  }
  int stored = 0;
  for (const StoreAnswer& answer : peer().store(many)) {
    stored += answer.is_stored() ? 1 : 0;
    if (answer.is_stored()) continue;
    EXPECT_EQ(answer.status, dicom::network::status::kStoreOutOfResources) << answer.comment;
  }
  EXPECT_LT(stored, 24);
  expect_promises_kept(*archive_, before_);
  disk_->relieve();
  EXPECT_TRUE(is_stored_within(std::chrono::seconds(20)));
  expect_verified(*archive_);
  EXPECT_EQ(archive_->stop(), 0);
}

}  // namespace
}  // namespace latent::test
