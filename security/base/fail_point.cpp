#include "security/base/fail_point.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

namespace latent::fail_point {
namespace {

// Written once before threads start, read-only afterwards.
std::string armed_name;               // NOLINT: process-wide by nature, see the header
std::atomic<long> remaining_hits{0};  // NOLINT

}  // namespace

bool configure_from_environment() {
  const char* text = std::getenv("LATENT_FAIL");
  if (text == nullptr) return true;
  const std::string_view setting(text);
  const auto colon = setting.find(':');
  armed_name = std::string(setting.substr(0, colon));
  remaining_hits = colon == std::string_view::npos
                       ? 1
                       : std::strtol(std::string(setting.substr(colon + 1)).c_str(), nullptr, 10);
  return remaining_hits > 0 && std::ranges::find(kPlaces, armed_name) != kPlaces.end();
}

bool armed(Place place) { return !armed_name.empty() && place.name() == armed_name; }

void reach(Place place) {
  if (!armed(place)) return;
  if (remaining_hits.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace latent::fail_point
