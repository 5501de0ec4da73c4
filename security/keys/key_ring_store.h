// Port: who keeps the ring. `storage/keyring` implements it; tests have one in memory.
#pragma once

#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "security/keys/study_key.h"

namespace latent::security::keys {

/// Threads: safe.
class KeyRingStore {
 public:
  virtual ~KeyRingStore() = default;
  /// Errors: not_found (no key, or destroyed), corrupt ("auth", "root"), unavailable.
  virtual Result<StudyKeyPtr> by_id(const KeyId& id) = 0;
  virtual Result<StudyKeyPtr> find(const StudyUid& study) = 0;
  /// The study's key, made when there is none. What it returned may be used for sealing at once,
  /// but nothing sealed with it is acknowledged before a later sync() succeeded.
  virtual Result<StudyKeyPtr> get_or_create(const StudyUid& study) = 0;
  /// Makes every key returned before this call durable in this node's ring.
  virtual Result<void> sync() = 0;
};

}  // namespace latent::security::keys
