// Sealed bytes on disk (formats.md §3, §4): segments `<directory>/<node>/<number>.seg`. Knows
// BlobId, not patients. One BlobStore per node folder at a time (the caller holds the archive's
// lock).
//
// Invariants:
//  - what sync() or LargeBlob::finish() confirmed survives power loss;
//  - a segment whose write or sync failed is closed for good and never written again;
//  - only the tail of an unsealed segment can be torn; sealed segments never change.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "security/base/clock.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "security/crypto/study_key.h"
#include "storage/blobs/record_walk.h"

namespace latent::storage::blobs {

struct Config {
  std::filesystem::path directory;  ///< `DIR/seg`; made when missing
  std::string node;                 ///< 8 lower-case hexadecimal digits
  StoreId store_id{};
  std::uint64_t segment_bytes_max = 256ull << 20;
  bool preallocate = true;           ///< so that a full disk shows before a record, not in it
  std::uint64_t min_free_bytes = 0;  ///< 0: max of 1 GB and 2 % of the file system
  unsigned open_files_max = 256;     ///< descriptors kept open for reading
};

/// Where a blob's sealed bytes are. Unique per node; what a catalog row keeps.
struct BlobLocation {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;  ///< of the payload in the file
  std::uint64_t bytes = 0;   ///< sealed bytes
  friend bool operator==(const BlobLocation&, const BlobLocation&) = default;
};

/// A whole sealed blob in memory, given as pieces that are joined on disk. Borrowed.
struct PendingBlob {
  BlobId id{};
  std::span<const ByteSpan> parts{};
  /// CRC-32C of the joined parts when the caller has it already (it may compute it in parallel to
  /// other blobs, off the commit thread); computed here otherwise.
  std::optional<std::uint32_t> payload_crc32c{};
};

enum class TombstoneReason : std::uint32_t { deleted = 1, replaced = 2, shredded = 3, moved = 4 };
struct Tombstone {
  BlobId id{};
  TombstoneReason reason = TombstoneReason::deleted;
};
/// Whether a tombstone record's payload was written by this archive.
bool tombstone_is_genuine(ByteSpan payload, const BlobId& id,
                          const security::crypto::StudyKey& store_key);

/// What the catalog knows about this node's segments; asked once, at open(). Null functions mean
/// that the catalog is empty.
struct CatalogView {
  /// Highest segment number any row points into, 0 for none.
  std::function<Result<std::uint64_t>()> highest_segment;
  /// The row with the highest offset in this segment.
  std::function<Result<std::optional<BlobLocation>>(std::uint64_t segment)> last_in;
};

/// What the start found and did.
struct RecoveryReport {
  /// Records of unsealed segments behind the last catalog row: durable, but without a row unless
  /// somebody knows better; orphans, swept after 24 h.
  struct Unclaimed {
    BlobId id{};
    BlobLocation location{};
  };
  std::vector<Unclaimed> unclaimed;
  /// Damage that was left as it is, because rows point at or past it. An alert; never cut.
  struct Damage {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    std::string word;  ///< formats.md: torn gap crc magic unsupported store truncated
  };
  std::vector<Damage> damage;
  std::uint64_t bytes_cut = 0;           ///< torn tails removed
  std::uint64_t unfinished_removed = 0;  ///< large blobs whose writer died
  std::uint64_t segments_sealed = 0;
};

struct SegmentInfo {
  std::uint64_t number = 0;
  std::uint64_t file_bytes = 0;
  bool sealed = false;
};

struct Space {
  std::uint64_t total_bytes = 0;     ///< of the file system
  std::uint64_t free_bytes = 0;      ///< free to us
  std::uint64_t min_free_bytes = 0;  ///< below this, check_room() refuses
  std::uint64_t segment_bytes = 0;   ///< our files
};

class LargeBlob;

/// Threads: append()/append_tombstones() by one thread at a time, sync() by one thread at a time,
/// both at once allowed (group g+1 is appended while group g is synced); everything else by any.
class BlobStore {
 public:
  /// Recovers what a crash left (see RecoveryReport). Errors: internal (file system), corrupt
  /// (a file of another archive: "store"), or the catalog's.
  static Result<std::unique_ptr<BlobStore>> open(Config config, const CatalogView& catalog,
                                                 const Clock& clock);
  ~BlobStore();  ///< stop(), its error logged

  const RecoveryReport& recovery() const;

  /// Writes all blobs behind each other into the active segment by one gathered write; rolls it
  /// before when they do not fit. Not durable before sync(). Errors: exhausted (disk full),
  /// unavailable (write error; the segment is closed, the next append opens a new one).
  /// `on_placed` is told where the blobs will lie before the first byte is written, so that rows
  /// can be prepared meanwhile; it promises nothing yet.
  using OnPlaced = std::function<void(std::span<const BlobLocation>)>;
  Result<std::vector<BlobLocation>> append(std::span<const PendingBlob> blobs,
                                           const OnPlaced& on_placed = {});
  /// Marks blobs as dead, in the same way.
  Result<std::vector<BlobLocation>> append_tombstones(std::span<const Tombstone> tombstones,
                                                      const security::crypto::StudyKey& store_key);
  /// Makes what lies at `written` (results of append*) durable: one fdatasync per segment named,
  /// as a rule one. Errors: unavailable: none of `written` may be acknowledged; the segment is
  /// closed for good, since after a failed sync nobody knows what the file holds.
  Result<void> sync(std::span<const BlobLocation> written);

  /// Starts a blob in a file of its own (sealed size past 8 MiB, or unknown and the budget short).
  /// Errors: exhausted, unavailable.
  Result<std::unique_ptr<LargeBlob>> begin_large(const BlobId& id);

  /// Sealed bytes [offset, offset + out.size()) of the blob. Errors: invalid_input "range",
  /// corrupt "truncated" (file shorter than the row says, or gone), unavailable (I/O error).
  Result<void> read(const BlobLocation& location, std::uint64_t offset, MutableByteSpan out);

  /// All files of this node in ascending order.
  Result<std::vector<SegmentInfo>> segments() const;
  /// For `latent verify` and scrubbing. Errors: not_found, corrupt "magic" "crc" "unsupported"
  /// (file header) or "store".
  Result<void> for_each_record(std::uint64_t segment, PayloadCheck check,
                               const OnRecord& on_record) const;

  Result<Space> space() const;
  /// Errors: exhausted, when less than min_free is left (stores are then refused with A700).
  Result<void> check_room() const;

  /// Seals the active segment: seal record, file cut to its end, fsync. append() opens a new one.
  Result<void> stop();

 private:
  friend class LargeBlob;
  struct State;
  explicit BlobStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// One blob in a file of its own, streamed. Destroyed unfinished, the file is removed.
/// Threads: one at a time; independent of the store's other work. Must not outlive the store.
class LargeBlob {
 public:
  ~LargeBlob();
  LargeBlob(const LargeBlob&) = delete;
  LargeBlob& operator=(const LargeBlob&) = delete;

  /// Errors: exhausted (disk full), unavailable (write error).
  Result<void> append(ByteSpan sealed);
  /// Durable when it returns: true length into the header, CRC, seal record, file and folder
  /// synced. (sync() with this location does nothing more.)
  Result<BlobLocation> finish();

 private:
  friend class BlobStore;
  struct State;
  explicit LargeBlob(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace latent::storage::blobs
