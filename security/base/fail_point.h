// Named places where a test may make the process die, as a power cut would (formats.md §4).
// LATENT_FAIL=name[:nth] in the environment kills the process with SIGKILL when the place is
// reached for the nth time (default 1). Compiled in always; a place costs one branch when unset.
#pragma once

#include <string_view>

namespace latent::fail_point {

/// Reads the environment once; called by main before any thread exists.
void configure_from_environment();
/// The name is one of the table in docs/formats.md.
void reach(std::string_view name);
/// Whether a test named this place, so that it can first leave the half-done state it stands for.
bool armed(std::string_view name);

}  // namespace latent::fail_point
