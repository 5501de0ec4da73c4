#include "server/demo/detail/ultrasound.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "server/demo/detail/noise.h"

namespace latent::server::demo::detail {
namespace {

constexpr double kHalfAngle = 40 * std::numbers::pi / 180;
constexpr double kNearMm = 6, kFarMm = 160;
constexpr double kApexColumn = 320, kApexRow = 20;

constexpr unsigned kBeams = 160, kSamples = 640;

/// One pixel of the sector: where it lies in the body and between which beams and samples.
struct Place {
  bool inside = false;
  float across_mm = 0, depth_mm = 0;
  float beam = 0, sample = 0;
};

std::vector<Place> make_places() {
  std::vector<Place> places(std::size_t{kUltrasoundRows} * kUltrasoundColumns);
  for (unsigned row = 0; row < kUltrasoundRows; ++row) {
    for (unsigned column = 0; column < kUltrasoundColumns; ++column) {
      const double across = (column - kApexColumn) * kUltrasoundPixelMm;
      const double depth = (row - kApexRow) * kUltrasoundPixelMm;
      const double range = std::hypot(across, depth);
      const double angle = std::atan2(across, depth);
      Place& place = places[std::size_t{row} * kUltrasoundColumns + column];
      place.inside = range >= kNearMm && range <= kFarMm && std::abs(angle) <= kHalfAngle;
      place.across_mm = static_cast<float>(across);
      place.depth_mm = static_cast<float>(depth);
      place.beam = static_cast<float>((angle / kHalfAngle + 1) / 2 * (kBeams - 2));
      place.sample = static_cast<float>(range / kFarMm * (kSamples - 20));
    }
  }
  return places;
}

/// Fully developed speckle: the echo of many small scatterers is a complex normal value for each
/// beam and sample; its magnitude between them is the pattern that everybody knows.
class Speckle {
 public:
  Speckle() : real_(std::size_t{kBeams} * kSamples), imaginary_(real_.size()) {
    for (std::size_t i = 0; i < real_.size(); ++i) {
      real_[i] = normal(i);
      imaginary_[i] = normal(i + (1ull << 40));
    }
  }
  float magnitude(float beam, float sample) const {
    const auto b = static_cast<std::size_t>(std::clamp(beam, 0.0f, kBeams - 2.0f));
    const auto s = static_cast<std::size_t>(std::clamp(sample, 0.0f, kSamples - 2.0f));
    const float x = beam - static_cast<float>(b), y = sample - static_cast<float>(s);
    const float real = between(real_, b, s, x, y), imaginary = between(imaginary_, b, s, x, y);
    return std::sqrt(real * real + imaginary * imaginary);
  }

 private:
  static float between(const std::vector<float>& field, std::size_t b, std::size_t s, float x,
                       float y) {
    const float* at = field.data() + b * kSamples + s;
    return (at[0] * (1 - y) + at[1] * y) * (1 - x) +
           (at[kSamples] * (1 - y) + at[kSamples + 1] * y) * x;
  }
  std::vector<float> real_, imaginary_;
};

/// 0 in the middle of an ellipse, 1 on its edge.
float distance(const Place& place, float across, float depth, float radius_across,
               float radius_depth) {
  const float x = (place.across_mm - across) / radius_across;
  const float y = (place.depth_mm - depth) / radius_depth;
  return std::sqrt(x * x + y * y);
}

/// The heart at one moment. `phase` 0 to 1 is one beat.
struct Heart {
  explicit Heart(double phase)
      : squeeze(static_cast<float>(0.13 * (1 - std::cos(2 * std::numbers::pi * phase)))),
        valve(static_cast<float>(std::max(0.0, std::cos(2 * std::numbers::pi * phase)))) {}

  float ventricle(const Place& at) const {
    return distance(at, 4, 74, 25 * (1 - squeeze), 38 * (1 - squeeze / 2));
  }
  float atrium(const Place& at) const { return distance(at, 4, 132, 21 * (1 + squeeze / 2), 17); }
  float right_chamber(const Place& at) const {
    return distance(at, -43, 80, 12 * (1 - squeeze), 30);
  }

  bool on_valve(const Place& at) const {
    // Two leaflets hang from the ring between ventricle and atrium and open towards the ventricle.
    if (at.depth_mm < 96 || at.depth_mm > 115) return false;
    const float open_mm = 2 + 9 * valve * (115 - at.depth_mm) / 19;
    const float ring_mm = 17 * (at.depth_mm - 96) / 19;
    return std::abs(std::abs(at.across_mm - 4) - std::max(open_mm, ring_mm)) < 1.1f;
  }

  /// How strongly the tissue scatters, as amplitude.
  float echo(const Place& at) const {
    if (on_valve(at)) return 1.1f;
    const float inside = ventricle(at);
    if (inside < 1) return 0.006f;
    if (right_chamber(at) < 1 || atrium(at) < 1) return 0.006f;
    if (inside < 1.32f) return 0.42f;  // muscle, which thickens as the chamber shrinks
    if (inside < 1.40f) return 1.3f;   // pericardium
    return 0.11f;
  }

  float squeeze;  ///< part of its radius that the ventricle has given up
  float valve;    ///< 0 closed, 1 open
};

std::uint8_t grey_of(float amplitude) {
  constexpr float kDynamicRange_dB = 55;
  const float level = 20 * std::log10(std::max(amplitude, 1e-6f));
  return static_cast<std::uint8_t>(std::clamp((level / kDynamicRange_dB + 1) * 255, 0.0f, 255.0f));
}

void draw_frame(const std::vector<Place>& places, const Speckle& speckle, const Heart& heart,
                std::uint8_t* pixels) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Place& at = places[i];
    if (!at.inside) continue;
    // Tissue moves with the beat and takes its speckle along.
    const float moved = at.sample + 14 * heart.squeeze;
    const float fades = 1.1f - 0.5f * at.depth_mm / static_cast<float>(kFarMm);
    pixels[i] = grey_of(0.55f * fades * heart.echo(at) * speckle.magnitude(at.beam, moved));
  }
  // The grey scale that systems draw beside the sector.
  for (unsigned row = 60; row < 316; ++row)
    for (unsigned column = 612; column < 624; ++column)
      pixels[std::size_t{row} * kUltrasoundColumns + column] = static_cast<std::uint8_t>(315 - row);
}

double phase_of(unsigned frame) { return static_cast<double>(frame) / kUltrasoundFrames; }

}  // namespace

std::vector<std::uint8_t> ultrasound_cine() {
  const auto places = make_places();
  const Speckle speckle;
  std::vector<std::uint8_t> frames(places.size() * kUltrasoundFrames);
  for (unsigned frame = 0; frame < kUltrasoundFrames; ++frame)
    draw_frame(places, speckle, Heart(phase_of(frame)), frames.data() + places.size() * frame);
  return frames;
}

std::vector<std::uint8_t> ultrasound_flow() {
  const auto places = make_places();
  const Speckle speckle;
  const Heart heart(phase_of(3));  // the valve is open, the ventricle fills
  std::vector<std::uint8_t> grey(places.size());
  draw_frame(places, speckle, heart, grey.data());

  std::vector<std::uint8_t> colour(places.size() * 3);
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::uint8_t* pixel = colour.data() + 3 * i;
    std::fill_n(pixel, 3, grey[i]);
    const Place& at = places[i];
    const bool in_box =
        at.inside && std::abs(at.across_mm) < 24 && at.depth_mm > 48 && at.depth_mm < 146;
    const bool in_blood =
        heart.ventricle(at) < 1 || heart.atrium(at) < 1 ||
        (std::abs(at.across_mm - 4) < 10 && at.depth_mm > 96 && at.depth_mm < 118);
    if (!in_box || !in_blood || heart.on_valve(at)) continue;
    // A jet through the valve towards the transducer (red), and along the walls back (blue).
    const float off_axis = (at.across_mm - 4) / 11;
    const float speed = 1 - 1.6f * off_axis * off_axis;
    const auto strength = static_cast<std::uint8_t>(std::clamp(std::abs(speed), 0.15f, 1.0f) * 255);
    const auto bright = static_cast<std::uint8_t>(std::max(0, strength - 110));
    pixel[0] = speed > 0 ? strength : 0;
    pixel[1] = bright;
    pixel[2] = speed > 0 ? 0 : strength;
  }
  return colour;
}

}  // namespace latent::server::demo::detail
