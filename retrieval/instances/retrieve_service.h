// The retrieve verb: one way out for every face (C-GET, C-MOVE, export, later WADO-RS).
//
// plan() finds what is asked for, authorises and writes the audit event before the first byte can
// leave: no event, no bytes. open() gives one instance as a stream that is pulled when the receiver
// takes more, so a slow one holds a few buffers. finish() writes how it went.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "security/access/authorize.h"
#include "security/base/clock.h"
#include "security/base/limits.h"
#include "security/base/result.h"
#include "storage/auditlog/record.h"
#include "storage/blobs/blob_store.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/pool.h"
#include "storage/keyring/key_ring.h"

namespace latent::retrieval::instances {

using storage::catalog::StoredInstance;

/// Unique keys, from the level asked for upwards (PS3.4 C.4.2.1.4). An empty list or a missing ID
/// does not restrict; at least one must be given.
struct Selection {
  std::optional<std::string> patient_id;  ///< UTF-8, whole value
  std::vector<StudyUid> studies;
  std::vector<SeriesUid> series;
  std::vector<InstanceUid> instances;

  bool empty() const {
    return !patient_id && studies.empty() && series.empty() && instances.empty();
  }
};

/// What one authorised caller may now pull. Instances come in series order, current versions only.
struct RetrievePlan {
  std::vector<StoredInstance> instances;
  std::vector<security::audit::AuditEvent::Subject> subjects;  ///< one for each study, for the log
  std::string purpose;                                         ///< "get", "move to WS1", "export"
  security::access::Caller caller;
  bool is_export = false;  ///< leaves DICOM for files: audited as PS3.15 Export
};

struct RetrieveCounts {
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes = 0;
};

/// What the stream gives.
enum class Form {
  data_set,  ///< from the first element, as DIMSE sends it
  part10,    ///< the whole file; the preamble is zeroed (security.md §5, CVE-2019-11687)
  verbatim,  ///< the whole file as it came, preamble included
};

/// Pulls one instance. Not thread safe. What comes out before an error was verified; after an error
/// (`corrupt` with the format word) the receiver must be told that it is not whole.
class InstanceStream {
 public:
  virtual ~InstanceStream() = default;
  /// Puts the next piece behind `out`, at most about 64 KiB (a converted one may be larger); false,
  /// and nothing, at the end.
  virtual Result<bool> next(Bytes& out) = 0;
};

class RetrieveService {
 public:
  RetrieveService(storage::database::Pool& pool, storage::blobs::BlobStore& blobs,
                  storage::keyring::KeyRing& keys, const storage::auditlog::Recorder& recorder,
                  const Limits& limits);

  /// An empty plan is no error: nothing matched (and nothing is audited but the asking).
  /// Errors: invalid_input (empty selection), unavailable (database).
  Result<RetrievePlan> plan(const security::access::Authorisation& authorisation,
                            const Selection& selection, std::string purpose) const;

  /// True when `open` can give the instance in `target`: the same syntax, or both native.
  static bool can_give(const StoredInstance& instance, std::string_view target);

  /// Errors: invalid_input (syntax cannot be given), corrupt, unavailable.
  Result<std::unique_ptr<InstanceStream>> open(const StoredInstance& instance,
                                               std::string_view target_syntax, Form form) const;

  /// The completing audit event. Errors: unavailable.
  Result<void> finish(const RetrievePlan& plan, const RetrieveCounts& counts) const;

 private:
  storage::database::Pool& pool_;
  storage::blobs::BlobStore& blobs_;
  storage::keyring::KeyRing& keys_;
  const storage::auditlog::Recorder& recorder_;
  Limits limits_;
};

}  // namespace latent::retrieval::instances
