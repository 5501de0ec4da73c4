// Paces attempts at something that gives no signal when it is over, such as the end of another
// process's children. Never a way for our own threads to wait for each other.
#pragma once

#include <poll.h>

#include <chrono>

namespace latent::storage::database::detail {

inline void pace_attempts(std::chrono::milliseconds pause) {
  ::poll(nullptr, 0, static_cast<int>(pause.count()));
}

}  // namespace latent::storage::database::detail
