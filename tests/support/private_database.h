// A real PostgreSQL for tests: one server per test program, started by the first test that asks,
// and a fresh, migrated database for each.
//   TEST(Catalog, …) {
//     latent::test::PrivateDatabase database;
//     auto pool = database.open_pool();
// Works as root too: the server then runs as another user. Throws std::runtime_error when there is
// no server, which fails the test with the reason.
#pragma once

#include <memory>
#include <string>

#include "storage/database/pool.h"
#include "storage/database/private_postgres.h"
#include "tests/support/temporary_directory.h"

namespace latent::test {

class PrivateDatabase {
 public:
  /// migrated: with all embedded migrations. empty: nothing in it.
  enum class Content { migrated, empty };
  explicit PrivateDatabase(Content content = Content::migrated);
  /// Drops the database; open connections are ended.
  ~PrivateDatabase();
  PrivateDatabase(const PrivateDatabase&) = delete;
  PrivateDatabase& operator=(const PrivateDatabase&) = delete;

  const std::string& conninfo() const { return conninfo_; }
  std::unique_ptr<storage::database::Pool> open_pool(unsigned connections_max = 4) const;

 private:
  std::string name_;
  std::string conninfo_;
};

/// For a test that kills or freezes a server of its own: small, without fsync, in `folder`/pg, run
/// as an ordinary user when we are root, gone with this thread.
storage::database::PrivatePostgresConfig private_postgres_config(const TemporaryDirectory& folder);

}  // namespace latent::test
