// Keys as the rooms to the right know them.
#pragma once

#include "security/crypto/study_key.h"

namespace latent::security::keys {

using crypto::StudyKey;
using crypto::StudyKeyPtr;

}  // namespace latent::security::keys
