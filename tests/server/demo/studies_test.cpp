#include "server/demo/studies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/demo/detail/head.h"
#include "server/demo/detail/ultrasound.h"

namespace latent::server::demo {
namespace {

TEST(DemoStudies, EveryObjectIsAFileOfItsOwn) {
  std::set<std::string> names;
  std::set<Bytes> files;
  ASSERT_GT(demo_object_count(), 50u);
  for (std::size_t i = 0; i < demo_object_count(); ++i) {
    const DemoObject object = demo_object(i);
    ASSERT_GT(object.file.size(), 132u);
    EXPECT_LE(object.file.size(), 16u << 20);
    EXPECT_EQ(as_text(ByteSpan(object.file).subspan(128, 4)), "DICM");
    names.insert(object.name);
    files.insert(object.file);
  }
  EXPECT_EQ(names.size(), demo_object_count());
  EXPECT_EQ(files.size(), demo_object_count());
}

TEST(DemoStudies, AreTheSameEveryTime) {
  for (std::size_t i : {std::size_t{0}, std::size_t{50}, demo_object_count() - 1})
    EXPECT_EQ(demo_object(i).file, demo_object(i).file);
}

TEST(DemoStudies, SlicesSayWhereTheyLie) {
  // The centre of the first pixel of the lowest of 40 slices, 4 mm apart around the origin.
  const DemoObject lowest = demo_object(0);
  EXPECT_NE(as_text(lowest.file).find("-124.7558\\-124.7558\\-78.00"), std::string_view::npos);
  EXPECT_NE(as_text(demo_object(39).file).find("\\78.00"), std::string_view::npos);
}

double mean_around(const std::vector<std::uint16_t>& pixels, unsigned size, unsigned column,
                   unsigned row) {
  double sum = 0;
  for (unsigned y = row - 3; y <= row + 3; ++y)
    for (unsigned x = column - 3; x <= column + 3; ++x) sum += pixels[std::size_t{y} * size + x];
  return sum / 49;
}

TEST(DemoHead, HounsfieldUnitsAreThoseOfAHead) {
  using namespace detail;
  const SliceGeometry geometry{.size = 512, .pixel_mm = 0.5, .z_mm = 24};
  const auto pixels = head_slice(Contrast::ct, geometry);
  const auto hounsfield = [&](double x_mm, double y_mm) {
    return kHounsfieldOfZero + mean_around(pixels, 512, static_cast<unsigned>(255.5 + x_mm / 0.5),
                                           static_cast<unsigned>(255.5 + y_mm / 0.5));
  };
  EXPECT_NEAR(hounsfield(-110, -110), -1000, 15) << "air";
  EXPECT_GT(hounsfield(0, -90), 500) << "skull";
  EXPECT_NEAR(hounsfield(-35, 20), 29, 4) << "white matter";
  EXPECT_NEAR(hounsfield(30, -18), 68, 4) << "bleeding";
}

TEST(DemoHead, ContrastsOfMrDiffer) {
  using namespace detail;
  const SliceGeometry geometry{.size = 256, .pixel_mm = 0.9, .z_mm = 14};
  const auto t1 = head_slice(Contrast::t1, geometry);
  const auto t2 = head_slice(Contrast::t2, geometry);
  const auto at = [](const std::vector<std::uint16_t>& pixels, double x_mm, double y_mm) {
    return mean_around(pixels, 256, static_cast<unsigned>(127.5 + x_mm / 0.9),
                       static_cast<unsigned>(127.5 + y_mm / 0.9));
  };
  EXPECT_LT(at(t1, -10, -10), at(t1, -35, 20)) << "water is dark in T1";
  EXPECT_GT(at(t2, -10, -10), at(t2, -35, 20)) << "and bright in T2";
}

TEST(DemoUltrasound, TheChamberBeats) {
  using namespace detail;
  const auto frames = ultrasound_cine();
  const std::size_t frame_bytes = std::size_t{kUltrasoundRows} * kUltrasoundColumns;
  ASSERT_EQ(frames.size(), frame_bytes * kUltrasoundFrames);
  // Along a row through the ventricle, dark pixels between the walls: fewer when it is squeezed.
  const auto dark = [&](unsigned frame) {
    const std::uint8_t* row =
        frames.data() + frame * frame_bytes + std::size_t{217} * kUltrasoundColumns;
    return std::count_if(row + 260, row + 400, [](std::uint8_t grey) { return grey < 40; });
  };
  EXPECT_GT(dark(0), dark(15) * 5 / 4);
  EXPECT_EQ(frames[0], 0) << "nothing outside the sector";
}

}  // namespace
}  // namespace latent::server::demo
