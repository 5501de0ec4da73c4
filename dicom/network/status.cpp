#include "dicom/network/status.h"

#include <fmt/format.h>

namespace latent::dicom::network {

StatusCategory category_of(Status status) {
  if (status == status::kSuccess) return StatusCategory::success;
  if (status == status::kCancel) return StatusCategory::cancel;
  if (status == status::kPending || status == status::kFindPendingKeysUnsupported)
    return StatusCategory::pending;
  // PS3.7 C.1.3 and PS3.7 C.4.2, C.4.3: 0001, 0107, 0116 and Bxxx are the warnings.
  if (status == 0x0001 || status == status::kAttributeListError || status == 0x0116 ||
      (status & 0xF000) == 0xB000)
    return StatusCategory::warning;
  return StatusCategory::failure;
}

std::string to_string(Status status) {
  constexpr std::string_view kNames[] = {"success", "warning", "failure", "pending", "cancel"};
  return fmt::format("{:04X}H {}", status, kNames[static_cast<std::size_t>(category_of(status))]);
}

}  // namespace latent::dicom::network
