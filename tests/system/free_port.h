// A TCP port of the loopback address that nobody uses now, for programs that must be told one.
#pragma once

#include <cstdint>

namespace latent::test {

/// Throws std::runtime_error when there is none.
std::uint16_t free_port();
/// Whether somebody accepts connections there.
bool accepts_connections(std::uint16_t port);

}  // namespace latent::test
