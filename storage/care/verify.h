// `latent verify`: does everything that was promised still stand? Every row's blob opens (key,
// every chunk, digest), every row has its record, every record has its row or is counted garbage.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "storage/blobs/blob_store.h"
#include "storage/database/pool.h"
#include "storage/keyring/key_ring.h"

namespace latent::storage::care {

struct Finding {
  std::string word;  ///< of formats.md: crc torn gap auth commitment digest nokey length … or "row"
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;  ///< in the segment file
  std::string blob;          ///< hexadecimal id, empty when none
  std::string text;          ///< what that means
};

struct VerifyReport {
  std::uint64_t instances = 0;  ///< rows whose blob was opened and verified
  std::uint64_t bytes = 0;      ///< plaintext of them
  std::uint64_t findings = 0;
  std::uint64_t unowned_blobs = 0;  ///< records without a row: garbage, no damage
  std::uint64_t unowned_bytes = 0;
  std::uint64_t tombstones = 0;
  std::uint64_t segments = 0;
};

struct VerifyCalls {
  std::function<void(const Finding&)> on_finding;
  std::function<void(const VerifyReport&)> on_progress;  ///< after each segment
};

/// Memory: the rows of one segment. Runs beside a serving archive: what is stored meanwhile is not
/// looked at. Errors: unavailable (database), cancelled; damage is no error but a finding.
Result<VerifyReport> verify(database::Pool& pool, blobs::BlobStore& blobs, keyring::KeyRing& keys,
                            const StoreId& store_id, const VerifyCalls& calls,
                            std::stop_token stop);

}  // namespace latent::storage::care
