// DIMSE statuses: PS3.7 Annex C, and what PS3.4 adds for each service class.
#pragma once

#include <cstdint>
#include <string>

namespace latent::dicom::network {

using Status = std::uint16_t;

namespace status {
inline constexpr Status kSuccess = 0x0000;

// PS3.7 Annex C.
inline constexpr Status kAttributeListError = 0x0107;  ///< warning
inline constexpr Status kSopClassNotSupported = 0x0122;
inline constexpr Status kClassInstanceConflict = 0x0119;
inline constexpr Status kDuplicateSopInstance = 0x0111;
inline constexpr Status kDuplicateInvocation = 0x0210;
inline constexpr Status kInvalidArgumentValue = 0x0115;
inline constexpr Status kInvalidAttributeValue = 0x0106;
inline constexpr Status kInvalidObjectInstance = 0x0117;
inline constexpr Status kMissingAttribute = 0x0120;
inline constexpr Status kMissingAttributeValue = 0x0121;
inline constexpr Status kMistypedArgument = 0x0212;
inline constexpr Status kNoSuchAction = 0x0123;
inline constexpr Status kNoSuchArgument = 0x0114;
inline constexpr Status kNoSuchAttribute = 0x0105;
inline constexpr Status kNoSuchEventType = 0x0113;
inline constexpr Status kNoSuchSopInstance = 0x0112;
inline constexpr Status kNoSuchSopClass = 0x0118;
inline constexpr Status kNotAuthorized = 0x0124;
inline constexpr Status kProcessingFailure = 0x0110;
inline constexpr Status kResourceLimitation = 0x0213;
inline constexpr Status kUnrecognizedOperation = 0x0211;

// Shared by the service classes of PS3.4.
inline constexpr Status kCancel = 0xFE00;
inline constexpr Status kPending = 0xFF00;

// Storage, PS3.4 B.2.3.
inline constexpr Status kStoreOutOfResources = 0xA700;          ///< A7xx: the sender retries
inline constexpr Status kStoreDataSetMismatch = 0xA900;         ///< A9xx
inline constexpr Status kStoreCannotUnderstand = 0xC000;        ///< Cxxx: the sender gives up
inline constexpr Status kStoreCoerced = 0xB000;                 ///< warning
inline constexpr Status kStoreElementsDiscarded = 0xB006;       ///< warning
inline constexpr Status kStoreDataSetMismatchWarning = 0xB007;  ///< warning

// Query/Retrieve: C-FIND, PS3.4 C.4.1.1.4.
inline constexpr Status kFindOutOfResources = 0xA700;
inline constexpr Status kFindIdentifierMismatch = 0xA900;
inline constexpr Status kFindUnableToProcess = 0xC000;
inline constexpr Status kFindPendingKeysUnsupported = 0xFF01;  ///< pending, an optional key ignored

// C-MOVE and C-GET, PS3.4 C.4.2.1.5 and C.4.3.1.4.
inline constexpr Status kRetrieveCannotCountMatches = 0xA701;
inline constexpr Status kRetrieveCannotPerformSuboperations = 0xA702;
inline constexpr Status kMoveDestinationUnknown = 0xA801;
inline constexpr Status kRetrieveIdentifierMismatch = 0xA900;
inline constexpr Status kRetrieveUnableToProcess = 0xC000;
inline constexpr Status kRetrieveSomeFailed = 0xB000;  ///< warning
}  // namespace status

enum class StatusCategory { success, warning, failure, pending, cancel };

/// PS3.7 C: by number alone, right for every service class that we speak; what is unknown is a
/// failure.
StatusCategory category_of(Status status);
/// "A702H failure" as logs name it; never holds anything of a patient.
std::string to_string(Status status);

}  // namespace latent::dicom::network
