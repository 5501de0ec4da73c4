#include "server/control/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <list>
#include <thread>

#include "security/base/log.h"
#include "security/base/mutex.h"
#include "server/control/session.h"
#include "server/control/socket_path.h"
#include "server/settings/service_user.h"

namespace latent::server::control {
namespace {

constexpr std::size_t kSessionsMax = 16;

/// Who connected, by the kernel's word; nothing when it is neither root nor our own user.
std::optional<security::access::Caller> caller_of(int socket) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return std::nullopt;
  if (credentials.uid != 0 && credentials.uid != ::geteuid()) return std::nullopt;
  return security::access::Caller{
      .kind = security::access::Caller::Kind::local_user,
      .name = "cli:" + settings::user_name(credentials.uid),
      .ip = std::nullopt};
}

}  // namespace

struct Server::State {
  explicit State(archive::Archive& the_archive) : archive(the_archive) {}

  struct Session {
    explicit Session(FileDescriptor socket) : channel(std::move(socket)) {}
    Channel channel;
    bool ended = false;
    std::jthread thread;
  };

  void accept_loop();
  void begin_session(FileDescriptor socket);
  void forget_ended();

  archive::Archive& archive;
  std::unique_ptr<SocketPath> path;
  FileDescriptor listener;
  FileDescriptor wake;
  Mutex mutex;
  std::list<Session> sessions LATENT_GUARDED_BY(mutex);
  std::thread acceptor;
};

void Server::State::accept_loop() {
  while (true) {
    std::array<pollfd, 2> entries{pollfd{listener.get(), POLLIN, 0}, pollfd{wake.get(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
    if (entries[1].revents != 0) return;
    if (entries[0].revents == 0) continue;
    FileDescriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) begin_session(std::move(socket));
  }
}

void Server::State::begin_session(FileDescriptor socket) {
  const auto caller = caller_of(socket.get());
  if (!caller) return;
  forget_ended();
  const MutexLock lock(mutex);
  if (sessions.size() >= kSessionsMax) return;
  Session& session = sessions.emplace_back(std::move(socket));
  session.thread = std::jthread([this, &session, caller = *caller](std::stop_token stop) {
    run_session(archive, caller, session.channel, std::move(stop));
    session.channel.shut_down();
    const MutexLock ended(mutex);
    session.ended = true;
  });
}

void Server::State::forget_ended() {
  std::list<Session> ended;
  {
    const MutexLock lock(mutex);
    for (auto it = sessions.begin(); it != sessions.end();) {
      const auto next = std::next(it);
      if (it->ended) ended.splice(ended.end(), sessions, it);
      it = next;
    }
  }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(archive::Archive& archive) {
  auto state = std::make_unique<State>(archive);
  LATENT_TRY(auto path, SocketPath::in(archive.config().data_dir));
  state->path = std::make_unique<SocketPath>(std::move(path));
  ::unlink(state->path->text().c_str());
  state->listener = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  state->wake = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  state->path->text().copy(address.sun_path, sizeof address.sun_path - 1);
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(state->listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound != 0 || ::listen(state->listener.get(), 16) != 0)
    return fail(ErrorCode::unavailable,
                "control.sock cannot be opened in " + archive.config().data_dir.string(),
                "control");
  state->acceptor = std::thread([raw = state.get()] { raw->accept_loop(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
  const std::uint64_t one = 1;
  if (::write(state_->wake.get(), &one, sizeof one) != sizeof one)
    log::error("control socket cannot be woken");
  state_->acceptor.join();
  {
    const MutexLock lock(state_->mutex);
    for (State::Session& session : state_->sessions) {
      session.thread.request_stop();
      session.channel.shut_down();
    }
  }
  // Sessions take the mutex to say that they ended: join without it.
  for (State::Session& session : state_->sessions) session.thread.join();
  ::unlink(state_->path->text().c_str());
}

}  // namespace latent::server::control
