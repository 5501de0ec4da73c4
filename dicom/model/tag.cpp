#include "dicom/model/tag.h"

#include <fmt/format.h>

namespace latent::dicom::model {

std::string to_string(Tag tag) { return fmt::format("({:04X},{:04X})", tag.group, tag.element); }

}  // namespace latent::dicom::model
