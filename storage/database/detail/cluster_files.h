// The files of a private cluster: where the programs are, what stands in its configuration.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "security/base/raii.h"
#include "security/base/result.h"
#include "storage/database/private_postgres.h"

namespace latent::storage::database {

inline constexpr int kPort = 5432;  ///< part of the socket's name only
inline constexpr std::string_view kSocketName = ".s.PGSQL.5432";

/// The folder with initdb and postgres: of the version that made `cluster`, or the newest when
/// there is no cluster yet. Errors: unavailable.
Result<std::filesystem::path> find_programs(const std::filesystem::path& cluster);

/// The name of an operating system user. Errors: unavailable.
Result<std::string> user_name(uid_t uid);

/// Who runs the server and who may connect to it.
struct ClusterUsers {
  std::string server;  ///< also the database role
  std::string client;  ///< we
};

/// Writes latent.conf, pg_hba.conf and pg_ident.conf, each whole or not at all.
Result<void> write_configuration(const PrivatePostgresConfig& config, const ClusterUsers& users);

/// Gives a file or folder to the user who runs the server.
Result<void> hand_over(const std::filesystem::path& path, const PrivatePostgresConfig& config);

/// postmaster.pid of a server that runs, or ran until it was killed.
struct PidFile {
  pid_t pid = -1;
  std::string socket_folder;
};
std::optional<PidFile> read_pid_file(const std::filesystem::path& cluster);

/// True when `pid` is a PostgreSQL process of this cluster (each of them works in its folder).
bool belongs_to(pid_t pid, const std::filesystem::path& cluster);
/// True when any process still works in the cluster: a server's orphans end a moment after it.
bool has_processes(const std::filesystem::path& cluster);

/// Removes the lock files of a server that is surely gone.
void remove_stale_locks(const std::filesystem::path& cluster, const PidFile& gone);

/// The server's log that was written last, for reading; none when there is none.
FileDescriptor open_newest_log(const std::filesystem::path& cluster);

/// One value of a connection string, quoted.
std::string conninfo_value(std::string_view value);

}  // namespace latent::storage::database
