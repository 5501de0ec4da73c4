// Small data sets with known content, in any native transfer syntax.
#pragma once

#include <string>

#include "dicom/writer/element_writer.h"

namespace latent::test {

struct ObjectSpec {
  std::string study = "1.2.3", series = "1.2.3.4", instance = "1.2.3.4.5";
  std::string sop_class = "1.2.840.10008.5.1.4.1.1.2";
  std::string patient_id = "P1", patient_name = "Phantom^Test", description = "head";
  std::size_t pixel_bytes = 2048;  ///< even
  unsigned char pixel = 7;
};

inline Bytes data_set(const ObjectSpec& spec,
                      dicom::model::Encoding encoding = dicom::model::Encoding::explicit_little) {
  namespace vrs = dicom::model::vrs;
  namespace tags = dicom::model::tags;
  Bytes bytes;
  dicom::writer::ElementWriter writer(encoding, bytes);
  writer.text(tags::kSopClassUid, vrs::kUI, spec.sop_class);
  writer.text(tags::kSopInstanceUid, vrs::kUI, spec.instance);
  writer.text(tags::kStudyDate, vrs::kDA, "20260102");
  writer.text(tags::kModality, vrs::kCS, "CT");
  writer.text({0x0008, 0x1030}, vrs::kLO, spec.description);
  writer.text(tags::kPatientName, vrs::kPN, spec.patient_name);
  writer.text(tags::kPatientId, vrs::kLO, spec.patient_id);
  writer.text(tags::kStudyInstanceUid, vrs::kUI, spec.study);
  writer.text(tags::kSeriesInstanceUid, vrs::kUI, spec.series);
  writer.us({0x0028, 0x0002}, 1);
  writer.us(tags::kRows, 32);
  writer.us(tags::kColumns, static_cast<std::uint16_t>(spec.pixel_bytes / 64));
  writer.us(tags::kBitsAllocated, 16);
  // Both bytes of a sample are equal, so that byte order does not change the picture.
  writer.element(tags::kPixelData, vrs::kOW,
                 Bytes(spec.pixel_bytes, static_cast<std::byte>(spec.pixel)));
  return bytes;
}

}  // namespace latent::test
