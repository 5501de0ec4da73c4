#include "storage/keyring/key_ring.h"

#include <chrono>
#include <unordered_map>
#include <utility>
#include <vector>

#include "security/base/fail_point.h"
#include "security/base/mutex.h"
#include "security/keys/ring_entry.h"
#include "storage/database/transaction.h"
#include "storage/keyring/detail/key_cache.h"
#include "storage/keyring/ring_file.h"

namespace latent::storage::keyring {
namespace {

using database::Params;
using database::Rows;
using database::Statement;
using database::Transaction;
using security::keys::KeyPurpose;
using security::keys::OpenedKey;
using security::keys::Roots;
using security::keys::StudyKey;
using security::keys::StudyKeyPtr;

constexpr const char* kByStudy =
    "SELECT key_id, entry FROM study_key WHERE study_uid = $1 AND entry IS NOT NULL";
constexpr const char* kById =
    "SELECT key_id, entry FROM study_key WHERE key_id = $1 AND entry IS NOT NULL";
constexpr const char* kByPurpose =
    "SELECT key_id, entry FROM study_key WHERE purpose = $1 AND entry IS NOT NULL"
    " ORDER BY created, key_id LIMIT 1";
constexpr const char* kInsert =
    "INSERT INTO study_key (key_id, study_uid, purpose, root_id, entry)"
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (study_uid) DO NOTHING RETURNING key_id";
constexpr const char* kInsertAgain =
    "INSERT INTO study_key (key_id, study_uid, purpose, root_id, entry)"
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key_id) DO NOTHING";
// The row of the first instance is committed later, with waiting, in the same log: when that is
// durable, so is this. When PostgreSQL crashes in between, that transaction brings this row again.
constexpr const char* kWithoutWaiting = "SELECT set_config('synchronous_commit', 'off', true)";
constexpr const char* kLockArchiveKeys =
    "SELECT pg_advisory_xact_lock(hashtextextended('latent.archive_keys', 0))";

/// A wrapped key as it stands in row and ring.
struct Row {
  KeyId id{};
  Bytes entry;
};

Result<std::optional<Row>> first_row(const Rows& rows) {
  if (rows.empty()) return std::optional<Row>();
  const auto id = KeyId::from(rows.bytes(0, 0));
  if (!id) return fail(ErrorCode::corrupt, "table study_key: a key id is not 16 bytes", "keyring");
  return std::optional<Row>(Row{*id, rows.bytes(0, 1)});
}

tl::unexpected<Error> no_key(std::string_view what) {
  return fail(ErrorCode::not_found, "there is no key for " + std::string(what), "nokey");
}

}  // namespace

struct KeyRing::State {
  State(Config given, const Roots& all_roots, database::Pool& connections, const Clock& time)
      : config(std::move(given)),
        roots(all_roots),
        pool(connections),
        clock(time),
        cache(config.cached_keys_max) {}

  Result<std::optional<Row>> select(const char* sql, const Params& params) {
    LATENT_TRY(Transaction transaction, Transaction::begin(pool, deadline_in(config.database_wait),
                                                           Transaction::Mode::read_only));
    LATENT_TRY(const Rows rows, transaction.execute(sql, params));
    return first_row(rows);
  }

  Result<OpenedKey> unwrap(const Row& row) const {
    return security::keys::unwrap_key(roots, config.store_id, row.id, row.entry);
  }

  /// Unwraps a study's key, checks that it is that study's, and keeps it in the cache.
  Result<StudyKeyPtr> adopt(const Row& row, const StudyUid& study) {
    LATENT_TRY(OpenedKey opened, unwrap(row));
    if (opened.purpose != KeyPurpose::study || opened.label != study.text())
      return fail(ErrorCode::corrupt, "key " + row.id.hex() + " stands beside another study's name",
                  "auth");
    cache.put(study, opened.key);
    return opened.key;
  }

  Row new_row(const StudyKey& key, KeyPurpose purpose, std::string_view label) const {
    return {key.id(), security::keys::wrap_key(roots.active(), config.store_id, key, purpose, label,
                                               static_cast<std::uint64_t>(clock.now_us()) / 1000)};
  }
  Params insert_params(const Row& row, const std::optional<StudyUid>& study,
                       KeyPurpose purpose) const {
    Params params;
    params.bytes(row.id.bytes);
    params.text(study ? std::optional<std::string>(study->str()) : std::nullopt);
    params.integer(static_cast<std::int64_t>(purpose));
    params.bytes(roots.active().root_id().bytes);
    params.bytes(row.entry);
    return params;
  }
  static StudyKeyPtr random_key() {
    return std::make_shared<const StudyKey>(security::crypto::random_id<KeyId>(),
                                            security::crypto::Secret<32>::random());
  }

  Result<StudyKeyPtr> create(const StudyUid& study);
  Result<StudyKeyPtr> archive_key(Transaction& transaction, KeyPurpose purpose);
  Result<void> load_archive_keys();

  const Config config;
  const Roots& roots;
  database::Pool& pool;
  const Clock& clock;
  detail::KeyCache cache;
  std::unique_ptr<RingFile> ring;  // constant after open()
  StudyKeyPtr store_key;
  StudyKeyPtr audit_seed;
  Mutex creating;  // one new key at a time: parallel senders of one study make one
  // Parameters of kInsertAgain. Bounded: a key that finds no place here waits for its row.
  static constexpr std::size_t kUnconfirmedMax = 10'000;
  mutable Mutex unconfirmed_mutex;
  std::unordered_map<KeyId, Params> unconfirmed LATENT_GUARDED_BY(unconfirmed_mutex);
  std::chrono::steady_clock::time_point silent_at LATENT_GUARDED_BY(creating){};
};

KeyRing::KeyRing(std::unique_ptr<State> state) : state_(std::move(state)) {}
KeyRing::~KeyRing() = default;

Result<std::unique_ptr<KeyRing>> KeyRing::open(Config config, const Roots& roots,
                                               database::Pool& pool, const Clock& clock) {
  auto state = std::make_unique<State>(std::move(config), roots, pool, clock);
  const NewRing when_new{roots.active().root_id(), state->config.root_source,
                         static_cast<std::uint64_t>(clock.now_us()) / 1000};
  LATENT_TRY(state->ring, RingFile::open(state->config.directory / (state->config.node + ".ring"),
                                         state->config.store_id, when_new));
  LATENT_TRY_VOID(state->load_archive_keys());
  return std::unique_ptr<KeyRing>(new KeyRing(std::move(state)));
}

Result<void> KeyRing::State::load_archive_keys() {
  LATENT_TRY(Transaction transaction, Transaction::begin(pool, deadline_in(config.database_wait)));
  // Two nodes that start at once must not make two of each.
  LATENT_TRY([[maybe_unused]] const Rows locked, transaction.execute(kLockArchiveKeys));
  LATENT_TRY(store_key, archive_key(transaction, KeyPurpose::store));
  LATENT_TRY(audit_seed, archive_key(transaction, KeyPurpose::audit_seed));
  LATENT_TRY_VOID(ring->sync());
  return transaction.commit();
}

Result<StudyKeyPtr> KeyRing::State::archive_key(Transaction& transaction, KeyPurpose purpose) {
  LATENT_TRY(const Rows rows,
             transaction.execute(kByPurpose, Params().integer(static_cast<std::int64_t>(purpose))));
  LATENT_TRY(const std::optional<Row> found, first_row(rows));
  if (found) {
    LATENT_TRY(OpenedKey opened, unwrap(*found));
    if (opened.purpose != purpose)
      return fail(ErrorCode::corrupt,
                  "key " + found->id.hex() + " has another purpose than its row", "auth");
    LATENT_TRY_VOID(ring->append(found->id, found->entry));
    return opened.key;
  }
  const StudyKeyPtr key = random_key();
  const Row row = new_row(*key, purpose, {});
  LATENT_TRY_VOID(ring->append(row.id, row.entry));
  LATENT_TRY([[maybe_unused]] const Rows inserted,
             transaction.execute(kInsert, insert_params(row, std::nullopt, purpose)));
  return key;
}

Result<StudyKeyPtr> KeyRing::by_id(const KeyId& id) {
  if (StudyKeyPtr key = state_->cache.find(id)) return key;
  LATENT_TRY(const std::optional<Row> row, state_->select(kById, Params().bytes(id.bytes)));
  if (!row) return no_key("id " + id.hex());
  LATENT_TRY(OpenedKey opened, state_->unwrap(*row));
  state_->cache.put(
      opened.purpose == KeyPurpose::study ? StudyUid::parse(opened.label) : std::nullopt,
      opened.key);
  return opened.key;
}

Result<StudyKeyPtr> KeyRing::find(const StudyUid& study) {
  if (StudyKeyPtr key = state_->cache.find(study)) return key;
  LATENT_TRY(const std::optional<Row> row, state_->select(kByStudy, Params().text(study.text())));
  if (!row) return no_key("this study");
  return state_->adopt(*row, study);
}

StudyKeyPtr KeyRing::cached(const StudyUid& study) {
  // find() may have brought a key that another node made: it must be in our ring before use.
  StudyKeyPtr key = state_->cache.find(study);
  return key && state_->ring->contains(key->id()) ? key : nullptr;
}

Result<StudyKeyPtr> KeyRing::get_or_create(const StudyUid& study) {
  if (StudyKeyPtr key = cached(study)) return key;
  const auto asked = std::chrono::steady_clock::now();
  const MutexLock lock(state_->creating);
  if (StudyKeyPtr key = cached(study)) return key;
  // Who waited here while the database did not answer another hears it too: each finding it out
  // alone, one after the other, would take minutes.
  if (state_->silent_at >= asked)
    return fail(ErrorCode::unavailable, "the database did not answer when keys were made",
                "keyring");
  auto key = state_->create(study);
  if (!key && key.error().code == ErrorCode::unavailable)
    state_->silent_at = std::chrono::steady_clock::now();
  return key;
}

Result<StudyKeyPtr> KeyRing::State::create(const StudyUid& study) {
  const Params by_study = Params().text(study.text());
  LATENT_TRY(std::optional<Row> row, select(kByStudy, by_study));
  if (!row) {
    const StudyKeyPtr key = random_key();
    const Row fresh = new_row(*key, KeyPurpose::study, study.text());
    // Ring before row: a crash in between leaves an entry that nothing uses.
    LATENT_TRY_VOID(ring->append(fresh.id, fresh.entry));
    fail_point::reach("key.create");
    const Params params = insert_params(fresh, study, KeyPurpose::study);
    std::vector<Statement> statements{{kInsert, params}};
    if (const MutexLock lock(unconfirmed_mutex); unconfirmed.size() < kUnconfirmedMax) {
      statements.insert(statements.begin(), {kWithoutWaiting, {}});
      unconfirmed.emplace(fresh.id, params);
    }
    LATENT_TRY(const std::vector<Rows> rows,
               Transaction::run_at_once(pool, deadline_in(config.database_wait), statements));
    if (!rows.back().empty()) {
      cache.put(study, key);
      return key;
    }
    // Another node was faster: its key is the study's.
    {
      const MutexLock lock(unconfirmed_mutex);
      unconfirmed.erase(fresh.id);
    }
    LATENT_TRY(row, select(kByStudy, by_study));
    if (!row)
      return fail(ErrorCode::unavailable, "a study's key was destroyed while it was being made",
                  "keyring");
  }
  LATENT_TRY_VOID(ring->append(row->id, row->entry));
  return adopt(*row, study);
}

std::vector<Statement> KeyRing::rows_to_confirm(std::span<const KeyId> keys) const {
  std::vector<Statement> statements;
  const MutexLock lock(state_->unconfirmed_mutex);
  for (const KeyId& id : keys)
    if (const auto found = state_->unconfirmed.find(id); found != state_->unconfirmed.end())
      statements.push_back({kInsertAgain, found->second});
  return statements;
}

void KeyRing::confirm(std::span<const KeyId> keys) {
  const MutexLock lock(state_->unconfirmed_mutex);
  for (const KeyId& id : keys) state_->unconfirmed.erase(id);
}

Result<void> KeyRing::sync() { return state_->ring->sync(); }

StudyKeyPtr KeyRing::store_key() const { return state_->store_key; }
StudyKeyPtr KeyRing::audit_seed() const { return state_->audit_seed; }

}  // namespace latent::storage::keyring
