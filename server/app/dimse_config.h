// From the configuration file's words to what the DICOM face has to be told.
#pragma once

#include <cstdint>

#include "server/dimse/config.h"
#include "server/settings/config.h"

namespace latent::server::app {

/// `descriptors`: how many files the process may have open; fewer connections are taken than are
/// configured when that is too little for them.
dimse::Config dimse_config(const settings::Config& config, std::uint64_t descriptors);

}  // namespace latent::server::app
