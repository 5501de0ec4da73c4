// What happened → the DIMSE status that says so. The one place where statuses are chosen; each row
// quotes the table of the standard that it comes from.
#pragma once

#include "dicom/network/status.h"
#include "security/base/error.h"
#include "storage/ingest/store_outcome.h"

namespace latent::server::dimse {

/// C-STORE, PS3.4 Table B.2-1. Senders retry what begins with A7 and give up on Cxxx.
dicom::network::Status store_status(const storage::ingest::StoreOutcome& outcome);

/// C-FIND, PS3.4 Table C.4-1.
dicom::network::Status find_status(ErrorCode code);

/// C-GET and C-MOVE, before the first sub-operation; PS3.4 Tables C.4-2 and C.4-3.
dicom::network::Status retrieve_status(ErrorCode code);

}  // namespace latent::server::dimse
