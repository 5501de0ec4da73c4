// Small CT objects for the tests of the DICOM face.
#pragma once

#include <string>
#include <string_view>

#include "dicom/model/tag.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/writer/element_writer.h"
#include "security/base/bytes.h"

namespace latent::test {

inline constexpr std::string_view kCt = "1.2.840.10008.5.1.4.1.1.2";
inline constexpr std::string_view kMr = "1.2.840.10008.5.1.4.1.1.4";

struct CtObject {
  std::string study = "1.2.826.0.1.3680043.2.1125.1";
  std::string series = "1.2.826.0.1.3680043.2.1125.1.1";
  std::string instance = "1.2.826.0.1.3680043.2.1125.1.1.1";
  std::string sop_class = std::string(kCt);
  std::string patient_id = "TEST-1";
  std::string patient_name = "Doe^Jane";
  std::size_t pixel_bytes = 2 * 64 * 64;
};

inline CtObject ct(int number, int series = 1) {
  CtObject object;
  object.series = object.study + "." + std::to_string(series);
  object.instance = object.series + "." + std::to_string(number);
  return object;
}

inline Bytes encode(const CtObject& object,
                    std::string_view syntax = dicom::model::transfer_syntaxes::kExplicitLittle) {
  namespace tags = dicom::model::tags;
  namespace vrs = dicom::model::vrs;
  Bytes out;
  dicom::writer::ElementWriter writer(dicom::model::assumed_encoding(syntax), out);
  writer.text(tags::kSopClassUid, vrs::kUI, object.sop_class);
  writer.text(tags::kSopInstanceUid, vrs::kUI, object.instance);
  writer.text(tags::kStudyDate, vrs::kDA, "20240229");
  writer.text(tags::kModality, vrs::kCS, "CT");
  writer.text(tags::kPatientName, vrs::kPN, object.patient_name);
  writer.text(tags::kPatientId, vrs::kLO, object.patient_id);
  writer.text(tags::kStudyInstanceUid, vrs::kUI, object.study);
  writer.text(tags::kSeriesInstanceUid, vrs::kUI, object.series);
  writer.us({0x0028, 0x0002}, 1);
  writer.text({0x0028, 0x0004}, vrs::kCS, "MONOCHROME2");
  writer.us(tags::kRows, 64);
  writer.us(tags::kColumns, static_cast<std::uint16_t>(object.pixel_bytes / 128));
  writer.us(tags::kBitsAllocated, 16);
  writer.us({0x0028, 0x0101}, 12);
  writer.us({0x0028, 0x0102}, 11);
  writer.us(tags::kPixelRepresentation, 0);
  Bytes pixels(object.pixel_bytes);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::byte>(i % 2 == 0 ? (i * 7) & 0xFF : (i / 512) & 0x0F);
  }
  writer.element(tags::kPixelData, vrs::kOW, pixels);
  return out;
}

}  // namespace latent::test
