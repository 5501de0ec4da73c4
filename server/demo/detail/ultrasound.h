// A beating heart chamber in the sector of an ultrasound transducer.
#pragma once

#include <cstdint>
#include <vector>

namespace latent::server::demo::detail {

inline constexpr unsigned kUltrasoundRows = 480;
inline constexpr unsigned kUltrasoundColumns = 640;
inline constexpr unsigned kUltrasoundFrames = 30;  ///< one heart beat
inline constexpr double kUltrasoundPixelMm = 0.375;
/// The sector's box, for the region calibration (PS3.3 C.8.5.5): columns and rows, both included.
inline constexpr unsigned kSectorLeft = 46, kSectorTop = 20, kSectorRight = 594,
                          kSectorBottom = 446;

/// kUltrasoundFrames pictures of 8-bit grey, one behind the other.
std::vector<std::uint8_t> ultrasound_cine();
/// One frame with coloured flow, 8-bit RGB interleaved.
std::vector<std::uint8_t> ultrasound_flow();

}  // namespace latent::server::demo::detail
