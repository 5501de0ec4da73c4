// A folder for one test, removed at its end.
#pragma once

#include <filesystem>

namespace latent::test {

class TemporaryDirectory {
 public:
  /// Below $TMPDIR or /tmp. Other users may pass through (0711): a server that dropped its rights
  /// must reach what lies inside.
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace latent::test
