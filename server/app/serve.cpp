#include "server/app/serve.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "security/base/log.h"
#include "server/app/dimse_config.h"
#include "server/archive/archive.h"
#include "server/cli/demo.h"
#include "server/control/server.h"
#include "server/dimse/listener.h"
#include "server/settings/service_user.h"

namespace latent::server::app {
namespace {

constexpr auto kStopPatience = std::chrono::seconds(15);

/// Blocked before any thread exists, so that only sigwait() below hears them.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int wait_for_stop(const sigset_t& signals) {
  int heard = 0;
  ::sigwait(&signals, &heard);
  return heard;
}

void print_key_notice(const settings::Config& config) {
  fmt::print(
      "A root key was made: {}\n"
      "Copy it to a safe place now. Without it nothing in this archive can ever be opened;\n"
      "whoever has it and the data folder can read everything. It is not in the data folder.\n",
      config.root_key_file().string());
}

void print_addresses(const settings::Config& config, const dimse::Listener& listener) {
  fmt::print("archive   {}\n", config.data_dir.string());
  std::uint16_t port = config.dimse.listener.port;
  for (const dimse::Endpoint& endpoint : listener.endpoints()) {
    const bool v6 = endpoint.address.find(':') != std::string::npos;
    fmt::print("DICOM     {}{}{}:{}  called AE title {}\n", v6 ? "[" : "", endpoint.address,
               v6 ? "]" : "", endpoint.port, config.dimse.aet.text());
    port = endpoint.port;
  }
  fmt::print(
      "next      storescu -aec {} 127.0.0.1 {} FILES…   or   latent import --data {} FOLDER\n",
      config.dimse.aet.text(), port, config.data_dir.string());
}

void load_demo(const settings::Config& config) {
  const auto counts = cli::load_demo(config);
  if (counts)
    log::info("demo studies loaded", "stored", counts->stored, "already_there",
              counts->already_there);
  else
    log::error("demo studies were not loaded", "error", counts.error().text);
}

Result<void> run(const settings::Config& config, const cli::ServeOptions& options,
                 const sigset_t& signals) {
  LATENT_TRY(const bool key_made, archive::ensure_root_key(config));
  LATENT_TRY_VOID(settings::leave_root(config.data_dir, config.root_key_file()));
  ::umask(0077);
  const std::uint64_t descriptors = dimse::raise_descriptor_limit();
  LATENT_TRY(auto archive, archive::Archive::open(config));
  LATENT_TRY(auto control, control::Server::start(*archive));
  LATENT_TRY(const auto listener, dimse::Listener::start(dimse_config(config, descriptors),
                                                         {.policy = archive->policy(),
                                                          .store = archive->store(),
                                                          .query = archive->query(),
                                                          .retrieve = archive->retrieve(),
                                                          .pool = archive->pool(),
                                                          .recorder = archive->recorder()}));
  if (key_made) print_key_notice(config);
  print_addresses(config, *listener);
  fmt::print("ready\n");
  std::fflush(stdout);

  std::thread demo;
  if (options.demo) demo = std::thread([&config] { load_demo(config); });
  const int heard = wait_for_stop(signals);
  log::info("stopping", "signal", heard);
  listener->stop(deadline_in(kStopPatience));
  control.reset();  // ends the demo's conversation too
  if (demo.joinable()) demo.join();
  return {};
}

}  // namespace

int serve(const settings::Config& config, const cli::ServeOptions& options) {
  log::configure(config.log_level);
  const sigset_t signals = block_stop_signals();
  std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of that write
  const auto result = run(config, options, signals);
  if (result) return 0;
  fmt::print(stderr, "latent serve: {}\n", result.error().text);
  return 2;
}

}  // namespace latent::server::app
