// Secrets in memory and the randomness they are made of. A Secret is wiped when it dies, can be
// moved but neither copied nor printed.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

#include "security/base/bytes.h"

namespace latent::security::crypto {

/// Where random bytes come from. Functions that draw take one as last argument, so that a test can
/// hand in a reproducible source; the default is random_bytes().
using Random = void (*)(MutableByteSpan out);

/// Fills `out` from the operating system's generator (RAND_bytes). Ends the process when there is
/// none: whatever would be sealed then could be guessed.
void random_bytes(MutableByteSpan out);

/// Overwrites in a way that the compiler may not leave out.
void wipe(MutableByteSpan bytes) noexcept;

/// A fresh random identifier, for example `random_id<BlobId>()`.
template <class Id>
Id random_id(Random random = random_bytes) {
  Id id;
  random(id.bytes);
  return id;
}

/// Compares without telling by the time taken where the difference is. Unequal sizes differ.
bool equal_in_constant_time(ByteSpan a, ByteSpan b);

template <std::size_t N>
class Secret {
 public:
  static constexpr std::size_t kBytes = N;

  Secret() = default;
  /// `bytes` holds exactly N bytes; the caller wipes its own copy.
  explicit Secret(std::span<const std::byte, N> bytes) {
    std::memcpy(bytes_.data(), bytes.data(), N);
  }
  static Secret random(Random source = random_bytes) {
    Secret secret;
    source(secret.bytes_);
    return secret;
  }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  /// The bytes themselves; a view that lives as long as the Secret.
  std::span<const std::byte, N> reveal() const { return bytes_; }
  std::span<std::byte, N> writable() { return bytes_; }

 private:
  void wipe() noexcept { crypto::wipe(bytes_); }
  std::array<std::byte, N> bytes_{};
};

}  // namespace latent::security::crypto
