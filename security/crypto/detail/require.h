// For what cannot fail in a correct program with memory left. Ends the process: going on would
// seal or open with unknown results.
#pragma once

namespace latent::security::crypto::detail {

void require(bool holds, const char* what);

}  // namespace latent::security::crypto::detail
