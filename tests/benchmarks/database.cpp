#include "tests/benchmarks/database.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "storage/database/migrate.h"

namespace latent::benchmarks {

namespace database = storage::database;

Database::Database(const std::filesystem::path& folder) {
  database::PrivatePostgresConfig config;
  config.folder = folder;
  if (::geteuid() == 0) {
    struct stat owner {};
    if (::stat(folder.c_str(), &owner) == 0) {
      config.run_as = database::PrivatePostgresConfig::ServiceUser{owner.st_uid, owner.st_gid};
    } else {
      const passwd* user = ::getpwnam("postgres");
      if (user == nullptr) throw std::runtime_error("no user postgres to run the server as");
      config.run_as = database::PrivatePostgresConfig::ServiceUser{user->pw_uid, user->pw_gid};
    }
  }
  server_ = value_of(database::PrivatePostgres::start(config));
  pool_ = value_of(database::Pool::open({.conninfo = server_->conninfo(),
                                         .connections_max = 16,
                                         .statement_timeout = std::chrono::hours(2)}));
  value_of(database::migrate(*pool_));
}

}  // namespace latent::benchmarks
