// From the configuration file's words to what the DICOM face has to be told.
#pragma once

#include "server/dimse/config.h"
#include "server/settings/config.h"

namespace latent::server::app {

dimse::Config dimse_config(const settings::Config& config);

}  // namespace latent::server::app
