#include "tests/system/dcmtk_receiver.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "security/base/clock.h"
#include "tests/support/run_program.h"
#include "tests/system/free_port.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;

}  // namespace

DcmtkReceiver::DcmtkReceiver() : port_(free_port()) {
  std::vector<std::string> words{"storescp",
                                 "--quiet",
                                 "--accept-all",
                                 "--bit-preserving",
                                 "--promiscuous",
                                 "--output-directory",
                                 folder_.path().string(),
                                 port_text()};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (::posix_spawnp(&process_, "storescp", nullptr, nullptr, arguments.data(), environ) != 0)
    throw std::runtime_error("storescp does not start");
  // It says nowhere that it listens; so it is asked until it does, or has ended.
  const Deadline deadline = deadline_in(std::chrono::seconds(20));
  while (!accepts_connections(port_)) {
    if (wait_for_exit(process_, deadline_in(std::chrono::milliseconds(20))) ||
        std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("storescp does not listen");
  }
}

DcmtkReceiver::~DcmtkReceiver() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

std::vector<DicomObject> DcmtkReceiver::received() const { return objects_in(folder_.path()); }

void DcmtkReceiver::forget() {
  for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove(entry.path());
}

std::vector<DicomObject> objects_in(const fs::path& folder) {
  std::vector<DicomObject> objects;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) objects.push_back(read_object(entry.path()));
  return objects;
}

}  // namespace latent::test
