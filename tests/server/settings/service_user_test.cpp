#include "server/settings/service_user.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace latent::server::settings {
namespace {

namespace fs = std::filesystem;

/// An id that no account has: these functions look only at the number.
const ServiceUser kSomebody{"somebody", 61234, 61234};

class ServiceUserAsRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: only root can give things away";
    std::string name = "/tmp/latent-user-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ASSERT_EQ(::chmod(name.c_str(), 0755), 0);
  }
  void TearDown() override {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  static struct stat status_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
  }
  fs::path folder_;
};

/// Runs `body` in a child process, since what it does cannot be undone; true when it returned true.
template <class Body>
bool in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(ServiceUserAsRoot, ANewFolderIsTheUsersAlone) {
  ASSERT_TRUE(make_folder_for(kSomebody, folder_ / "deep" / "data"));
  const auto status = status_of(folder_ / "deep" / "data");
  EXPECT_EQ(status.st_uid, kSomebody.uid);
  EXPECT_EQ(status.st_gid, kSomebody.gid);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
  EXPECT_TRUE(make_folder_for(kSomebody, folder_ / "deep" / "data")) << "the second start";
}

TEST_F(ServiceUserAsRoot, AFolderWithSomebodyElsesFilesIsLeftAlone) {
  std::ofstream(folder_ / "letter.txt") << "mine";
  const auto made = make_folder_for(kSomebody, folder_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::refused);
  EXPECT_EQ(status_of(folder_).st_uid, 0u);
}

TEST_F(ServiceUserAsRoot, ALinkIsNotFollowedToWhatItNames) {
  ASSERT_TRUE(fs::create_directory(folder_ / "target"));
  fs::create_directory_symlink(folder_ / "target", folder_ / "data");
  EXPECT_FALSE(make_folder_for(kSomebody, folder_ / "data"));
  EXPECT_EQ(status_of(folder_ / "target").st_uid, 0u);

  std::ofstream(folder_ / "secret") << "x";
  fs::create_symlink(folder_ / "secret", folder_ / "key");
  EXPECT_FALSE(hand_over(kSomebody, folder_ / "key"));
  fs::create_hard_link(folder_ / "secret", folder_ / "key2");
  EXPECT_FALSE(hand_over(kSomebody, folder_ / "key2"));
  EXPECT_EQ(status_of(folder_ / "secret").st_uid, 0u);
}

TEST_F(ServiceUserAsRoot, AKeyFileIsHandedOver) {
  std::ofstream(folder_ / "key") << "x";
  ASSERT_TRUE(hand_over(kSomebody, folder_ / "key"));
  EXPECT_EQ(status_of(folder_ / "key").st_uid, kSomebody.uid);
  EXPECT_EQ(status_of(folder_ / "key").st_mode & 07777, 0600u);
}

TEST_F(ServiceUserAsRoot, RootIsLeftForGood) {
  EXPECT_TRUE(in_child([] {
    return become(kSomebody) && ::geteuid() == kSomebody.uid && ::getuid() == kSomebody.uid &&
           ::getegid() == kSomebody.gid && ::getgroups(0, nullptr) == 0 && ::setuid(0) != 0 &&
           ::access("/root", R_OK) != 0 && fs::current_path() == "/";
  }));
}

TEST_F(ServiceUserAsRoot, NobodyBecomesRoot) {
  EXPECT_TRUE(in_child([] { return !become(ServiceUser{"toor", 0, 0}); }));
}

TEST(ServiceUser, AnOrdinaryUserHasNothingToLeave) {
  if (::geteuid() == 0) {
    EXPECT_TRUE(
        in_child([] { return become(kSomebody) && leave_root("/nonexistent", "/nonexistent"); }));
  } else {
    EXPECT_TRUE(leave_root("/nonexistent", "/nonexistent"));
  }
}

}  // namespace
}  // namespace latent::server::settings
