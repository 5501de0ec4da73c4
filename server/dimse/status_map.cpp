#include "server/dimse/status_map.h"

namespace latent::server::dimse {

namespace status = dicom::network::status;
using dicom::network::Status;
using storage::ingest::Reason;

namespace {
// The standard leaves the last digits to us; the conformance statement lists them.
constexpr Status kStoreInstanceMismatch = 0xA901;
constexpr Status kStoreDiffers = 0xC111;
constexpr Status kStoreInternal = 0xC001;
}  // namespace

Status store_status(const storage::ingest::StoreOutcome& outcome) {
  // A resend is success by intention: a router that sends a study three times sees no failure
  // (formats.md §4).
  if (outcome.ok()) return status::kSuccess;
  switch (outcome.reason) {
    case Reason::not_understood:
      return status::kStoreCannotUnderstand;
    case Reason::class_mismatch:
      return status::kStoreDataSetMismatch;
    case Reason::instance_mismatch:
      return kStoreInstanceMismatch;
    case Reason::differs:
      return kStoreDiffers;
    case Reason::no_room:
    case Reason::unavailable:
    case Reason::cancelled:
      return status::kStoreOutOfResources;
    case Reason::none:
      break;
  }
  return kStoreInternal;
}

Status find_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return status::kFindIdentifierMismatch;
    case ErrorCode::exhausted:
    case ErrorCode::unavailable:
      return status::kFindOutOfResources;
    case ErrorCode::refused:
      return status::kNotAuthorized;
    case ErrorCode::cancelled:
      return status::kCancel;
    case ErrorCode::not_found:
    case ErrorCode::conflict:
    case ErrorCode::corrupt:
    case ErrorCode::internal:
      break;
  }
  return status::kFindUnableToProcess;
}

Status retrieve_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return status::kRetrieveIdentifierMismatch;
    case ErrorCode::exhausted:
    case ErrorCode::unavailable:
      return status::kRetrieveCannotCountMatches;
    case ErrorCode::refused:
      return status::kNotAuthorized;
    case ErrorCode::cancelled:
      return status::kCancel;
    case ErrorCode::not_found:
    case ErrorCode::conflict:
    case ErrorCode::corrupt:
    case ErrorCode::internal:
      break;
  }
  return status::kRetrieveUnableToProcess;
}

}  // namespace latent::server::dimse
