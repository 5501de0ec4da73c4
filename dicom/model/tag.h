// A data element tag, and those that the code speaks of by name (PS3.6 keywords in snake case).
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace latent::dicom::model {

struct Tag {
  std::uint16_t group = 0;
  std::uint16_t element = 0;

  constexpr std::uint32_t value() const { return std::uint32_t{group} << 16 | element; }
  static constexpr Tag from(std::uint32_t value) {
    return {static_cast<std::uint16_t>(value >> 16), static_cast<std::uint16_t>(value & 0xFFFF)};
  }
  constexpr bool is_private() const { return group % 2 == 1; }
  constexpr bool is_group_length() const { return element == 0; }
  /// (gggg,0010)–(gggg,00FF) with odd group: reserves a block of private elements, PS3.5 7.8.1.
  constexpr bool is_private_creator() const {
    return is_private() && element >= 0x10 && element <= 0xFF;
  }
  friend constexpr auto operator<=>(const Tag&, const Tag&) = default;
};

/// "(0010,0020)", upper-case hexadecimal, as errors and logs name a tag.
std::string to_string(Tag tag);

namespace tags {
inline constexpr Tag kItem{0xFFFE, 0xE000};
inline constexpr Tag kItemDelimitation{0xFFFE, 0xE00D};
inline constexpr Tag kSequenceDelimitation{0xFFFE, 0xE0DD};

inline constexpr Tag kTransferSyntaxUid{0x0002, 0x0010};
inline constexpr Tag kSpecificCharacterSet{0x0008, 0x0005};
inline constexpr Tag kSopClassUid{0x0008, 0x0016};
inline constexpr Tag kSopInstanceUid{0x0008, 0x0018};
inline constexpr Tag kStudyDate{0x0008, 0x0020};
inline constexpr Tag kStudyTime{0x0008, 0x0030};
inline constexpr Tag kAccessionNumber{0x0008, 0x0050};
inline constexpr Tag kQueryRetrieveLevel{0x0008, 0x0052};
inline constexpr Tag kRetrieveAeTitle{0x0008, 0x0054};
inline constexpr Tag kInstanceAvailability{0x0008, 0x0056};
inline constexpr Tag kFailedSopInstanceUidList{0x0008, 0x0058};
inline constexpr Tag kModality{0x0008, 0x0060};
inline constexpr Tag kModalitiesInStudy{0x0008, 0x0061};
inline constexpr Tag kSopClassesInStudy{0x0008, 0x0062};
inline constexpr Tag kTimezoneOffsetFromUtc{0x0008, 0x0201};
inline constexpr Tag kPatientName{0x0010, 0x0010};
inline constexpr Tag kPatientId{0x0010, 0x0020};
inline constexpr Tag kIssuerOfPatientId{0x0010, 0x0021};
inline constexpr Tag kPatientBirthDate{0x0010, 0x0030};
inline constexpr Tag kPatientSex{0x0010, 0x0040};
inline constexpr Tag kStudyInstanceUid{0x0020, 0x000D};
inline constexpr Tag kSeriesInstanceUid{0x0020, 0x000E};
inline constexpr Tag kNumberOfPatientRelatedStudies{0x0020, 0x1200};
inline constexpr Tag kNumberOfPatientRelatedSeries{0x0020, 0x1202};
inline constexpr Tag kNumberOfPatientRelatedInstances{0x0020, 0x1204};
inline constexpr Tag kNumberOfStudyRelatedSeries{0x0020, 0x1206};
inline constexpr Tag kNumberOfStudyRelatedInstances{0x0020, 0x1208};
inline constexpr Tag kNumberOfSeriesRelatedInstances{0x0020, 0x1209};
inline constexpr Tag kNumberOfFrames{0x0028, 0x0008};
inline constexpr Tag kRows{0x0028, 0x0010};
inline constexpr Tag kColumns{0x0028, 0x0011};
inline constexpr Tag kBitsAllocated{0x0028, 0x0100};
inline constexpr Tag kPixelRepresentation{0x0028, 0x0103};
inline constexpr Tag kFloatPixelData{0x7FE0, 0x0008};
inline constexpr Tag kDoubleFloatPixelData{0x7FE0, 0x0009};
inline constexpr Tag kPixelData{0x7FE0, 0x0010};
}  // namespace tags

}  // namespace latent::dicom::model
