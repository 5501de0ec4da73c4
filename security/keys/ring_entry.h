// A key wrapped under a root (formats.md §1, record type 16): 48 bytes in clear that say what it
// is, then AES-256-GCM of key || label. The label (the Study Instance UID) is inside the
// ciphertext, since a copy of the ring must not tell which studies exist.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "security/base/bytes.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "security/crypto/secret.h"
#include "security/keys/root_key.h"
#include "security/keys/study_key.h"

namespace latent::security::keys {

enum class KeyPurpose : std::uint8_t {
  study = 1,
  store = 2,       ///< MACs of tombstones
  audit_seed = 3,  ///< Ed25519
  de_identification = 4,
  backup = 5,
};

struct WrappedKeyInfo {
  KeyPurpose purpose = KeyPurpose::study;
  RootId root_id{};
  std::uint64_t created_ms = 0;
};
/// The part in clear. Errors (corrupt): "unsupported".
Result<WrappedKeyInfo> parse_ring_entry(ByteSpan payload);

struct OpenedKey {
  StudyKeyPtr key;
  KeyPurpose purpose = KeyPurpose::study;
  std::string label;  ///< Study Instance UID, empty for other purposes
};

/// The payload of a ring record and of `study_key.entry`.
Bytes wrap_key(const RootKey& root, const StoreId& store, const StudyKey& key, KeyPurpose purpose,
               std::string_view label, std::uint64_t created_ms,
               crypto::Random random = crypto::random_bytes);
/// Errors (corrupt): "unsupported", "root" (its root was not given), "auth".
Result<OpenedKey> unwrap_key(const Roots& roots, const StoreId& store, const KeyId& id,
                             ByteSpan payload);

}  // namespace latent::security::keys
