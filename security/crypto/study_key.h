// The key of one study (formats.md §1): what every blob key is derived from. Also the shape of the
// other keys of the ring (store key, audit seed), which have the same length.
#pragma once

#include <memory>
#include <utility>

#include "security/base/identifiers.h"
#include "security/crypto/secret.h"

namespace latent::security::crypto {

/// Immutable; handed around as shared_ptr, so that a cache may drop it while somebody seals with
/// it.
class StudyKey {
 public:
  StudyKey(KeyId id, Secret<32> secret) : id_(id), secret_(std::move(secret)) {}
  const KeyId& id() const { return id_; }
  const Secret<32>& secret() const { return secret_; }

 private:
  KeyId id_;
  Secret<32> secret_;
};

using StudyKeyPtr = std::shared_ptr<const StudyKey>;

}  // namespace latent::security::crypto
