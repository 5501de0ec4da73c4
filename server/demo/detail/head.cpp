#include "server/demo/detail/head.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "server/demo/detail/noise.h"

namespace latent::server::demo::detail {
namespace {

/// Patient coordinates in millimetres: x to the left, y to the back, z to the crown (PS3.3
/// C.7.6.2.1.1). Later rows are painted over earlier ones.
struct Ellipsoid {
  float x, y, z;  ///< centre
  float radius_x, radius_y, radius_z;
  float turned_degrees;      ///< about z
  float hounsfield, t1, t2;  ///< T1- and T2-weighted signal, fat in T1 and water in T2 about 1000
};

constexpr Ellipsoid kHead[] = {
    // x,   y,   z,  radii          , turn, HU  ,  T1,   T2
    {0, 0, 0, 80, 100, 105, 0, 15, 780, 420},    // scalp
    {0, 0, 0, 75, 95, 100, 0, 1250, 60, 40},     // outer table of the skull
    {0, 0, 0, 73, 93, 98, 0, 650, 380, 220},     // diploe
    {0, 0, 0, 71, 91, 96, 0, 1200, 60, 40},      // inner table
    {0, 0, 0, 69, 89, 94, 0, 8, 150, 980},       // cerebrospinal fluid
    {0, 0, 0, 67, 87, 92, 0, 38, 470, 600},      // grey matter
    {-31, -2, 8, 28, 70, 66, -4, 29, 640, 440},  // white matter
    {31, -2, 8, 28, 70, 66, 4, 29, 640, 440},
    {0, 4, 45, 1.2f, 84, 48, 0, 58, 300, 200},    // falx
    {-10, -10, 14, 5, 26, 17, 14, 6, 140, 1000},  // lateral ventricles
    {10, -10, 14, 5, 26, 17, -14, 6, 140, 1000},
    {-15, 24, 8, 5, 14, 12, -24, 6, 140, 1000},
    {15, 24, 8, 5, 14, 12, 24, 6, 140, 1000},
    {-21, -14, 6, 7, 16, 11, 12, 41, 530, 520},  // basal ganglia
    {21, -14, 6, 7, 16, 11, -12, 41, 530, 520},
    {-12, 8, 4, 8, 12, 10, 20, 40, 520, 560},  // thalamus
    {12, 8, 4, 8, 12, 10, -20, 40, 520, 560},
    {0, 4, 2, 2, 13, 10, 0, 6, 140, 1000},           // third ventricle
    {0, 24, 8, 2.5f, 2.5f, 2.5f, 0, 320, 200, 150},  // calcified pineal gland
    {0, 52, -52, 48, 30, 27, 0, 37, 490, 580},       // cerebellum
    {0, 20, -58, 13, 15, 38, 0, 31, 600, 470},       // brain stem
    {0, 39, -52, 6, 5, 11, 0, 6, 140, 1000},         // fourth ventricle
    {-33, -68, -40, 18, 26, 17, 8, -85, 860, 440},   // fat of the orbits
    {33, -68, -40, 18, 26, 17, -8, -85, 860, 440},
    {-33, -79, -40, 12, 12, 12, 0, 14, 190, 960},  // eyes
    {33, -79, -40, 12, 12, 12, 0, 14, 190, 960},
    {0, -87, -18, 15, 5, 11, 0, -1000, 5, 5},     // frontal sinus
    {0, -66, -58, 8, 22, 20, 0, -950, 10, 10},    // nasal cavity
    {-26, -62, -76, 14, 17, 13, 0, -1000, 5, 5},  // maxillary sinuses
    {26, -62, -76, 14, 17, 13, 0, -1000, 5, 5},
    {30, -18, 24, 16, 20, 13, 20, 22, 430, 820},  // what there is to find: a bleeding
    {30, -18, 24, 10, 14, 9, 20, 68, 580, 300},   // with swelling around it
};

/// The head rest of the CT table: a shell below the head.
constexpr Ellipsoid kHeadRest[] = {
    {0, 30, 0, 96, 88, 4000, 0, 130, 0, 0},
    {0, 30, 0, 92, 84, 4000, 0, -1000, 0, 0},
};

float value_of(const Ellipsoid& part, Contrast contrast) {
  switch (contrast) {
    case Contrast::ct:
      return part.hounsfield;
    case Contrast::t1:
      return part.t1;
    case Contrast::t2:
      return part.t2;
  }
  return 0;
}

class Slice {
 public:
  explicit Slice(const SliceGeometry& geometry, float background)
      : geometry_(geometry), values_(std::size_t{geometry.size} * geometry.size, background) {}

  /// Paints what the slice's plane cuts out of `part`, on rows at and behind `y_mm_min`.
  void paint(const Ellipsoid& part, float value, double y_mm_min) {
    const double height = (geometry_.z_mm - part.z) / part.radius_z;
    const double scale = 1 - height * height;
    if (scale <= 0) return;
    const double turn = part.turned_degrees * std::numbers::pi / 180;
    const double cosine = std::cos(turn), sine = std::sin(turn);
    const double a = 1 / (part.radius_x * part.radius_x * scale);
    const double b = 1 / (part.radius_y * part.radius_y * scale);
    // The ellipse on a row is a quadratic in x: p·x² + 2q·x + r ≤ 0.
    const double p = cosine * cosine * a + sine * sine * b;
    for (unsigned row = 0; row < geometry_.size; ++row) {
      const double y = position(row);
      if (y < y_mm_min) continue;
      const double dy = y - part.y;
      const double q = dy * cosine * sine * (a - b);
      const double r = dy * dy * (sine * sine * a + cosine * cosine * b) - 1;
      const double inside = q * q - p * r;
      if (inside <= 0) continue;
      const double half = std::sqrt(inside) / p;
      const double middle = part.x - q / p;
      const auto first = std::clamp<std::ptrdiff_t>(column(middle - half), 0, geometry_.size);
      const auto last = std::clamp<std::ptrdiff_t>(column(middle + half), 0, geometry_.size);
      const auto begin = values_.begin() + std::ptrdiff_t{row} * geometry_.size;
      if (first < last) std::fill(begin + first, begin + last, value);
    }
  }

  /// The scanner's point spread: 1-2-1 along rows, then along columns.
  void blur() {
    const std::size_t size = geometry_.size;
    std::vector<float> line(size);
    for (std::size_t step : {std::size_t{1}, size}) {
      for (std::size_t i = 0; i < size; ++i) {
        float* at = values_.data() + i * (step == 1 ? size : 1);
        for (std::size_t k = 0; k < size; ++k) {
          const std::size_t before = k == 0 ? 0 : k - 1, after = std::min(k + 1, size - 1);
          line[k] = (at[before * step] + 2 * at[k * step] + at[after * step]) / 4;
        }
        for (std::size_t k = 0; k < size; ++k) at[k * step] = line[k];
      }
    }
  }

  double position(unsigned index) const {
    return (index - (geometry_.size - 1) / 2.0) * geometry_.pixel_mm;
  }
  std::span<const float> values() const { return values_; }

 private:
  /// First pixel whose centre lies at or right of `x`.
  std::ptrdiff_t column(double x) const {
    return static_cast<std::ptrdiff_t>(
        std::ceil(x / geometry_.pixel_mm + (geometry_.size - 1) / 2.0));
  }

  const SliceGeometry geometry_;
  std::vector<float> values_;
};

std::uint16_t twelve_bits(float value) {
  return static_cast<std::uint16_t>(std::clamp(std::lround(value), 0l, 4095l));
}

/// Where noise is looked up: every pixel of every slice of every contrast has its own place.
std::uint64_t noise_place(Contrast contrast, const SliceGeometry& geometry, std::size_t pixel) {
  const auto slice = static_cast<std::uint64_t>(std::lround(geometry.z_mm * 10) + 100'000);
  return (static_cast<std::uint64_t>(contrast) << 60) ^ (slice << 32) ^ pixel;
}

}  // namespace

std::vector<std::uint16_t> head_slice(Contrast contrast, const SliceGeometry& geometry) {
  const bool is_ct = contrast == Contrast::ct;
  constexpr double kEverywhere = -1e9;
  Slice slice(geometry, is_ct ? -1000.0f : 0.0f);
  if (is_ct)
    for (const Ellipsoid& part : kHeadRest) slice.paint(part, part.hounsfield, 60);
  for (const Ellipsoid& part : kHead) slice.paint(part, value_of(part, contrast), kEverywhere);
  slice.blur();

  const auto values = slice.values();
  std::vector<std::uint16_t> pixels(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t place = noise_place(contrast, geometry, i);
    if (is_ct) {
      constexpr float kDeviation = 5;  // Hounsfield units, a usual head protocol
      pixels[i] = twelve_bits(values[i] + kDeviation * normal(place) - kHounsfieldOfZero);
      continue;
    }
    // Receive coils see the near side better; the magnitude of noisy real and imaginary parts makes
    // Rician noise, which never falls below zero.
    const double x = slice.position(static_cast<unsigned>(i % geometry.size));
    const double y = slice.position(static_cast<unsigned>(i / geometry.size));
    const auto coil = static_cast<float>(1 + 0.12 * y / 100 - 0.05 * x / 100);
    const float real = values[i] * coil + 14 * normal(place);
    const float imaginary = 14 * normal(place ^ 1ull << 31);
    pixels[i] = twelve_bits(2.2f * std::sqrt(real * real + imaginary * imaginary));
  }
  return pixels;
}

}  // namespace latent::server::demo::detail
