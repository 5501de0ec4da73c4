// The message control header of a presentation data value (PS3.8 Annex E.2).
#pragma once

#include <cstdint>

namespace latent::dicom::network::detail {

inline constexpr std::uint8_t kDataFragment = 0x00;
inline constexpr std::uint8_t kCommandFragment = 0x01;
inline constexpr std::uint8_t kLastFragment = 0x02;

}  // namespace latent::dicom::network::detail
