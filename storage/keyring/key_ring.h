// Study keys, twice: rows of table `study_key`, and `<directory>/<node>.ring`, the same wrapped
// bytes (formats.md §1). Blobs + rings + root rebuild an archive without PostgreSQL, so a node's
// ring holds every key that any of its segments uses.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "security/base/clock.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "security/keys/key_ring_store.h"
#include "security/keys/root_key.h"
#include "storage/database/pool.h"

namespace latent::storage::keyring {

struct Config {
  std::filesystem::path directory;  ///< `DIR/ring`; made when missing
  std::string node;                 ///< 8 lower-case hexadecimal digits
  StoreId store_id{};
  std::string root_source = "file";  ///< KeySource::kind_name(), noted in a new ring
  std::size_t cached_keys_max = 10'000;
  std::chrono::milliseconds database_wait{2'000};
};

/// Threads: safe. `pool`, `roots` and `clock` outlive it.
class KeyRing final : public security::keys::KeyRingStore {
 public:
  /// Opens or makes the ring file (a torn tail is cut off), and makes store key and audit seed when
  /// the archive has none. Errors: corrupt ("magic" "crc" "store" "root" "auth"), unavailable.
  static Result<std::unique_ptr<KeyRing>> open(Config config, const security::keys::Roots& roots,
                                               database::Pool& pool, const Clock& clock);
  ~KeyRing() override;

  /// A cached key costs no statement; else one SELECT, and one small transaction to make a new one.
  /// Errors as KeyRingStore says.
  Result<security::keys::StudyKeyPtr> by_id(const KeyId& id) override;
  Result<security::keys::StudyKeyPtr> find(const StudyUid& study) override;
  Result<security::keys::StudyKeyPtr> get_or_create(const StudyUid& study) override;
  /// What get_or_create() would return when it is at hand, else null; never waits.
  security::keys::StudyKeyPtr cached(const StudyUid& study);
  /// Nothing to do (no new key since the last) costs nothing. Errors: unavailable: no blob under a
  /// key returned since the last success may be acknowledged.
  Result<void> sync() override;

  /// The rows of those of `keys` that were made lately, for the transaction that first names them:
  /// their own was not waited for, so PostgreSQL may have crashed and forgotten it. As a rule none.
  std::vector<database::Statement> rows_to_confirm(std::span<const KeyId> keys) const;
  /// That transaction is durable.
  void confirm(std::span<const KeyId> keys);

  /// MACs tombstones (purpose 2).
  security::keys::StudyKeyPtr store_key() const;
  /// Ed25519 seed of the audit log's signer (purpose 3).
  security::keys::StudyKeyPtr audit_seed() const;

 private:
  struct State;
  explicit KeyRing(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace latent::storage::keyring
