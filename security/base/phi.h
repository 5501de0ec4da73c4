// A value of a patient. It has no formatter and no stream operator, so logging it does not compile;
// reveal() is the word that a review searches for.
#pragma once

#include <fmt/format.h>

#include <utility>

namespace latent {

template <class T>
class Phi {
 public:
  Phi() = default;
  explicit Phi(T value) : value_(std::move(value)) {}
  const T& reveal() const { return value_; }

 private:
  T value_{};
};

}  // namespace latent

template <class T>
struct fmt::formatter<latent::Phi<T>> {
  formatter() = delete;
};
