#include "tests/support/proof.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace latent::test {

void show_proof(const std::string& name, const std::string& markdown) {
  std::cout << markdown << std::flush;
  const char* folder = std::getenv("LATENT_PROOF");
  if (folder == nullptr || *folder == '\0') return;
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  std::ofstream(std::filesystem::path(folder) / (name + ".md")) << markdown;
}

}  // namespace latent::test
