#include "storage/database/private_postgres.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "security/base/log.h"
#include "storage/database/detail/child_process.h"
#include "storage/database/detail/cluster_files.h"
#include "storage/database/detail/connection.h"
#include "storage/database/detail/errors.h"
#include "storage/database/detail/pace.h"

namespace latent::storage::database {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 20ms;  ///< between two looks at a server that is starting
constexpr auto kInitTimeout = 120s;
constexpr auto kQuitTimeout = 10s;

tl::unexpected<Error> unavailable(std::string text) {
  return fail(ErrorCode::unavailable, std::move(text), std::string(kWhere));
}

/// What a server program said last, for the error text. It prints no data of ours.
std::string last_lines(int descriptor) {
  char buffer[1024];
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  const off_t from = size > off_t{sizeof buffer} ? size - off_t{sizeof buffer} : 0;
  const ssize_t got = ::pread(descriptor, buffer, sizeof buffer, from);
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

/// One item of a list of directories: a comma or a space inside must not end it.
std::string directory_item(std::string_view path) {
  std::string item = "\"";
  for (const char c : path) {
    if (c == '"') item += '"';
    item += c;
  }
  return item + '"';
}

}  // namespace

struct PrivatePostgres::State {
  PrivatePostgresConfig config;
  fs::path programs;
  ClusterUsers users;
  fs::path socket_folder;
  bool socket_folder_is_temporary = false;
  Process server;
  bool adopted = false;
  std::string conninfo;

  Result<void> prepare();
  Result<void> make_cluster();
  Result<void> choose_socket_folder();
  Result<void> start_or_adopt();
  Result<bool> adopt(Deadline deadline);
  Result<bool> launch(Deadline deadline);
  Result<bool> wait_until_ready(Deadline deadline);
  Result<void> make_database();
  std::string conninfo_of(std::string_view database) const;
  Result<void> stop();
};

std::string PrivatePostgres::State::conninfo_of(std::string_view database) const {
  return fmt::format("host={} port={} dbname={} user={}", conninfo_value(socket_folder.string()),
                     kPort, conninfo_value(database), conninfo_value(users.server));
}

Result<void> PrivatePostgres::State::prepare() {
  std::error_code error;
  config.folder = fs::weakly_canonical(config.folder, error);
  if (error)
    return unavailable(fmt::format("cannot find {}: {}", config.folder.string(), error.message()));
  if (::geteuid() == 0) {
    if (!config.run_as || config.run_as->uid == 0)
      return fail(ErrorCode::refused,
                  "PostgreSQL does not run as root; name a user for it to run as",
                  std::string(kWhere));
  } else {
    config.run_as.reset();
  }
  LATENT_TRY(users.client, user_name(::geteuid()));
  LATENT_TRY(users.server, user_name(config.run_as ? config.run_as->uid : ::geteuid()));
  LATENT_TRY(programs, find_programs(config.folder));
  const bool made = fs::exists(config.folder / "PG_VERSION", error);
  if (error)
    return unavailable(fmt::format("cannot look into {}: {}; does it belong to another user?",
                                   config.folder.string(), error.message()));
  if (!made) LATENT_TRY_VOID(make_cluster());
  return write_configuration(config, users);
}

/// Beside its place and renamed when whole: a killed initdb leaves nothing that looks finished.
Result<void> PrivatePostgres::State::make_cluster() {
  fs::path fresh = config.folder;
  fresh += ".new";
  std::error_code error;
  fs::remove_all(fresh, error);
  if (::mkdir(fresh.c_str(), 0700) != 0)
    return unavailable(fmt::format("cannot make {}: {}", fresh.string(), std::strerror(errno)));
  LATENT_TRY_VOID(hand_over(fresh, config));

  const FileDescriptor output(::memfd_create("initdb", MFD_CLOEXEC));
  Command command;
  command.arguments = {(programs / "initdb").string(),
                       "--pgdata=" + fresh.string(),
                       "--username=" + users.server,
                       "--auth=peer",
                       "--encoding=UTF8",
                       "--locale=C.UTF-8",
                       "--data-checksums",
                       "--no-instructions"};
  if (!config.durable) command.arguments.push_back("--no-sync");
  command.run_as = config.run_as;
  command.output = output.get();
  LATENT_TRY(Process initdb, Process::start(command));
  if (!initdb.wait(deadline_in(kInitTimeout))) {
    initdb.signal(SIGKILL);
    initdb.wait(deadline_in(kQuitTimeout));
  }
  if (!initdb.succeeded())
    return unavailable(fmt::format("initdb could not make a database in {}: {}", fresh.string(),
                                   last_lines(output.get())));

  const FileDescriptor file(
      ::open((fresh / "postgresql.conf").c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  constexpr std::string_view kInclude = "\ninclude 'latent.conf'\n# Your settings below win.\n";
  if (!file || ::write(file.get(), kInclude.data(), kInclude.size()) < 0)
    return unavailable("cannot write postgresql.conf: " + std::string(std::strerror(errno)));
  fs::rename(fresh, config.folder, error);
  if (error)
    return unavailable(fmt::format("cannot rename {}: {}", fresh.string(), error.message()));
  log::info("private database made", "folder", config.folder.string());
  return {};
}

/// DIR/pg-socket; but a socket's path has room for 107 bytes only (sun_path), so for a long DIR a
/// short private folder of its own, where only this user can enter.
Result<void> PrivatePostgres::State::choose_socket_folder() {
  socket_folder = config.folder;
  socket_folder += "-socket";
  if (socket_folder.string().size() + 1 + kSocketName.size() < sizeof sockaddr_un{}.sun_path) {
    if (::mkdir(socket_folder.c_str(), 0700) != 0 && errno != EEXIST)
      return unavailable(
          fmt::format("cannot make {}: {}", socket_folder.string(), std::strerror(errno)));
    return hand_over(socket_folder, config);
  }
  const std::string runtime = fmt::format("/run/user/{}", ::geteuid());
  const bool usable = ::access(runtime.c_str(), W_OK | X_OK) == 0 && !config.run_as;
  std::string name = (usable ? runtime : "/tmp") + "/latent-pg-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr)
    return unavailable(fmt::format("cannot make {}: {}", name, std::strerror(errno)));
  socket_folder = name;
  socket_folder_is_temporary = true;
  return hand_over(socket_folder, config);
}

/// False when it ended instead, or did not answer in time.
Result<bool> PrivatePostgres::State::wait_until_ready(Deadline deadline) {
  const std::string ping = conninfo_of("postgres") + " connect_timeout=2";
  while (std::chrono::steady_clock::now() < deadline) {
    if (PQping(ping.c_str()) == PQPING_OK) return true;
    if (server.wait(deadline_in(kPause))) return false;
  }
  return false;
}

/// True when a running server of this cluster was taken over.
Result<bool> PrivatePostgres::State::adopt(Deadline deadline) {
  const auto file = read_pid_file(config.folder);
  if (!file) return false;
  if (!belongs_to(file->pid, config.folder)) {
    // Whoever has that process id now (a zombie, or anybody after a reboot or in a container) would
    // count as a running server for PostgreSQL. Orphans of the old one must be gone first.
    if (!has_processes(config.folder)) remove_stale_locks(config.folder, *file);
    return false;
  }
  auto process = Process::attach(file->pid);
  if (!process || file->socket_folder.empty()) return false;
  server = std::move(*process);
  const fs::path chosen = std::exchange(socket_folder, file->socket_folder);
  server.signal(SIGHUP);  // reads the configuration that we just wrote
  LATENT_TRY(adopted, wait_until_ready(deadline));
  if (adopted) {
    socket_folder_is_temporary = socket_folder.string() != config.folder.string() + "-socket";
  } else {
    socket_folder = chosen;
  }
  return adopted;
}

/// True when it answers; false when another try may succeed.
Result<bool> PrivatePostgres::State::launch(Deadline deadline) {
  if (socket_folder.empty()) LATENT_TRY_VOID(choose_socket_folder());
  const FileDescriptor output(::memfd_create("postgres", MFD_CLOEXEC));
  Command command;
  command.arguments = {(programs / "postgres").string(),
                       "-D",
                       config.folder.string(),
                       "-c",
                       "listen_addresses=",
                       "-c",
                       "unix_socket_directories=" + directory_item(socket_folder.string())};
  command.run_as = config.run_as;
  command.output = output.get();
  command.end_with_this_thread = config.end_with_this_thread;
  LATENT_TRY(server, Process::start(command));
  LATENT_TRY(const bool ready, wait_until_ready(deadline));
  if (ready) return true;

  // Before its logging starts it speaks to us, then to its log.
  const std::string said =
      last_lines(output.get()) + last_lines(open_newest_log(config.folder).get());
  if (server.running()) {
    server.signal(SIGINT);
    server.wait(deadline_in(kQuitTimeout));
  }
  // Processes of a server that was killed a moment ago still hold its lock file or shared memory.
  for (const std::string_view passing : {"lock file \"", "shared memory block"})
    if (said.find(passing) != std::string::npos) return false;
  return unavailable(fmt::format("PostgreSQL did not start in {} (see {}): {}",
                                 config.folder.string(), (config.folder / "log").string(), said));
}

Result<void> PrivatePostgres::State::start_or_adopt() {
  const Deadline deadline = deadline_in(config.start_timeout);
  while (std::chrono::steady_clock::now() < deadline) {
    LATENT_TRY(const bool taken_over, adopt(deadline));
    if (taken_over) return {};
    LATENT_TRY(const bool started, launch(deadline));
    if (started) return {};
    // Nothing tells when orphans of a killed server are gone; look again soon.
    detail::pace_attempts(100ms);
  }
  return unavailable(fmt::format("PostgreSQL in {} did not answer within {} s; see {}",
                                 config.folder.string(), config.start_timeout.count() / 1000,
                                 (config.folder / "log").string()));
}

Result<void> PrivatePostgres::State::make_database() {
  PoolConfig maintenance;
  maintenance.conninfo = conninfo_of("postgres");
  maintenance.connect_timeout = 10s;
  LATENT_TRY(auto connection, Connection::open(maintenance, deadline_in(10s)));
  const Connection::Request request{"SELECT 1 FROM pg_database WHERE datname = 'latent'", nullptr};
  LATENT_TRY(const auto found, connection->run({&request, 1}, deadline_in(10s)));
  if (!found[0].empty()) return {};
  return connection->run_script("CREATE DATABASE latent", deadline_in(60s));
}

Result<void> PrivatePostgres::State::stop() {
  if (!server.running()) {
    server.wait(deadline_in(0ms));  // reaps
  } else {
    server.signal(SIGINT);
    if (!server.wait(deadline_in(config.stop_timeout))) {
      log::warn("private database does not stop; ending it at once", "pid", server.pid());
      server.signal(SIGQUIT);
      if (!server.wait(deadline_in(kQuitTimeout)))
        return unavailable(fmt::format("PostgreSQL (process {}) does not end", server.pid()));
    }
  }
  if (socket_folder_is_temporary) {
    std::error_code ignored;
    fs::remove_all(socket_folder, ignored);
  }
  return {};
}

PrivatePostgres::PrivatePostgres(std::unique_ptr<State> state) : state_(std::move(state)) {}

PrivatePostgres::~PrivatePostgres() {
  if (auto stopped = stop(); !stopped)
    log::error("private database", "error", stopped.error().text);
}

Result<std::unique_ptr<PrivatePostgres>> PrivatePostgres::start(PrivatePostgresConfig config) {
  auto state = std::make_unique<State>();
  state->config = std::move(config);
  LATENT_TRY_VOID(state->prepare());
  std::unique_ptr<PrivatePostgres> made(new PrivatePostgres(std::move(state)));
  LATENT_TRY_VOID(made->state_->start_or_adopt());
  LATENT_TRY_VOID(made->state_->make_database());
  made->state_->conninfo = made->state_->conninfo_of("latent");
  log::info("private database ready", "pid", made->pid(), "adopted", made->adopted());
  return made;
}

const std::string& PrivatePostgres::conninfo() const { return state_->conninfo; }
pid_t PrivatePostgres::pid() const { return state_->server.pid(); }
bool PrivatePostgres::adopted() const { return state_->adopted; }
bool PrivatePostgres::running() const { return state_->server.running(); }

Result<void> PrivatePostgres::restart() {
  state_->server.wait(deadline_in(0ms));  // reaps
  LATENT_TRY_VOID(write_configuration(state_->config, state_->users));
  LATENT_TRY_VOID(state_->start_or_adopt());
  if (state_->conninfo_of("latent") == state_->conninfo) return {};
  return unavailable(
      fmt::format("PostgreSQL in {} was started by somebody else, with its socket in "
                  "{}; stop it, then the archive starts it where it looks for it",
                  state_->config.folder.string(), state_->socket_folder.string()));
}
Result<void> PrivatePostgres::stop() { return state_->stop(); }

}  // namespace latent::storage::database
