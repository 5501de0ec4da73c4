// Group commit in two overlapping stages (formats.md §4): one appends and syncs the bytes of a
// group, the other inserts its rows meanwhile and commits them as soon as the bytes are durable;
// while it does, the bytes of the next group are under way. A group is whoever waits; there is no
// timer. (A third thread for the sync alone was tried: nothing gained within the noise.)
//
// Invariants
//  - `done` says success only after COMMIT, and COMMIT only follows a successful sync of segment
//    and ring;
//  - a row that fails is retried alone, so that it cannot sink its neighbours;
//  - of one SOP Instance UID one is at work from its group to its answer, looks at the kept object
//    included, and the others wait in the order of arrival: each is judged against what then is
//    current. The unique index decides the races with other nodes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <thread>
#include <unordered_set>
#include <vector>

#include "security/base/mutex.h"
#include "storage/auditlog/record.h"
#include "storage/blobs/blob_store.h"
#include "storage/catalog/known_series.h"
#include "storage/database/pool.h"
#include "storage/ingest/detail/buffers.h"
#include "storage/ingest/detail/new_studies.h"
#include "storage/ingest/detail/pending.h"
#include "storage/ingest/store_service.h"
#include "storage/keyring/key_ring.h"

namespace latent::storage::ingest::detail {

class GroupCommit {
 public:
  /// `compare` is given instances whose UID is kept already with other bytes; it looks at both and
  /// submits them again with a verdict.
  GroupCommit(const Config& config, const database::Pool& pool, blobs::BlobStore& blobs,
              keyring::KeyRing& keys, const auditlog::Recorder& recorder, Buffers& buffers,
              std::function<void(PendingPtr, catalog::StoredInstance)> compare);
  ~GroupCommit();

  void submit(PendingPtr pending);
  void submit(Refusal refusal);
  /// Ends both stages after what was submitted is answered.
  void stop();

 private:
  struct Group {
    std::vector<PendingPtr> instances;
    std::vector<Refusal> refusals;
    std::future<Result<void>> on_disk;  ///< bytes and keys; until then `sealed` is in use
    bool empty() const { return instances.empty() && refusals.empty(); }
  };

  void sync_stage();
  void commit_stage();
  void wake_all();
  bool may_be_taken(const Pending& pending) const LATENT_REQUIRES(mutex_);
  bool has_work() const LATENT_REQUIRES(mutex_);
  Group take_group();
  bool classify(Group& group);
  bool needs_look_up(const Pending& pending) const;
  void write_and_pass_on(Group group);
  Result<void> append_and_sync(std::span<Pending* const> writers,
                               const std::function<void()>& on_placed);
  Result<void> commit(std::span<const PendingPtr> instances, std::span<const Refusal> refusals,
                      const std::function<Result<void>()>& before_commit);
  void commit_group(Group group);
  void commit_one_by_one(Group group);
  void answer(Group& group);
  static void refuse_all(Group& group, Reason reason, const std::string& text);

  const Config& config_;
  const std::unique_ptr<database::Pool> pool_;  ///< with the plans that inserting wants
  blobs::BlobStore& blobs_;
  keyring::KeyRing& keys_;
  const auditlog::Recorder& recorder_;
  Buffers& buffers_;
  const std::function<void(PendingPtr, catalog::StoredInstance)> compare_;

  Mutex mutex_;
  std::condition_variable sync_wake_, commit_wake_;  ///< one a stage
  std::deque<PendingPtr> waiting_ LATENT_GUARDED_BY(mutex_);
  std::unordered_set<InstanceUid> at_work_ LATENT_GUARDED_BY(mutex_);  ///< taken, not yet answered
  std::vector<Refusal> waiting_refusals_ LATENT_GUARDED_BY(mutex_);
  std::deque<Group> placed_ LATENT_GUARDED_BY(mutex_);    ///< for the commit stage; at most one
  std::size_t unanswered_ LATENT_GUARDED_BY(mutex_) = 0;  ///< submitted, not yet answered
  bool stopping_ LATENT_GUARDED_BY(mutex_) = false;

  catalog::KnownSeries known_series_;  ///< used by the commit stage alone
  NewStudies new_studies_;
  /// The last transaction went through: otherwise nothing is written before the database was asked.
  std::atomic<bool> database_answers_ = false;

  std::thread sync_thread_;
  std::thread commit_thread_;
};

}  // namespace latent::storage::ingest::detail
