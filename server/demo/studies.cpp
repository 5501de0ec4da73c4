#include "server/demo/studies.h"

#include <fmt/format.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "server/demo/detail/data_set.h"
#include "server/demo/detail/head.h"
#include "server/demo/detail/ultrasound.h"

namespace latent::server::demo {
namespace {

using detail::DataSet;
using dicom::model::Tag;
namespace tags = dicom::model::tags;
using namespace dicom::model::vrs;  // NOLINT(google-build-using-namespace): the tables below

/// Nobody is meant: the names say that they are invented.
struct Study {
  std::string_view patient_name, patient_id, birth_date, sex, age;
  std::string_view character_set;
  std::string_view date, time, accession, description, body_part, modality;
};
constexpr Study kStudies[] = {
    {"Phantom^Zoë Éléonore", "LATENT-DEMO-1", "19600229", "F", "064Y", "ISO_IR 192", "20240513",
     "091500", "DEMO-CT-1", "CT head, invented", "HEAD", "CT"},
    {"Demo^Xiaoming=演示^小明", "LATENT-DEMO-2", "19851117", "M", "038Y", "ISO_IR 192", "20240514",
     "140230", "DEMO-MR-1", "MR head, invented", "HEAD", "MR"},
    {"Testperson^Nils", "LATENT-DEMO-3", "20010704", "O", "022Y", "ISO_IR 100", "20240515",
     "104559", "DEMO-US-1", "Echocardiography, invented", "HEART", "US"},
};

enum class Kind { ct, t1, t2, cine, flow };
struct Series {
  std::size_t study;
  unsigned number;
  Kind kind;
  unsigned objects;
  std::string_view folder, description, sop_class;
};
constexpr Series kSeries[] = {
    {0, 2, Kind::ct, 40, "ct-head", "Head 4.0 mm soft tissue", "1.2.840.10008.5.1.4.1.1.2"},
    {1, 2, Kind::t1, 24, "mr-head-t1", "T1 SE axial", "1.2.840.10008.5.1.4.1.1.4"},
    {1, 3, Kind::t2, 24, "mr-head-t2", "T2 FSE axial", "1.2.840.10008.5.1.4.1.1.4"},
    {2, 1, Kind::cine, 1, "us-heart", "Apical view, one beat", "1.2.840.10008.5.1.4.1.1.3.1"},
    {2, 2, Kind::flow, 1, "us-flow", "Apical view, flow", "1.2.840.10008.5.1.4.1.1.6.1"},
};

/// Below one UUID (PS3.5 B.2) that was made for these studies; its last eight digits are ours.
std::string uid(std::size_t study, unsigned series, unsigned instance) {
  return fmt::format("2.25.2189282218347302196712075624276{:01}{:02}{:05}", study + 1, series,
                     instance);
}
constexpr unsigned kFrameOfReference = 99;  // in the place of the series number

void add_patient_and_study(DataSet& set, const Study& study, std::size_t number) {
  set.texts({{tags::kSpecificCharacterSet, kCS, study.character_set},
             {tags::kPatientName, kPN, study.patient_name},
             {tags::kPatientId, kLO, study.patient_id},
             {tags::kIssuerOfPatientId, kLO, "LATENT-DEMO"},
             {tags::kPatientBirthDate, kDA, study.birth_date},
             {tags::kPatientSex, kCS, study.sex},
             {{0x0010, 0x1010}, kAS, study.age},
             {{0x0010, 0x4000}, kLT, "Invented person; the picture is computed from formulas."},
             {tags::kStudyInstanceUid, kUI, uid(number, 0, 0)},
             {tags::kStudyDate, kDA, study.date},
             {tags::kStudyTime, kTM, study.time},
             {tags::kAccessionNumber, kSH, study.accession},
             {{0x0008, 0x0090}, kPN, ""},  // Referring Physician's Name
             {{0x0020, 0x0010}, kSH, fmt::format("{}", number + 1)},
             {{0x0008, 0x1030}, kLO, study.description}});
}

void add_series_and_equipment(DataSet& set, const Study& study, const Series& series) {
  set.texts({{tags::kModality, kCS, study.modality},
             {{0x0020, 0x000E}, kUI, uid(series.study, series.number, 0)},
             {{0x0020, 0x0011}, kIS, fmt::format("{}", series.number)},
             {{0x0008, 0x0021}, kDA, study.date},
             {{0x0008, 0x0031}, kTM, study.time},
             {{0x0008, 0x103E}, kLO, series.description},
             {{0x0018, 0x0015}, kCS, study.body_part},
             {{0x0018, 0x1030}, kLO, series.description},
             {{0x0020, 0x0060}, kCS, ""},  // Laterality: neither side
             {{0x0008, 0x0070}, kLO, "Latent"},
             {{0x0008, 0x0080}, kLO, "Demo Hospital (invented)"},
             {{0x0008, 0x1090}, kLO, "Phantom"},
             {{0x0018, 0x1020}, kLO, "1"}});
}

void add_image(DataSet& set, const Study& study, const Series& series, unsigned instance) {
  set.texts({{tags::kSopClassUid, kUI, series.sop_class},
             {tags::kSopInstanceUid, kUI, uid(series.study, series.number, instance)},
             {{0x0020, 0x0013}, kIS, fmt::format("{}", instance)},
             {{0x0020, 0x0012}, kIS, "1"},
             {{0x0008, 0x0022}, kDA, study.date},
             {{0x0008, 0x0023}, kDA, study.date},
             {{0x0008, 0x0032}, kTM, study.time},
             {{0x0008, 0x0033}, kTM, study.time},
             {{0x0028, 0x0301}, kCS, "NO"},    // Burned In Annotation
             {{0x0028, 0x2110}, kCS, "00"}});  // Lossy Image Compression
}

void add_pixels(DataSet& set, std::uint16_t rows, std::uint16_t columns,
                std::uint16_t bits_allocated, std::uint16_t bits_stored,
                std::string_view photometric, Bytes pixels) {
  const bool colour = photometric == "RGB";
  set.us({0x0028, 0x0002}, colour ? 3 : 1);
  set.text({0x0028, 0x0004}, kCS, photometric);
  if (colour) set.us({0x0028, 0x0006}, 0);
  set.us(tags::kRows, rows);
  set.us(tags::kColumns, columns);
  set.us(tags::kBitsAllocated, bits_allocated);
  set.us({0x0028, 0x0101}, bits_stored);
  set.us({0x0028, 0x0102}, static_cast<std::uint16_t>(bits_stored - 1));
  set.us(tags::kPixelRepresentation, 0);
  set.bytes(tags::kPixelData, bits_allocated == 8 ? kOB : kOW, std::move(pixels));
}

template <class Sample>
Bytes bytes_of(const std::vector<Sample>& samples) {
  Bytes bytes(samples.size() * sizeof(Sample));
  std::memcpy(bytes.data(), samples.data(), bytes.size());
  return bytes;
}

/// Slices from the skull base upwards; `geometry.z_mm` is set here.
void add_slice(DataSet& set, const Series& series, unsigned instance,
               detail::SliceGeometry geometry, double spacing_mm, double thickness_mm,
               detail::Contrast contrast) {
  geometry.z_mm = (instance - (series.objects + 1) / 2.0) * spacing_mm;
  const double corner = -0.5 * (geometry.size - 1) * geometry.pixel_mm;
  set.texts({{{0x0018, 0x5100}, kCS, "HFS"},
             {{0x0020, 0x0052}, kUI, uid(series.study, kFrameOfReference, 0)},
             {{0x0020, 0x1040}, kLO, ""},
             {{0x0020, 0x0037}, kDS, "1\\0\\0\\0\\1\\0"},
             {{0x0020, 0x0032},
              kDS,
              fmt::format("{:.4f}\\{:.4f}\\{:.2f}", corner, corner, geometry.z_mm)},
             {{0x0020, 0x1041}, kDS, fmt::format("{:.2f}", geometry.z_mm)},
             {{0x0028, 0x0030}, kDS, fmt::format("{0:.6f}\\{0:.6f}", geometry.pixel_mm)},
             {{0x0018, 0x0050}, kDS, fmt::format("{:.1f}", thickness_mm)},
             {{0x0018, 0x0088}, kDS, fmt::format("{:.1f}", spacing_mm)}});
  const auto size = static_cast<std::uint16_t>(geometry.size);
  add_pixels(set, size, size, 16, 12, "MONOCHROME2",
             bytes_of(detail::head_slice(contrast, geometry)));
}

void add_ct(DataSet& set, const Series& series, unsigned instance) {
  add_slice(set, series, instance, {.size = 512, .pixel_mm = 0.488281, .z_mm = 0}, 4, 4,
            detail::Contrast::ct);
  set.texts({{{0x0008, 0x0008}, kCS, "ORIGINAL\\PRIMARY\\AXIAL"},
             {{0x0028, 0x1052}, kDS, fmt::format("{}", detail::kHounsfieldOfZero)},
             {{0x0028, 0x1053}, kDS, "1"},
             {{0x0028, 0x1054}, kLO, "HU"},
             {{0x0028, 0x1050}, kDS, "35\\500"},
             {{0x0028, 0x1051}, kDS, "80\\2000"},
             {{0x0028, 0x1055}, kLO, "BRAIN\\BONE"},
             {{0x0018, 0x0060}, kDS, "120"},
             {{0x0018, 0x0022}, kCS, "AXIAL MODE"},
             {{0x0018, 0x0090}, kDS, "250"},
             {{0x0018, 0x1100}, kDS, "250"},
             {{0x0018, 0x1120}, kDS, "0"},
             {{0x0018, 0x1150}, kIS, "1000"},
             {{0x0018, 0x1151}, kIS, "280"},
             {{0x0018, 0x1152}, kIS, "280"},
             {{0x0018, 0x1210}, kSH, "H30"}});
}

void add_mr(DataSet& set, const Series& series, unsigned instance) {
  const bool t1 = series.kind == Kind::t1;
  add_slice(set, series, instance, {.size = 256, .pixel_mm = 0.9, .z_mm = 0}, 6, 5,
            t1 ? detail::Contrast::t1 : detail::Contrast::t2);
  set.texts({{{0x0008, 0x0008}, kCS, "ORIGINAL\\PRIMARY\\M\\SE"},
             {{0x0018, 0x0020}, kCS, "SE"},
             {{0x0018, 0x0021}, kCS, t1 ? "NONE" : "SK"},
             {{0x0018, 0x0022}, kCS, ""},
             {{0x0018, 0x0023}, kCS, "2D"},
             {{0x0018, 0x0080}, kDS, t1 ? "550" : "4200"},
             {{0x0018, 0x0081}, kDS, t1 ? "12" : "98"},
             {{0x0018, 0x0083}, kDS, "1"},
             {{0x0018, 0x0084}, kDS, "63.87"},
             {{0x0018, 0x0085}, kSH, "1H"},
             {{0x0018, 0x0087}, kDS, "1.5"},
             {{0x0018, 0x0091}, kIS, t1 ? "1" : "15"},
             {{0x0018, 0x1314}, kDS, t1 ? "90" : "150"},
             {{0x0028, 0x1050}, kDS, "1000"},
             {{0x0028, 0x1051}, kDS, "2000"}});
}

/// The sector is calibrated in both directions (PS3.3 C.8.5.5), so that viewers can measure.
void add_sector_region(DataSet& set) {
  DataSet region;
  region.us({0x0018, 0x6012}, 1);  // 2D
  region.us({0x0018, 0x6014}, 1);  // tissue
  region.ul({0x0018, 0x6016}, 0);
  region.ul({0x0018, 0x6018}, detail::kSectorLeft);
  region.ul({0x0018, 0x601A}, detail::kSectorTop);
  region.ul({0x0018, 0x601C}, detail::kSectorRight);
  region.ul({0x0018, 0x601E}, detail::kSectorBottom);
  region.us({0x0018, 0x6024}, 3);  // cm
  region.us({0x0018, 0x6026}, 3);
  region.fd({0x0018, 0x602C}, detail::kUltrasoundPixelMm / 10);
  region.fd({0x0018, 0x602E}, detail::kUltrasoundPixelMm / 10);
  set.item({0x0018, 0x6011}, std::move(region));
}

void add_ultrasound(DataSet& set, const Series& series) {
  const bool cine = series.kind == Kind::cine;
  add_sector_region(set);
  set.text({0x0008, 0x0008}, kCS, "ORIGINAL\\PRIMARY\\TTE\\0001");
  set.text({0x0020, 0x0020}, kCS, "");     // Patient Orientation
  set.us({0x0028, 0x0014}, cine ? 0 : 1);  // Ultrasound Color Data Present
  if (cine) {
    set.text(tags::kNumberOfFrames, kIS, fmt::format("{}", detail::kUltrasoundFrames));
    set.text({0x0018, 0x1063}, kDS, "33.33");
    set.text({0x0018, 0x1088}, kIS, "60");  // Heart Rate
    // Frame Increment Pointer: Frame Time, as an attribute tag.
    Bytes pointer;
    append_le<std::uint16_t>(pointer, 0x0018);
    append_le<std::uint16_t>(pointer, 0x1063);
    set.bytes({0x0028, 0x0009}, kAT, std::move(pointer));
  }
  add_pixels(set, detail::kUltrasoundRows, detail::kUltrasoundColumns, 8, 8,
             cine ? "MONOCHROME2" : "RGB",
             bytes_of(cine ? detail::ultrasound_cine() : detail::ultrasound_flow()));
}

}  // namespace

std::size_t demo_object_count() {
  std::size_t count = 0;
  for (const Series& series : kSeries) count += series.objects;
  return count;
}

DemoObject demo_object(std::size_t index) {
  const Series* series = kSeries;
  for (; index >= series->objects; ++series) index -= series->objects;
  const auto instance = static_cast<unsigned>(index + 1);
  const Study& study = kStudies[series->study];

  DataSet set;
  add_patient_and_study(set, study, series->study);
  add_series_and_equipment(set, study, *series);
  add_image(set, study, *series, instance);
  switch (series->kind) {
    case Kind::ct:
      add_ct(set, *series, instance);
      break;
    case Kind::t1:
    case Kind::t2:
      add_mr(set, *series, instance);
      break;
    case Kind::cine:
    case Kind::flow:
      add_ultrasound(set, *series);
      break;
  }
  return {fmt::format("{}/{:04}.dcm", series->folder, instance),
          set.file(series->sop_class, uid(series->study, series->number, instance))};
}

}  // namespace latent::server::demo
