// An instance that is whole and sealed, and waits for its group: bytes synced, row committed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dicom/model/tag.h"
#include "security/access/caller.h"
#include "security/base/bytes.h"
#include "security/crypto/study_key.h"
#include "storage/catalog/stored_instance.h"
#include "storage/ingest/detail/budget.h"
#include "storage/ingest/store_outcome.h"

namespace latent::storage::ingest::detail {

/// What a look at the kept object said about a newcomer of the same UID (formats.md §4).
struct Verdict {
  enum class Kind { same_content, new_version, refused };
  Kind kind = Kind::refused;
  BlobId compared_with{};  ///< only good while this is the current version
  std::vector<dicom::model::Tag> differing_tags{};
  bool other_study = false;  ///< a security alert
  std::string text{};        ///< for the sender
};

struct Pending {
  catalog::NewInstance instance;
  security::crypto::StudyKeyPtr key;
  Bytes sealed{};  ///< empty once it lies in a file of its own
  std::uint32_t sealed_crc32c = 0;
  bool in_own_file = false;  ///< instance.stored.location is set and synced
  bool appended = false;     ///< instance.stored.location is set
  Budget::Lease lease;
  std::optional<Verdict> verdict{};
  unsigned attempts = 0;
  bool has_turn = false;  ///< the one of its UID that is at work

  security::access::Caller caller{};
  StoreOutcome outcome{};  ///< kind decided by the group
  std::function<void(StoreOutcome)> done;

  std::uint64_t data_set_bytes() const {
    return instance.stored.plaintext_bytes - instance.stored.data_set_offset;
  }
};
using PendingPtr = std::unique_ptr<Pending>;

/// One that was refused before it became an instance: only its audit event is to be written.
struct Refusal {
  security::access::Caller caller{};
  StoreOutcome outcome{};
  std::function<void(StoreOutcome)> done;
};

}  // namespace latent::storage::ingest::detail
