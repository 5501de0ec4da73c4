// The demo studies into an archive, by the same way as any import.
#pragma once

#include <cstdint>

#include "security/base/result.h"
#include "server/settings/config.h"

namespace latent::server::cli {

struct DemoCounts {
  std::uint64_t stored = 0;
  std::uint64_t already_there = 0;
};
/// Errors: as control::Client::connect; internal when an object is refused.
Result<DemoCounts> load_demo(const settings::Config& config);

}  // namespace latent::server::cli
