// How we name ourselves to peers (PS3.7 D.3.3.2) and in file meta information (PS3.10 7.1).
#pragma once

#include <string_view>

namespace latent::dicom::network {

/// Derived from a UUID (PS3.5 B.2); never changes, the version name does.
inline constexpr std::string_view kImplementationClassUid =
    "2.25.14237148289153503865176386525528643294";
inline constexpr std::string_view kImplementationVersionName = "LATENT_0.1";
static_assert(kImplementationVersionName.size() <= 16);

}  // namespace latent::dicom::network
