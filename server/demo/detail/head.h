// A head made of ellipsoids, cut into slices as CT or MR would show it.
#pragma once

#include <cstdint>
#include <vector>

namespace latent::server::demo::detail {

enum class Contrast { ct, t1, t2 };

/// Square slices perpendicular to the body's axis, centred on the head.
struct SliceGeometry {
  unsigned size = 0;    ///< rows and columns
  double pixel_mm = 0;  ///< distance of pixel centres
  double z_mm = 0;      ///< towards the crown; 0 is the middle of the skull
};

inline constexpr int kHounsfieldOfZero = -1024;  ///< what a stored 0 of a CT slice means

/// Row-major, 12 bits. CT: Hounsfield units minus kHounsfieldOfZero; MR: signal.
std::vector<std::uint16_t> head_slice(Contrast contrast, const SliceGeometry& geometry);

}  // namespace latent::server::demo::detail
