#include "server/archive/archive.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "security/base/log.h"
#include "security/keys/root_key.h"
#include "server/archive/detail/database_guard.h"
#include "server/archive/detail/folder.h"
#include "storage/catalog/instances.h"
#include "storage/keyring/archive_identity.h"

namespace latent::server::archive {
namespace {

namespace fs = std::filesystem;
using security::access::Action;
using security::access::Caller;
using security::access::Grant;
using storage::database::Transaction;

constexpr auto kDatabaseWait = std::chrono::seconds(5);

storage::blobs::CatalogView catalog_view(storage::database::Pool& pool) {
  return {
      .highest_segment = [&pool]() -> Result<std::uint64_t> {
        LATENT_TRY(auto transaction, Transaction::begin(pool, deadline_in(kDatabaseWait),
                                                        Transaction::Mode::read_only));
        return storage::catalog::highest_segment(transaction);
      },
      .last_in =
          [&pool](std::uint64_t segment) -> Result<std::optional<storage::blobs::BlobLocation>> {
        LATENT_TRY(auto transaction, Transaction::begin(pool, deadline_in(kDatabaseWait),
                                                        Transaction::Mode::read_only));
        return storage::catalog::last_in_segment(transaction, segment);
      }};
}

void log_recovery(const storage::blobs::RecoveryReport& report) {
  if (report.bytes_cut + report.unfinished_removed + report.unclaimed.size() > 0)
    log::info("segments recovered", "bytes_cut", report.bytes_cut, "unfinished_removed",
              report.unfinished_removed, "unclaimed", report.unclaimed.size());
  for (const auto& damage : report.damage)
    log::error("segment is damaged where rows point; run latent verify", "segment", damage.segment,
               "offset", damage.offset, "word", damage.word);
}

security::access::Policy policy_of(const settings::Config& config) {
  // Who may connect at all is decided at the door (server/dimse); here, what they may do then.
  std::vector<Grant> grants{
      {Caller::Kind::peer,
       "",
       {Action::echo, Action::store, Action::query, Action::retrieve, Action::move}},
      {Caller::Kind::local_user,
       "",
       {Action::import_, Action::query, Action::export_, Action::verify}}};
  for (const settings::Peer& peer : config.peers)
    grants.push_back({Caller::Kind::peer, "dimse:" + peer.aet.str(), peer.services});
  return security::access::Policy(std::move(grants));
}

storage::ingest::Config ingest_config(const settings::Config& config, const StoreId& store_id) {
  storage::ingest::Config ingest;
  ingest.ingest_bytes_max = config.store.ingest_bytes;
  ingest.store_id = store_id;
  ingest.limits = config.limits;
  switch (config.store.duplicates) {
    case settings::Duplicates::versions:
      ingest.duplicates = storage::ingest::DuplicatePolicy::versions;
      break;
    case settings::Duplicates::keep_first:
      ingest.duplicates = storage::ingest::DuplicatePolicy::keep_first;
      break;
    case settings::Duplicates::replace:
      ingest.duplicates = storage::ingest::DuplicatePolicy::replace;
      break;
  }
  return ingest;
}

/// Of segments that stay open for reading: an eighth of what the process may have open, so that
/// connections find room too where that is little.
unsigned open_files_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 16;
  return static_cast<unsigned>(std::clamp<rlim_t>(limit.rlim_cur / 8, 16, 256));
}

}  // namespace

// Members are built from top to bottom and die from bottom to top.
struct Archive::State {
  explicit State(const settings::Config& the_config)
      : config(the_config), policy(policy_of(config)) {}

  Result<void> open();
  Result<void> record_activity(std::string_view what);

  settings::Config config;
  SystemClock clock;
  security::access::Policy policy;
  FileDescriptor lock;
  std::optional<security::keys::Roots> roots;
  std::string node;
  StoreId store_id{};
  std::unique_ptr<detail::DatabaseGuard> database;
  std::unique_ptr<storage::keyring::KeyRing> keys;
  std::unique_ptr<storage::blobs::BlobStore> blobs;
  std::optional<storage::auditlog::Recorder> recorder;
  std::unique_ptr<storage::ingest::StoreService> store;
  std::unique_ptr<retrieval::query::QueryService> query;
  std::unique_ptr<retrieval::instances::RetrieveService> retrieve;
};

Result<void> Archive::State::open() {
  LATENT_TRY(lock, detail::lock_folder(config.data_dir));
  LATENT_TRY(node, detail::node_name(config.data_dir));
  LATENT_TRY(const auto source, security::keys::parse_key_source(config.root_key));
  LATENT_TRY(auto root, security::keys::load_root_key(source));
  std::vector<security::keys::RootKey> given;
  given.push_back(std::move(root));
  roots.emplace(std::move(given));

  LATENT_TRY(database, detail::DatabaseGuard::start(config, clock));
  const fs::path ring_folder = config.data_dir / "ring";
  LATENT_TRY(store_id,
             storage::keyring::find_or_make_store_id(
                 database->pool(), ring_folder / (node + ".ring"), deadline_in(kDatabaseWait)));
  LATENT_TRY(keys, storage::keyring::KeyRing::open({.directory = ring_folder,
                                                    .node = node,
                                                    .store_id = store_id,
                                                    .root_source = std::string(source.kind_name())},
                                                   *roots, database->pool(), clock));
  LATENT_TRY(blobs, storage::blobs::BlobStore::open(
                        {.directory = config.data_dir / "seg",
                         .node = node,
                         .store_id = store_id,
                         .min_free_bytes = config.store.min_free_bytes.value_or(0),
                         .open_files_max = open_files_max()},
                        catalog_view(database->pool()), clock));
  log_recovery(blobs->recovery());
  recorder.emplace(clock, node);
  store = std::make_unique<storage::ingest::StoreService>(
      ingest_config(config, store_id), database->pool(), *blobs, *keys, *recorder, clock);
  query = std::make_unique<retrieval::query::QueryService>(database->pool(), *recorder);
  retrieve = std::make_unique<retrieval::instances::RetrieveService>(
      database->pool(), *blobs, *keys, *recorder, config.limits);
  return record_activity("start");
}

Result<void> Archive::State::record_activity(std::string_view what) {
  security::audit::AuditEvent event;
  event.code = security::audit::EventCode::application_activity;
  event.what = what;
  event.actor = "latent";
  LATENT_TRY(auto transaction, Transaction::begin(database->pool(), deadline_in(kDatabaseWait)));
  LATENT_TRY_VOID(recorder->record(transaction, std::span(&event, 1)));
  return transaction.commit();
}

Archive::Archive(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Archive>> Archive::open(const settings::Config& config) {
  auto state = std::make_unique<State>(config);
  LATENT_TRY_VOID(state->open());
  return std::unique_ptr<Archive>(new Archive(std::move(state)));
}

Archive::~Archive() {
  state_->store.reset();
  if (const auto stopped = state_->record_activity("stop"); !stopped)
    log::error("the stop could not be audited", "error", stopped.error().text);
}

const settings::Config& Archive::config() const { return state_->config; }
const security::access::Policy& Archive::policy() const { return state_->policy; }
storage::ingest::StoreService& Archive::store() { return *state_->store; }
const retrieval::query::QueryService& Archive::query() const { return *state_->query; }
const retrieval::instances::RetrieveService& Archive::retrieve() const { return *state_->retrieve; }
storage::database::Pool& Archive::pool() { return state_->database->pool(); }
storage::blobs::BlobStore& Archive::blobs() { return *state_->blobs; }
storage::keyring::KeyRing& Archive::keys() { return *state_->keys; }
const storage::auditlog::Recorder& Archive::recorder() const { return *state_->recorder; }
const StoreId& Archive::store_id() const { return state_->store_id; }

Result<bool> ensure_root_key(const settings::Config& config) {
  const fs::path file = config.root_key_file();
  std::error_code failure;
  if (file.empty() || fs::exists(file, failure)) return false;
  if (fs::exists(config.data_dir / "ring", failure))
    return fail(ErrorCode::refused,
                "the root key " + file.string() + " is gone but the archive in " +
                    config.data_dir.string() +
                    " is sealed with it; put the copy back, no other key opens it",
                "archive");
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), failure);
  LATENT_TRY(const auto made, security::keys::create_root_key_file(file));
  log::info("root key made", "root_id", made.root_id().hex());
  return true;
}

}  // namespace latent::server::archive
