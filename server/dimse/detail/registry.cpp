#include "server/dimse/detail/core.h"

namespace latent::server::dimse {

std::uint64_t Registry::add(const std::shared_ptr<Connection>& connection,
                            std::size_t connections_max, std::shared_ptr<Connection>& evicted) {
  const MutexLock lock(mutex_);
  const std::uint64_t number = ++last_number_;
  connections_.emplace(number, connection);
  without_association_.insert(number);
  if (connections_.size() > connections_max) {
    // Whoever waits longest without saying who he is goes first, so that a flood of silent sockets
    // cannot keep out a peer that does. It may be the new one itself.
    const auto oldest = without_association_.begin();
    evicted = connections_.at(*oldest).lock();
    without_association_.erase(oldest);
  }
  return number;
}

void Registry::remove(std::uint64_t number) {
  const MutexLock lock(mutex_);
  connections_.erase(number);
  without_association_.erase(number);
}

bool Registry::take_place(std::uint64_t number, const std::string& aet,
                          std::size_t associations_max, std::size_t peer_max) {
  const MutexLock lock(mutex_);
  if (associations_ >= associations_max) return false;
  std::size_t& of_peer = by_peer_[aet];
  if (of_peer >= peer_max) {
    if (of_peer == 0) by_peer_.erase(aet);
    return false;
  }
  ++of_peer;
  ++associations_;
  without_association_.erase(number);
  return true;
}

void Registry::leave_place(const std::string& aet) {
  const MutexLock lock(mutex_);
  --associations_;
  const auto of_peer = by_peer_.find(aet);
  if (--of_peer->second == 0) by_peer_.erase(of_peer);
}

std::vector<std::shared_ptr<Connection>> Registry::all() const {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Connection>> alive;
  for (const auto& [number, connection] : connections_) {
    if (auto strong = connection.lock()) alive.push_back(std::move(strong));
  }
  return alive;
}

std::size_t Registry::connections() const {
  const MutexLock lock(mutex_);
  return connections_.size();
}

std::size_t Registry::associations() const {
  const MutexLock lock(mutex_);
  return associations_;
}

}  // namespace latent::server::dimse
