// Stands between libpq and PostgreSQL on a Unix socket and cuts the line at the one moment that no
// client can arrange: around COMMIT. After the cut it passes everything on.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "security/base/raii.h"

namespace latent::test {

class CuttingProxy {
 public:
  enum class Cut {
    none,
    before_server,       ///< COMMIT is thrown away, both sides are hung up on
    before_server_mute,  ///< COMMIT is thrown away, the server's side stays open and silent
    before_client,       ///< the server commits and answers, the answer is thrown away
  };

  CuttingProxy(std::filesystem::path server_folder, std::filesystem::path own_folder)
      : server_(server_folder / kName), listener_(make_socket()) {
    sockaddr_un address = address_of(own_folder / kName);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 16) != 0 || ::pipe(stop_pipe_) != 0)
      throw std::runtime_error("proxy cannot listen");
    thread_ = std::thread([this] { serve(); });
  }
  ~CuttingProxy() {
    ::close(stop_pipe_[1]);
    thread_.join();
    ::close(stop_pipe_[0]);
  }

  /// Cuts the next COMMIT; `then` runs in the proxy's thread between the cut and the hang-up.
  void cut_next_commit(
      Cut cut, std::function<void()> then = [] {}) {
    then_ = std::move(then);
    cut_ = cut;
  }
  bool has_cut() const { return cut_ == Cut::none; }

 private:
  static constexpr const char* kName = ".s.PGSQL.5432";
  /// With its end: BEGIN … READ COMMITTED is another word.
  static constexpr std::string_view kCommit = std::string_view("COMMIT\0", 7);
  struct Line {
    FileDescriptor client, server;
    bool awaits_answer = false;
  };

  static FileDescriptor make_socket() {
    return FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
  static sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
  }

  void serve() {
    for (;;) {
      std::vector<pollfd> watched = {{stop_pipe_[0], POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      for (const Line& line : lines_) {
        watched.push_back({line.client.get(), POLLIN, 0});  // -1 is ignored by poll
        watched.push_back({line.server.get(), POLLIN, 0});
      }
      ::poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) return;
      std::size_t at = 2;
      for (auto line = lines_.begin(); line != lines_.end(); at += 2) {
        const bool alive = (watched[at].revents == 0 || from_client(*line)) &&
                           (watched[at + 1].revents == 0 || from_server(*line));
        line = alive ? std::next(line) : lines_.erase(line);
      }
      if (watched[1].revents != 0) accept_line();
    }
  }
  void accept_line() {
    Line line;
    line.client = FileDescriptor(::accept(listener_.get(), nullptr, nullptr));
    line.server = make_socket();
    const sockaddr_un address = address_of(server_);
    if (::connect(line.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
        0)
      lines_.push_back(std::move(line));
  }
  /// False ends the line.
  bool from_client(Line& line) {
    char buffer[65536];
    const ssize_t got = ::read(line.client.get(), buffer, sizeof buffer);
    if (got <= 0) return false;
    const std::string_view said(buffer, static_cast<std::size_t>(got));
    const bool commits = said.find(kCommit) != std::string_view::npos;
    if (commits && (cut_ == Cut::before_server || cut_ == Cut::before_server_mute)) {
      then_();
      line.client.reset();
      return cut_.exchange(Cut::none) == Cut::before_server_mute;
    }
    line.awaits_answer = commits && cut_ == Cut::before_client;
    return ::send(line.server.get(), buffer, said.size(), MSG_NOSIGNAL) == got;
  }
  bool from_server(Line& line) {
    char buffer[65536];
    const ssize_t got = ::read(line.server.get(), buffer, sizeof buffer);
    if (got <= 0) return false;
    if (line.awaits_answer) {
      then_();
      cut_ = Cut::none;
      return false;
    }
    return ::send(line.client.get(), buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
  }

  const std::filesystem::path server_;
  FileDescriptor listener_;
  int stop_pipe_[2] = {-1, -1};
  std::atomic<Cut> cut_ = Cut::none;
  std::function<void()> then_;
  std::list<Line> lines_;
  std::thread thread_;
};

}  // namespace latent::test
