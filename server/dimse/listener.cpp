#include "server/dimse/listener.h"

#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <exception>
#include <thread>
#include <utility>

#include "security/base/log.h"
#include "server/dimse/detail/connection.h"
#include "server/dimse/detail/core.h"

namespace latent::server::dimse {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// Connections that wait for accept(); the kernel cuts it to net.core.somaxconn.
constexpr int kBacklog = 4096;
constexpr auto kNamesRefreshedEvery = std::chrono::seconds(60);

Result<tcp::endpoint> parse_endpoint(const std::string& address, std::uint16_t port) {
  error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error) {
    return fail(ErrorCode::invalid_input,
                "dimse: '" + address + "' is no numeric IPv4 or IPv6 address", "dimse");
  }
  return tcp::endpoint(parsed, port);
}

/// Errors: unavailable.
Result<tcp::acceptor> bind(asio::io_context& io, const tcp::endpoint& endpoint) {
  try {
    tcp::acceptor acceptor(asio::make_strand(io));
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    // Each family has its own socket, so that "0.0.0.0" and "::" can stand side by side.
    if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true));
    acceptor.bind(endpoint);
    acceptor.listen(kBacklog);
    acceptor.non_blocking(true);
    return acceptor;
  } catch (const boost::system::system_error& error) {
    return fail(ErrorCode::unavailable,
                "dimse: cannot listen on " + endpoint.address().to_string() + " port " +
                    std::to_string(endpoint.port()) + ": " + error.code().message(),
                "dimse");
  }
}

bool is_missing_family(const tcp::endpoint& endpoint) {
  asio::io_context io;
  tcp::acceptor probe(io);
  error_code error;
  probe.open(endpoint.protocol(), error);
  if (error) return true;
  probe.bind(tcp::endpoint(endpoint.address(), 0), error);
  return error == asio::error::address_family_not_supported || error.value() == EADDRNOTAVAIL;
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(Config config, Services services)
      : core(std::move(config), services),
        work(asio::make_work_guard(core.io)),
        names_timer(core.io) {}

  Result<void> open();
  void run();
  void accept(std::size_t which);
  void refresh_names();
  void stop(Deadline deadline);

  Core core;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  asio::steady_timer names_timer;
  /// Filled before the threads start; each is used on its own strand.
  std::vector<tcp::acceptor> acceptors;
  std::vector<std::unique_ptr<asio::steady_timer>> retry_timers;
  std::vector<Endpoint> endpoints;
  std::vector<std::thread> threads;
  Mutex stop_mutex;
  bool stopped LATENT_GUARDED_BY(stop_mutex) = false;
};

Result<void> Listener::State::open() {
  std::uint16_t port = core.config.port;
  for (const std::string& address : core.config.addresses) {
    LATENT_TRY(const tcp::endpoint wanted, parse_endpoint(address, port));
    auto acceptor = bind(core.io, wanted);
    if (!acceptor) {
      if (core.config.addresses_are_default && is_missing_family(wanted)) continue;
      return fail(std::move(acceptor).error());
    }
    error_code error;
    const auto bound = acceptor->local_endpoint(error);
    port = bound.port();  // With port 0 the first address chooses for all.
    endpoints.push_back({bound.address().to_string(), bound.port()});
    retry_timers.push_back(std::make_unique<asio::steady_timer>(acceptor->get_executor()));
    acceptors.push_back(std::move(*acceptor));
  }
  if (acceptors.empty()) {
    return fail(ErrorCode::unavailable, "dimse: no address to listen on", "dimse");
  }
  if (core.peers.has_names()) {
    core.peers.refresh();
    refresh_names();
  }
  for (std::size_t i = 0; i < acceptors.size(); ++i) accept(i);
  for (unsigned i = 0; i < std::max(1u, core.config.io_threads); ++i) {
    threads.emplace_back([this] { run(); });
  }
  return {};
}

void Listener::State::run() {
  // A handler that throws ends with itself: its connection is closed by time-out at the latest.
  for (;;) {
    try {
      core.io.run();
      return;
    } catch (const std::exception& exception) {
      log::error("network handler failed", "reason", exception.what());
    }
  }
}

void Listener::State::accept(std::size_t which) {
  acceptors[which].async_accept(
      asio::make_strand(core.io), [this, which](const error_code& error, tcp::socket socket) {
        if (error == asio::error::operation_aborted || core.stopping) return;
        if (!error) {
          std::make_shared<Connection>(core, std::move(socket))->launch();
          return accept(which);
        }
        // Out of descriptors, for example: accepting again at once would spin.
        log::warn("cannot accept connections", "reason", error.message());
        retry_timers[which]->expires_after(std::chrono::milliseconds(100));
        retry_timers[which]->async_wait([this, which](const error_code& cancelled) {
          if (!cancelled && !core.stopping) accept(which);
        });
      });
}

void Listener::State::refresh_names() {
  names_timer.expires_after(kNamesRefreshedEvery);
  names_timer.async_wait([this](const error_code& cancelled) {
    if (cancelled || core.stopping) return;
    if (!core.workers.post([this] { core.peers.refresh(); })) {
      log::debug("hosts of peers are looked up later: the archive is busy");
    }
    refresh_names();
  });
}

void Listener::State::stop(Deadline deadline) {
  const MutexLock lock(stop_mutex);
  if (std::exchange(stopped, true)) return;
  core.stopping = true;
  for (std::size_t i = 0; i < acceptors.size(); ++i) {
    asio::post(acceptors[i].get_executor(), [this, i] {
      error_code ignored;
      acceptors[i].close(ignored);
      retry_timers[i]->cancel();
    });
  }
  asio::post(core.io, [this] { names_timer.cancel(); });
  for (const auto& connection : core.registry.all()) {
    asio::post(connection->executor(), [connection] { connection->end_if_idle(); });
  }
  if (!core.wait_until_unused(deadline)) {
    const auto left = core.registry.all();
    if (!left.empty()) log::warn("associations are aborted by the stop", "count", left.size());
    for (const auto& connection : left) {
      asio::post(connection->executor(), [connection] {
        connection->abort();
        connection->close("stopped");
      });
    }
  }
  // What is now still under way is inside a service, which ends in its own time limits; without its
  // end nothing here may be destroyed.
  while (!core.wait_until_unused(deadline_in(std::chrono::seconds(10)))) {
    log::warn("waiting for services to end", "connections", core.registry.connections());
  }
  work.reset();
  core.io.stop();
  for (std::thread& thread : threads) thread.join();
  core.audit.stop(std::max(deadline, deadline_in(std::chrono::seconds(1))));
}

Result<std::unique_ptr<Listener>> Listener::start(Config config, Services services) {
  try {
    auto state = std::make_shared<State>(std::move(config), services);
    std::unique_ptr<Listener> listener(new Listener(state));
    LATENT_TRY_VOID(state->open());
    return listener;
  } catch (const std::exception& exception) {
    return fail(ErrorCode::unavailable, std::string("dimse: cannot start: ") + exception.what(),
                "dimse");
  }
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() { state_->stop(std::chrono::steady_clock::now()); }

std::vector<Endpoint> Listener::endpoints() const { return state_->endpoints; }

std::uint32_t Listener::associations_open() const {
  return static_cast<std::uint32_t>(state_->core.registry.associations());
}

std::uint32_t Listener::connections_open() const {
  return static_cast<std::uint32_t>(state_->core.registry.connections());
}

void Listener::stop(Deadline deadline) { state_->stop(deadline); }

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace latent::server::dimse
