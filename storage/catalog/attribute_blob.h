// The full attribute set of an instance as its catalog row keeps it: compressed with a dictionary
// of what data sets usually say, and sealed under the key of its study, so that it dies with that
// key. Thread safe.
#pragma once

#include "security/base/bytes.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "security/crypto/study_key.h"

namespace latent::storage::catalog {

/// `attribute_set` as DatasetIndex::attribute_set. Sealed: u8 dictionary version, zstd frame; bound
/// to the instance by its UID as additional data. Empty for an empty set.
Bytes seal_attributes(ByteSpan attribute_set, const security::crypto::StudyKey& key,
                      const InstanceUid& instance);

/// Errors: corrupt: "auth" (other key, other instance, changed bytes), "codec".
Result<Bytes> open_attributes(ByteSpan sealed, const security::crypto::StudyKey& key,
                              const InstanceUid& instance);

}  // namespace latent::storage::catalog
