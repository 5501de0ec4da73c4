#include "tests/support/private_database.h"

#include <pwd.h>
#include <unistd.h>

#include <libpq-fe.h>

#include <atomic>
#include <optional>
#include <stdexcept>

#include "security/base/raii.h"
#include "storage/database/migrate.h"

namespace latent::test {
namespace {

using storage::database::Pool;
using storage::database::PoolConfig;
using storage::database::PrivatePostgres;
using storage::database::PrivatePostgresConfig;

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

/// CREATE and DROP DATABASE cannot run inside a transaction, so not through Transaction.
void run_outside_transaction(const std::string& conninfo, const std::string& sql) {
  const std::unique_ptr<PGconn, Deleter<PQfinish>> connection(PQconnectdb(conninfo.c_str()));
  const std::unique_ptr<PGresult, Deleter<PQclear>> result(PQexec(connection.get(), sql.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection.get()));
}

std::unique_ptr<Pool> open(const std::string& conninfo, unsigned connections_max) {
  PoolConfig config;
  config.conninfo = conninfo;
  config.connections_max = connections_max;
  return value_or_throw(Pool::open(std::move(config)));
}

/// Lives until the end of the program, or dies with it.
class Server {
 public:
  static Server& instance() {
    static Server server;
    return server;
  }
  std::string conninfo_of(const std::string& database) const {
    return postgres_->conninfo() + " dbname=" + database;  // the last dbname counts
  }
  const std::string& maintenance() const { return postgres_->conninfo(); }
  std::string next_name() { return "test_" + std::to_string(++databases_); }

 private:
  Server() : postgres_(value_or_throw(PrivatePostgres::start(private_postgres_config(folder_)))) {
    run_outside_transaction(maintenance(), "CREATE DATABASE migrated");
    value_or_throw(storage::database::migrate(*open(conninfo_of("migrated"), 1)));
  }

  TemporaryDirectory folder_;
  std::unique_ptr<PrivatePostgres> postgres_;
  std::atomic<int> databases_ = 0;
};

}  // namespace

PrivatePostgresConfig private_postgres_config(const TemporaryDirectory& folder) {
  PrivatePostgresConfig config;
  config.folder = folder / "pg";
  config.settings = {"shared_buffers = 32MB", "max_connections = 60"};
  config.durable = false;
  config.end_with_this_thread = true;
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr) user = ::getpwnam("nobody");
    if (user == nullptr) throw std::runtime_error("no user postgres or nobody to run the server");
    config.run_as = PrivatePostgresConfig::ServiceUser{user->pw_uid, user->pw_gid};
  }
  return config;
}

PrivateDatabase::PrivateDatabase(Content content) : name_(Server::instance().next_name()) {
  Server& server = Server::instance();
  run_outside_transaction(server.maintenance(),
                          "CREATE DATABASE " + name_ + " TEMPLATE " +
                              (content == Content::migrated ? "migrated" : "template0"));
  conninfo_ = server.conninfo_of(name_);
}

PrivateDatabase::~PrivateDatabase() {
  try {
    run_outside_transaction(Server::instance().maintenance(),
                            "DROP DATABASE " + name_ + " WITH (FORCE)");
  } catch (const std::runtime_error&) {
    // The test may have ended the server; then there is nothing to drop.
  }
}

std::unique_ptr<Pool> PrivateDatabase::open_pool(unsigned connections_max) const {
  return open(conninfo_, connections_max);
}

}  // namespace latent::test
