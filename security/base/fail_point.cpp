#include "security/base/fail_point.h"

#include <csignal>
#include <cstdlib>

#include <atomic>
#include <string>

namespace latent::fail_point {
namespace {

// Written once before threads start, read-only afterwards.
std::string armed_name;                  // NOLINT: process-wide by nature, see the header
std::atomic<long> remaining_hits{0};     // NOLINT

}  // namespace

void configure_from_environment() {
  const char* text = std::getenv("LATENT_FAIL");
  if (text == nullptr) return;
  std::string_view setting(text);
  const auto colon = setting.find(':');
  armed_name = std::string(setting.substr(0, colon));
  remaining_hits = colon == std::string_view::npos
                       ? 1
                       : std::strtol(std::string(setting.substr(colon + 1)).c_str(), nullptr, 10);
}

bool armed(std::string_view name) { return !armed_name.empty() && name == armed_name; }

void reach(std::string_view name) {
  if (!armed(name)) return;
  if (remaining_hits.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace latent::fail_point
