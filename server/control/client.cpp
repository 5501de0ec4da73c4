#include "server/control/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>

#include "security/base/log.h"
#include "server/archive/archive.h"
#include "server/control/session.h"
#include "server/control/socket_path.h"
#include "server/settings/service_user.h"

namespace latent::server::control {
namespace {

/// The running archive's socket; nothing when nobody listens.
Result<FileDescriptor> running_archive(const settings::Config& config) {
  LATENT_TRY(const auto path, SocketPath::in(config.data_dir));
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.text().copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    return socket;
  if (errno == ENOENT || errno == ECONNREFUSED) return FileDescriptor();
  return fail(ErrorCode::refused,
              "the archive in " + config.data_dir.string() +
                  " does not let this user in; be its owner or root",
              "control");
}

/// In the child: the archive for one conversation. Ends the process.
[[noreturn]] void serve_one(const settings::Config& config, FileDescriptor socket, uid_t user) {
  ::signal(SIGINT, SIG_IGN);  // the parent hears it and closes the socket
  log::configure(log::Level::warn);
  Channel channel(std::move(socket));
  const auto run = [&]() -> Result<void> {
    LATENT_TRY_VOID(settings::leave_root(config.data_dir, config.root_key_file()));
    LATENT_TRY(auto archive, archive::Archive::open(config));
    const security::access::Caller caller{.kind = security::access::Caller::Kind::local_user,
                                          .name = "cli:" + settings::user_name(user),
                                          .ip = std::nullopt};
    run_session(*archive, caller, channel, std::stop_token());
    return {};
  };
  const auto result = run();
  if (!result) {
    // The client has asked already or will; it hears why nobody can answer.
    const auto sent = channel.send_json({{"error",
                                          {{"code", name_of(result.error().code)},
                                           {"text", result.error().text},
                                           {"where", result.error().where}}}});
    if (!sent) log::error("no archive and no client", "error", result.error().text);
  }
  ::_exit(result ? 0 : 1);
}

ErrorCode code_named(std::string_view name) {
  for (ErrorCode code :
       {ErrorCode::invalid_input, ErrorCode::not_found, ErrorCode::refused, ErrorCode::conflict,
        ErrorCode::exhausted, ErrorCode::unavailable, ErrorCode::corrupt, ErrorCode::cancelled})
    if (name_of(code) == name) return code;
  return ErrorCode::internal;
}

}  // namespace

Client::Client(std::unique_ptr<Channel> channel, pid_t archive_process)
    : channel_(std::move(channel)), archive_process_(archive_process) {}
Client::Client(Client&& other) noexcept
    : channel_(std::move(other.channel_)),
      archive_process_(std::exchange(other.archive_process_, -1)) {}

Client::~Client() {
  if (channel_) channel_->shut_down();
  if (archive_process_ > 0) ::waitpid(archive_process_, nullptr, 0);
}

Result<Client> Client::connect(const settings::Config& config) {
  if (!std::filesystem::exists(config.data_dir / "lock"))
    return fail(ErrorCode::not_found,
                "there is no archive in " + config.data_dir.string() +
                    "; start one with `latent serve --data " + config.data_dir.string() + "`",
                "control");
  LATENT_TRY(auto socket, running_archive(config));
  if (socket) return Client(std::make_unique<Channel>(std::move(socket)), -1);

  std::array<int, 2> pair{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return fail(ErrorCode::unavailable, "no socket pair for a process of our own", "control");
  FileDescriptor ours(pair[0]), theirs(pair[1]);
  const uid_t user = ::getuid();
  // No thread runs yet in a command, so forking is safe; the child never returns.
  const pid_t child = ::fork();
  if (child < 0) return fail(ErrorCode::unavailable, "no process for the archive", "control");
  if (child == 0) {
    ours.reset();
    serve_one(config, std::move(theirs), user);
  }
  return Client(std::make_unique<Channel>(std::move(ours)), child);
}

Result<nlohmann::json> Client::next() {
  LATENT_TRY(auto object, channel_->receive_json());
  const auto error = object.find("error");
  if (error == object.end()) return object;
  return fail(code_named(error->value("code", "")), error->value("text", ""),
              error->value("where", ""));
}

}  // namespace latent::server::control
