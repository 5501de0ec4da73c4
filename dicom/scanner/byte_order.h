// Turning the numbers of a value from one byte order into the other (PS3.5 7.3).
#pragma once

#include "security/base/bytes.h"

namespace latent::dicom::scanner {

/// Reverses each group of `unit` bytes (1, 2, 4 or 8; model::swap_unit). A rest shorter than a unit
/// stays as it came: nobody can say what it means.
void swap_numbers(MutableByteSpan value, unsigned unit);

}  // namespace latent::dicom::scanner
