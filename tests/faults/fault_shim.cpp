#include "tests/faults/fault_shim.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace latent::test {

namespace fs = std::filesystem;

bool shim_works_here() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

FaultShim::FaultShim(fs::path data_dir, fs::path folder)
    : data_dir_(std::move(data_dir)), folder_(std::move(folder)) {
  fs::create_directories(kept());
  // The archive writes here as its own user.
  if (::chmod(folder_.c_str(), 0777) != 0 || ::chmod(kept().c_str(), 0777) != 0)
    throw std::runtime_error("cannot open " + folder_.string() + " to the archive");
}

std::vector<std::string> FaultShim::base() const {
  const std::string data = data_dir_.string();
  return {std::string("LD_PRELOAD=") + LATENT_FAULT_SHIM,
          "LATENT_SHIM_FOLDERS=" + data + "/seg:" + data + "/ring:" + data + "/node"};
}

std::vector<std::string> FaultShim::with_journal() {
  fs::remove(journal());
  fs::remove_all(kept());
  fs::create_directories(kept());
  if (::chmod(kept().c_str(), 0777) != 0) throw std::runtime_error("cannot open the folder");
  auto environment = base();
  environment.push_back("LATENT_SHIM_JOURNAL=" + journal().string());
  environment.push_back("LATENT_SHIM_KEPT=" + kept().string());
  return environment;
}

std::vector<std::string> FaultShim::with_fault(const Fault& fault, When when) {
  fs::remove(folder_ / "hits");
  switch_off();
  auto environment = base();
  environment.push_back("LATENT_SHIM_FAULT=" + fault.kind + ":" + std::to_string(fault.nth) + ":" +
                        fault.what + ":" + std::to_string(fault.count) + ":" + fault.path);
  environment.push_back("LATENT_SHIM_HITS=" + (folder_ / "hits").string());
  if (when == When::switched)
    environment.push_back("LATENT_SHIM_SWITCH=" + (folder_ / "on").string());
  return environment;
}

std::vector<std::string> FaultShim::with_journal_and_fault(const Fault& fault) {
  auto environment = with_journal();
  for (std::string& entry : with_fault(fault))
    if (std::ranges::find(environment, entry) == environment.end())
      environment.push_back(std::move(entry));
  return environment;
}

void FaultShim::switch_on() { std::ofstream(folder_ / "on") << "on\n"; }
void FaultShim::switch_off() { fs::remove(folder_ / "on"); }

std::vector<std::string> FaultShim::hits() const {
  std::vector<std::string> lines;
  std::ifstream file(folder_ / "hits");
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace latent::test
