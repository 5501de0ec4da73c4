// The SOP classes that the archive stores or serves, as a table (PS3.4 B.5, PS3.6 Table A-1).
#pragma once

#include <span>
#include <string_view>

namespace latent::dicom::model {

struct SopClass {
  std::string_view uid;
  std::string_view name;
  bool retired = false;
};

namespace sop_classes {
inline constexpr std::string_view kVerification = "1.2.840.10008.1.1";
inline constexpr std::string_view kPatientRootFind = "1.2.840.10008.5.1.4.1.2.1.1";
inline constexpr std::string_view kPatientRootMove = "1.2.840.10008.5.1.4.1.2.1.2";
inline constexpr std::string_view kPatientRootGet = "1.2.840.10008.5.1.4.1.2.1.3";
inline constexpr std::string_view kStudyRootFind = "1.2.840.10008.5.1.4.1.2.2.1";
inline constexpr std::string_view kStudyRootMove = "1.2.840.10008.5.1.4.1.2.2.2";
inline constexpr std::string_view kStudyRootGet = "1.2.840.10008.5.1.4.1.2.2.3";
inline constexpr std::string_view kPatientStudyOnlyFind = "1.2.840.10008.5.1.4.1.2.3.1";
inline constexpr std::string_view kPatientStudyOnlyMove = "1.2.840.10008.5.1.4.1.2.3.2";
inline constexpr std::string_view kPatientStudyOnlyGet = "1.2.840.10008.5.1.4.1.2.3.3";
inline constexpr std::string_view kMediaStorageDirectory = "1.2.840.10008.1.3.10";
}  // namespace sop_classes

/// Every storage SOP class of the current standard and the retired ones that archives still hold.
std::span<const SopClass> storage_sop_classes();
bool is_storage_sop_class(std::string_view uid);
/// Name of a storage class, or the UID itself.
std::string_view sop_class_name(std::string_view uid);

}  // namespace latent::dicom::model
