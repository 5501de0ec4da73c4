// The item types of A-ASSOCIATE PDUs (PS3.8 9.3.2, 9.3.3; PS3.7 D.3.3).
#pragma once

#include <cstdint>

namespace latent::dicom::network::detail::items {

inline constexpr std::uint8_t kApplicationContext = 0x10;
inline constexpr std::uint8_t kProposedContext = 0x20;
inline constexpr std::uint8_t kAnsweredContext = 0x21;
inline constexpr std::uint8_t kAbstractSyntax = 0x30;
inline constexpr std::uint8_t kTransferSyntax = 0x40;
inline constexpr std::uint8_t kUserInformation = 0x50;
inline constexpr std::uint8_t kMaximumLength = 0x51;
inline constexpr std::uint8_t kImplementationClassUid = 0x52;
inline constexpr std::uint8_t kAsyncWindow = 0x53;
inline constexpr std::uint8_t kRoleSelection = 0x54;
inline constexpr std::uint8_t kImplementationVersionName = 0x55;
inline constexpr std::uint8_t kExtendedNegotiation = 0x56;
inline constexpr std::uint8_t kCommonExtendedNegotiation = 0x57;
inline constexpr std::uint8_t kUserIdentity = 0x58;
inline constexpr std::uint8_t kUserIdentityResponse = 0x59;

}  // namespace latent::dicom::network::detail::items
