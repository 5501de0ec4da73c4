// A value or an Error, which the caller must look at. Same interface as C++23's std::expected, so
// that a later move is a rename.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "security/base/error.h"

namespace latent {

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  using Base = tl::expected<T, Error>;

 public:
  using Base::Base;
  Result(Base other) : Base(std::move(other)) {}  // NOLINT(google-explicit-constructor)
};

/// `return fail(ErrorCode::corrupt, "…");`
inline tl::unexpected<Error> fail(ErrorCode code, std::string text, std::string where = {}) {
  return tl::unexpected<Error>(make_error(code, std::move(text), std::move(where)));
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace latent

#define LATENT_JOIN_(a, b) a##b
#define LATENT_JOIN(a, b) LATENT_JOIN_(a, b)
#define LATENT_TRY_(temporary, declaration, expression)              \
  auto temporary = (expression);                                    \
  if (!temporary) return ::latent::fail(std::move(temporary).error()); \
  declaration = std::move(*temporary)

/// The only control-flow macros of the house: take the value, or return the error.
///   LATENT_TRY(auto plan, retrieve_plan(caller, request));
#define LATENT_TRY(declaration, expression) \
  LATENT_TRY_(LATENT_JOIN(latent_try_, __LINE__), declaration, expression)
/// The same for Result<void>:  LATENT_TRY_VOID(segment.sync());
#define LATENT_TRY_VOID(expression)                                               \
  do {                                                                            \
    if (auto latent_try_void = (expression); !latent_try_void)                    \
      return ::latent::fail(std::move(latent_try_void).error());                  \
  } while (false)
