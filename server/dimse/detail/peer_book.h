// Whom we know, and from which address he may call.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "security/base/identifiers.h"
#include "security/base/mutex.h"
#include "server/dimse/config.h"

namespace latent::server::dimse {

/// Thread safe. Names among the hosts are looked up by refresh() only, which blocks.
class PeerBook {
 public:
  using Address = boost::asio::ip::address;

  explicit PeerBook(const Config& config);

  /// Null when unknown. The pointer lives as long as the book.
  const PeerConfig* find(const AeTitle& aet) const;
  /// May this title call from there? `here`: the address that was called.
  bool may_call(const AeTitle& calling, const Address& from, const Address& here) const;
  /// Looks names up anew; an answer that fails leaves the last known addresses.
  void refresh();
  bool has_names() const { return has_names_; }

 private:
  std::vector<PeerConfig> peers_;
  bool let_local_in_;
  bool has_names_ = false;
  mutable Mutex mutex_;
  std::map<std::string, std::vector<Address>> addresses_ LATENT_GUARDED_BY(mutex_);
};

/// An IPv4 address that came in over an IPv6 socket as what it is.
boost::asio::ip::address plain_address(boost::asio::ip::address address);

}  // namespace latent::server::dimse
