// What all connections of one listener share.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "security/base/mutex.h"
#include "security/base/worker_pool.h"
#include "server/dimse/config.h"
#include "server/dimse/detail/association_audit.h"
#include "server/dimse/detail/buffer_pool.h"
#include "server/dimse/detail/peer_book.h"
#include "server/dimse/listener.h"

namespace latent::server::dimse {

class Connection;

/// Who is connected, and how many associations each peer has open. Thread safe.
class Registry {
 public:
  /// Returns the connection's number. `evicted`: the oldest connection without an association, to
  /// be closed by the caller because there are more than `connections_max`.
  std::uint64_t add(const std::shared_ptr<Connection>& connection, std::size_t connections_max,
                    std::shared_ptr<Connection>& evicted);
  void remove(std::uint64_t number);
  /// Takes one of `associations_max` places, `peer_max` of them for this title.
  bool take_place(std::uint64_t number, const std::string& aet, std::size_t associations_max,
                  std::size_t peer_max);
  void leave_place(const std::string& aet);
  std::vector<std::shared_ptr<Connection>> all() const;
  std::size_t connections() const;
  std::size_t associations() const;

 private:
  mutable Mutex mutex_;
  std::uint64_t last_number_ LATENT_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, std::weak_ptr<Connection>> connections_ LATENT_GUARDED_BY(mutex_);
  std::set<std::uint64_t> without_association_ LATENT_GUARDED_BY(mutex_);
  std::size_t associations_ LATENT_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::size_t> by_peer_ LATENT_GUARDED_BY(mutex_);
};

class Core {
 public:
  Core(Config its_config, Services its_services)
      : config(std::move(its_config)),
        services(its_services),
        peers(config),
        audit(services.pool, services.recorder),
        workers(worker_count(config), 4096),
        unpackers(std::max(1u, std::thread::hardware_concurrency()), 4096) {}

  const Config config;
  const Services services;
  PeerBook peers;
  BufferPool buffers;
  Registry registry;
  AssociationAudit audit;
  std::atomic<bool> stopping = false;
  /// Before the workers: their last jobs still post to it.
  boost::asio::io_context io;
  WorkerPool workers;
  WorkerPool unpackers;  ///< of deflated data sets; one job a connection

  /// Returns when the last CoreUser is gone, or false at the deadline.
  bool wait_until_unused(Deadline deadline) {
    MutexLock lock(mutex_);
    while (users_ != 0) {
      if (unused_.wait_until(lock.native(), deadline) == std::cv_status::timeout) {
        return users_ == 0;
      }
    }
    return true;
  }

 private:
  friend class CoreUser;
  static unsigned worker_count(const Config& config) {
    return config.workers != 0 ? config.workers
                               : std::max(4u, 4 * std::thread::hardware_concurrency());
  }
  void add_user() {
    const MutexLock lock(mutex_);
    ++users_;
  }
  void remove_user() {
    const MutexLock lock(mutex_);
    if (--users_ == 0) unused_.notify_all();
  }

  Mutex mutex_;
  std::condition_variable unused_;
  std::size_t users_ LATENT_GUARDED_BY(mutex_) = 0;
};

/// First base of whatever has sockets or timers on the core's io_context, so that it is counted
/// until the very last of its members is gone.
class CoreUser {
 public:
  explicit CoreUser(Core& core) : core_(core) { core_.add_user(); }
  CoreUser(const CoreUser&) = delete;
  CoreUser& operator=(const CoreUser&) = delete;
  ~CoreUser() { core_.remove_user(); }
  Core& core() const { return core_; }

 private:
  Core& core_;
};

}  // namespace latent::server::dimse
