#include "storage/keyring/archive_identity.h"

#include "security/crypto/secret.h"
#include "storage/database/transaction.h"
#include "storage/keyring/ring_file.h"

namespace latent::storage::keyring {

Result<StoreId> find_or_make_store_id(database::Pool& pool, const std::filesystem::path& ring_file,
                                      Deadline deadline) {
  LATENT_TRY(auto transaction, database::Transaction::begin(pool, deadline));
  LATENT_TRY(const auto rows, transaction.execute("SELECT store_id FROM archive"));
  if (!rows.empty()) {
    const auto known = StoreId::from(rows.bytes(0, 0));
    if (known) return *known;
    return fail(ErrorCode::corrupt, "database: the archive's name is damaged", "archive");
  }
  LATENT_TRY(const auto in_ring, store_id_of_ring(ring_file));
  if (in_ring)
    return fail(ErrorCode::refused,
                "the database is empty but the folder holds keys of archive " + in_ring->hex() +
                    "; give it back its database before starting",
                "archive");
  const auto drawn = security::crypto::random_id<StoreId>();
  LATENT_TRY([[maybe_unused]] const auto inserted,
             transaction.execute("INSERT INTO archive (store_id) VALUES ($1)",
                                 database::Params().bytes(drawn.span())));
  LATENT_TRY_VOID(transaction.commit());
  return drawn;
}

}  // namespace latent::storage::keyring
