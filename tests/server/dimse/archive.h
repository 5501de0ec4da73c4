// A whole archive for one test: private database, sealed store, verbs, and a listener on a free
// port of the loopback address.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "retrieval/instances/retrieve_service.h"
#include "retrieval/query/query_service.h"
#include "security/access/authorize.h"
#include "security/keys/root_key.h"
#include "server/dimse/listener.h"
#include "storage/auditlog/record.h"
#include "storage/blobs/blob_store.h"
#include "storage/ingest/store_service.h"
#include "storage/keyring/key_ring.h"
#include "tests/support/private_database.h"
#include "tests/support/temporary_directory.h"

namespace latent::test {

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

inline server::dimse::Config listener_config() {
  server::dimse::Config config;
  config.addresses = {"127.0.0.1"};
  config.port = 0;
  return config;
}

class Archive {
 public:
  explicit Archive(server::dimse::Config config = listener_config(),
                   std::vector<security::access::Action> granted =
                       {security::access::Action::echo, security::access::Action::store,
                        security::access::Action::query, security::access::Action::retrieve,
                        security::access::Action::move})
      : policy_({{security::access::Caller::Kind::peer, "", std::move(granted)}}) {
    keyring_.emplace_back(security::keys::RootKey::random());
    roots_ = std::make_unique<security::keys::Roots>(std::move(keyring_));
    storage::keyring::Config ring;
    ring.directory = directory_ / "ring";
    ring.node = kNode;
    keys_ = value_of(storage::keyring::KeyRing::open(ring, *roots_, *pool_, clock_));
    storage::blobs::Config segments;
    segments.directory = directory_ / "seg";
    segments.node = kNode;
    segments.min_free_bytes = 1;
    blobs_ = value_of(storage::blobs::BlobStore::open(segments, {}, clock_));
    store_ = std::make_unique<storage::ingest::StoreService>(storage::ingest::Config{}, *pool_,
                                                             *blobs_, *keys_, recorder_, clock_);
    query_ = std::make_unique<retrieval::query::QueryService>(*pool_, recorder_);
    retrieve_ = std::make_unique<retrieval::instances::RetrieveService>(*pool_, *blobs_, *keys_,
                                                                        recorder_, Limits{});
    listener_ = value_of(server::dimse::Listener::start(
        std::move(config),
        server::dimse::Services{policy_, *store_, *query_, *retrieve_, *pool_, recorder_}));
  }

  server::dimse::Listener& listener() { return *listener_; }
  std::uint16_t port() const { return listener_->endpoints().front().port; }
  storage::database::Pool& pool() { return *pool_; }

  /// Rows of the audit table whose event says so.
  std::size_t audit_rows(const std::string& what) {
    auto transaction = value_of(
        storage::database::Transaction::begin(*pool_, deadline_in(std::chrono::seconds(5)),
                                              storage::database::Transaction::Mode::read_only));
    storage::database::Params params;
    const std::string pattern = "%\"" + what + "\"%";
    params.text(std::string_view(pattern));
    const auto rows =
        value_of(transaction.execute("SELECT 1 FROM audit_event WHERE core LIKE $1", params));
    return static_cast<std::size_t>(rows.size());
  }

 private:
  static constexpr const char* kNode = "00000001";

  SystemClock clock_;
  TemporaryDirectory directory_;
  PrivateDatabase database_;
  std::unique_ptr<storage::database::Pool> pool_ = database_.open_pool(8);
  security::access::Policy policy_;
  storage::auditlog::Recorder recorder_{clock_, kNode};
  std::vector<security::keys::RootKey> keyring_;
  std::unique_ptr<security::keys::Roots> roots_;
  std::unique_ptr<storage::keyring::KeyRing> keys_;
  std::unique_ptr<storage::blobs::BlobStore> blobs_;
  std::unique_ptr<storage::ingest::StoreService> store_;
  std::unique_ptr<retrieval::query::QueryService> query_;
  std::unique_ptr<retrieval::instances::RetrieveService> retrieve_;
  std::unique_ptr<server::dimse::Listener> listener_;
};

}  // namespace latent::test
