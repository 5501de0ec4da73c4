// Where the shared test data lies: LATENT_SHARED, else ../shared beside the source tree. Tests that
// need it are skipped when it is absent:
//   const auto path = test::shared_file("data/standard/sops.json");
//   if (!path) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/source_directory.h"

namespace latent::test {

inline std::filesystem::path shared_directory() {
  if (const char* set = std::getenv("LATENT_SHARED"); set != nullptr && *set != '\0') return set;
  return source_directory().parent_path() / "shared";
}

/// A file or folder below it, or nothing when it is not there.
inline std::optional<std::filesystem::path> shared_file(const std::string& relative) {
  std::error_code ignored;
  std::filesystem::path path = shared_directory() / relative;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return path;
}

}  // namespace latent::test
