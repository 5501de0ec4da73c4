#include "server/dimse/detail/peer_book.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "security/base/log.h"

namespace latent::server::dimse {

namespace asio = boost::asio;
using boost::system::error_code;

asio::ip::address plain_address(asio::ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  if (address.is_v6() && address.to_v6().scope_id() != 0) {
    auto without_scope = address.to_v6();
    without_scope.scope_id(0);
    return without_scope;
  }
  return address;
}

PeerBook::PeerBook(const Config& config)
    : peers_(config.peers), let_local_in_(config.let_local_in) {
  const MutexLock lock(mutex_);
  for (const PeerConfig& peer : peers_) {
    if (peer.host.empty()) continue;
    error_code error;
    const auto address = asio::ip::make_address(peer.host, error);
    if (error) {
      has_names_ = true;
    } else {
      addresses_[peer.host] = {plain_address(address)};
    }
  }
}

const PeerConfig* PeerBook::find(const AeTitle& aet) const {
  const auto found = std::find_if(peers_.begin(), peers_.end(),
                                  [&](const PeerConfig& peer) { return peer.aet == aet; });
  return found == peers_.end() ? nullptr : &*found;
}

bool PeerBook::may_call(const AeTitle& calling, const Address& from, const Address& here) const {
  const Address caller = plain_address(from);
  const bool is_local = caller.is_loopback() || caller == plain_address(here);
  const PeerConfig* peer = find(calling);
  if (is_local && (let_local_in_ || peer != nullptr)) return true;
  if (peer == nullptr || !peer->plain) return false;
  const MutexLock lock(mutex_);
  const auto known = addresses_.find(peer->host);
  return known != addresses_.end() &&
         std::find(known->second.begin(), known->second.end(), caller) != known->second.end();
}

void PeerBook::refresh() {
  for (const PeerConfig& peer : peers_) {
    error_code error;
    asio::ip::make_address(peer.host, error);
    if (peer.host.empty() || !error) continue;
    asio::io_context context;
    asio::ip::tcp::resolver resolver(context);
    const auto answers = resolver.resolve(peer.host, "", error);
    if (error) {
      log::warn("host of a peer is not found; its last known addresses stay", "peer",
                peer.aet.text(), "host", peer.host, "reason", error.message());
      continue;
    }
    std::vector<Address> found;
    for (const auto& answer : answers) found.push_back(plain_address(answer.endpoint().address()));
    const MutexLock lock(mutex_);
    addresses_[peer.host] = std::move(found);
  }
}

}  // namespace latent::server::dimse
