// What the parts of the store verb share: the services of the left floors, the budget, the helper
// threads and the group commit. Built left to right, torn down right to left.
#pragma once

#include "security/base/worker_pool.h"
#include "storage/ingest/detail/budget.h"
#include "storage/ingest/detail/buffers.h"
#include "storage/ingest/detail/compare.h"
#include "storage/ingest/detail/group_commit.h"
#include "storage/ingest/store_service.h"

namespace latent::storage::ingest::detail {

struct Context {
  Context(Config the_config, database::Pool& the_pool, blobs::BlobStore& the_blobs,
          keyring::KeyRing& the_keys, const auditlog::Recorder& recorder, const Clock& the_clock)
      : config(std::move(the_config)),
        blobs(the_blobs),
        keys(the_keys),
        clock(the_clock),
        budget(config.ingest_bytes_max),
        helpers(config.helper_threads, kHelperQueueMax),
        commit(config, the_pool, the_blobs, the_keys, recorder, buffers,
               [this](PendingPtr newcomer, catalog::StoredInstance kept) {
                 compare_later(std::move(newcomer), std::move(kept));
               }) {}

  /// Looks at both objects on a helper and submits the newcomer again, with a verdict.
  void compare_later(PendingPtr newcomer, catalog::StoredInstance kept);

  // The queue is bounded by the associations, each of which has at most one job in it; this is
  // only a stop against a programming error.
  static constexpr std::size_t kHelperQueueMax = 100'000;

  const Config config;
  blobs::BlobStore& blobs;
  keyring::KeyRing& keys;
  const Clock& clock;
  Budget budget;
  Buffers buffers;
  WorkerPool helpers;
  GroupCommit commit;
};

}  // namespace latent::storage::ingest::detail
