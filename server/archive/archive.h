// The archive as one object: everything between the faces and the disk, built once, left to right,
// from the configuration. Two programs open it: `latent serve`, and a command that finds no server
// running. Whoever holds it holds the folder's lock.
//
// DIR/lock  pg/  seg/<node>/  ring/<node>.ring  node  control.sock   and beside it DIR.root-key
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "retrieval/instances/retrieve_service.h"
#include "retrieval/query/query_service.h"
#include "security/access/authorize.h"
#include "security/base/result.h"
#include "server/settings/config.h"
#include "storage/auditlog/record.h"
#include "storage/ingest/store_service.h"

namespace latent::server::archive {

class Archive {
 public:
  /// Errors: refused (the folder is in use, or is another archive's), corrupt (keys or segments do
  /// not fit), unavailable (database), each with what to do.
  /// As root: call after the root key file exists and privileges are dropped
  /// (settings/service_user.h).
  static Result<std::unique_ptr<Archive>> open(const settings::Config& config);
  /// Writes the stop event, seals the active segment, stops the private database.
  ~Archive();

  const settings::Config& config() const;
  const security::access::Policy& policy() const;
  storage::ingest::StoreService& store();
  const retrieval::query::QueryService& query() const;
  const retrieval::instances::RetrieveService& retrieve() const;
  storage::database::Pool& pool();
  storage::blobs::BlobStore& blobs();
  storage::keyring::KeyRing& keys();
  const storage::auditlog::Recorder& recorder() const;
  const StoreId& store_id() const;

 private:
  struct State;
  explicit Archive(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Makes the root key file when there is none yet and no archive either; true when it was made now
/// (the person must be told to copy it away). Called before privileges are dropped. Errors: refused
/// when the archive exists and its key is gone: nothing would open.
Result<bool> ensure_root_key(const settings::Config& config);

}  // namespace latent::server::archive
