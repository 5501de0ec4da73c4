// Rows of PS3.6 that DCMTK's dictionary does not have.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dicom/model/vr.h"

namespace latent::dicom::model::detail {

struct Addition {
  std::uint32_t tag = 0;  ///< Tag::value()
  Vr vr{};
  std::string_view keyword;
};

std::span<const Addition> dictionary_additions();

}  // namespace latent::dicom::model::detail
