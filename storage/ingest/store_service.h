// The store verb: one way in for every face (C-STORE, import, later STOW-RS).
//
// begin() / feed() / finish(): the bytes are scanned and sealed as they stream by; no call blocks,
// no thread waits for bytes or for a commit. An instance is acknowledged only after its bytes are
// synced and its row is committed (formats.md §4); until then nothing of it is visible, and a bad
// verdict leaves nothing behind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "security/access/authorize.h"
#include "security/base/bytes.h"
#include "security/base/clock.h"
#include "security/base/identifiers.h"
#include "security/base/limits.h"
#include "storage/auditlog/record.h"
#include "storage/blobs/blob_store.h"
#include "storage/database/pool.h"
#include "storage/ingest/store_outcome.h"
#include "storage/keyring/key_ring.h"

namespace latent::storage::ingest {

/// What happens when other content arrives under a SOP Instance UID that is kept (formats.md §4).
enum class DuplicatePolicy { versions, keep_first, replace };

struct Config {
  std::uint64_t ingest_bytes_max = 256ull << 20;  ///< held and not yet committed, over all senders
  std::uint64_t held_bytes_max = 8ull << 20;      ///< of one object; past it: a file of its own
  std::uint64_t held_bytes_free = 1ull << 20;     ///< of one object, whatever the budget says
  std::size_t group_instances_max = 64;
  std::uint64_t group_bytes_max = 64ull << 20;
  unsigned helper_threads = 3;  ///< key look-ups, big files, comparing duplicates
  DuplicatePolicy duplicates = DuplicatePolicy::versions;
  StoreId store_id{};
  Limits limits;
};

struct StoreRequest {
  std::string transfer_syntax;
  /// Announced by the command set; compared with the data set. Empty for files.
  std::optional<SopClassUid> expected_class;
  std::optional<InstanceUid> expected_instance;
  /// The Part 10 head as it came with a file, kept byte for byte; empty: one is written.
  Bytes file_head;
  std::optional<std::string> file_name;  ///< of an import; kept sealed in the manifest
  std::string assumed_character_set;     ///< of a device that sends none; empty = the standard's
  std::string assumed_issuer;            ///< Issuer of Patient ID of a device that sends none
  /// Called from a thread of the service after feed() said `wait`, when feeding may go on.
  std::function<void()> on_room;
};

enum class Feed {
  more,  ///< go on
  wait,  ///< the bytes were taken; feed no more until on_room is called
};

/// One instance on its way in. Used by one thread at a time; destroying it before finish() abandons
/// the instance and leaves nothing.
class Incoming {
 public:
  virtual ~Incoming() = default;
  /// Takes any piece of the data set. What is wrong with it is said by finish().
  virtual Feed feed(ByteSpan bytes) = 0;
  /// All bytes are fed; may follow a feed() that said `wait` at once. `done` is called exactly
  /// once, from a thread of the service or from this call, when the outcome is durable. The object
  /// may be destroyed at once.
  virtual void finish(std::function<void(StoreOutcome)> done) = 0;
};

/// Thread safe. What it is given outlives it.
class StoreService {
 public:
  StoreService(Config config, database::Pool& pool, blobs::BlobStore& blobs, keyring::KeyRing& keys,
               const auditlog::Recorder& recorder, const Clock& clock);
  /// Finishes what is under way, then stops its threads. No Incoming may be left.
  ~StoreService();

  /// Never fails: what cannot be taken is answered by finish(), so that the sender is heard out.
  std::unique_ptr<Incoming> begin(const security::access::Authorisation& authorisation,
                                  StoreRequest request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace latent::storage::ingest
