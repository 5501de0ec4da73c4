// What data sets usually say, as a zstd dictionary for attribute sets (scanner/attribute_set.h).
// A dictionary never changes once blobs were written with it: a better one gets the next number.
#pragma once

#include <cstdint>

#include "security/base/bytes.h"

namespace latent::storage::catalog::detail {

inline constexpr std::uint8_t kAttributeDictionary = 1;  ///< the one that is written

/// Raw content of dictionary 1: elements in the encoding of attribute sets, made by us of tags and
/// values that the standard and common devices repeat; nothing of any real object.
const Bytes& attribute_dictionary_1();

}  // namespace latent::storage::catalog::detail
