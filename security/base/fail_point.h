// Named places where a test may make the process die, as a power cut would (formats.md §4).
// LATENT_FAIL=name[:nth] in the environment kills the process with SIGKILL when the place is
// reached for the nth time (default 1). Compiled in always; a place costs one branch when unset.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace latent::fail_point {

/// All there are: a name that is not here does not compile. The crash tests kill at each of them,
/// and tests/structure compares them with the table in docs/formats.md.
inline constexpr std::array<std::string_view, 14> kPlaces{
    "recv.partial",   "key.create", "seal.done", "seg.roll",    "append.partial",
    "append.done",    "sync.done",  "ring.done", "pg.insert",   "pg.commit.sent",
    "pg.commit.done", "ack.before", "seg.seal",  "ring.rewrite"};

class Place {
 public:
  // Implicit, so that a place reads as its name.
  consteval Place(const char* text) : name_(text) {
    if (std::ranges::find(kPlaces, name_) == kPlaces.end()) throw "not a place of the table";
  }
  std::string_view name() const { return name_; }

 private:
  std::string_view name_;
};

/// Reads the environment once; called by main before any thread exists. False when the variable
/// names no place: a test that kills nowhere would prove nothing.
bool configure_from_environment();
void reach(Place place);
/// Whether a test named this place, so that it can first leave the half-done state it stands for.
bool armed(Place place);

}  // namespace latent::fail_point
