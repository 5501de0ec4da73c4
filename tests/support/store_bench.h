// Everything that the store verb needs, real, in one temporary folder: PostgreSQL, key ring,
// segments. For tests of storage/ingest and of what stands to its right.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "storage/auditlog/record.h"
#include "storage/catalog/instances.h"
#include "storage/ingest/store_service.h"
#include "tests/support/manual_clock.h"
#include "tests/support/private_database.h"
#include "tests/support/temporary_directory.h"

namespace latent::test {

inline security::access::Authorisation authorised(security::access::Action action,
                                                  const std::string& name = "dimse:TEST") {
  using security::access::Caller;
  const security::access::Policy policy({{Caller::Kind::peer, "", {action}}});
  return policy.authorize({Caller::Kind::peer, name, "127.0.0.1"}, action).value();
}

class StoreBench {
 public:
  explicit StoreBench(storage::ingest::Config config = {}) : config_(config) { open(); }

  /// Closes and opens everything, as a restart does.
  void reopen() {
    close();
    open();
  }
  void close() {
    service.reset();
    blobs.reset();
    keys.reset();
  }

  /// Sends one data set in pieces and waits for the outcome.
  storage::ingest::StoreOutcome store(ByteSpan data_set,
                                      std::string transfer_syntax = "1.2.840.10008.1.2.1",
                                      std::size_t piece_bytes = 4096,
                                      std::optional<InstanceUid> announced = {}) {
    storage::ingest::StoreRequest request;
    request.transfer_syntax = std::move(transfer_syntax);
    request.expected_instance = announced;
    return send(data_set, std::move(request), piece_bytes);
  }
  storage::ingest::StoreOutcome send(ByteSpan data_set, storage::ingest::StoreRequest request,
                                     std::size_t piece_bytes) {
    auto room = std::make_shared<std::optional<std::promise<void>>>();
    request.on_room = [room] { (*room)->set_value(); };
    auto incoming = service->begin(authorised(security::access::Action::store), std::move(request));
    while (!data_set.empty()) {
      const ByteSpan piece = data_set.first(std::min(piece_bytes, data_set.size()));
      data_set = data_set.subspan(piece.size());
      // The promise must stand before the call: on_room may come before feed() has returned.
      room->emplace();
      auto opened = (*room)->get_future();
      if (incoming->feed(piece) == storage::ingest::Feed::wait) opened.wait();
    }
    std::promise<storage::ingest::StoreOutcome> outcome;
    auto answer = outcome.get_future();
    incoming->finish(
        [&outcome](storage::ingest::StoreOutcome told) { outcome.set_value(std::move(told)); });
    return answer.get();
  }

  std::int64_t count(const std::string& sql) {
    auto transaction =
        storage::database::Transaction::begin(*pool, deadline_in(std::chrono::seconds(5)),
                                              storage::database::Transaction::Mode::read_only);
    return transaction->execute(sql)->integer(0, 0);
  }

  TemporaryDirectory folder;
  PrivateDatabase database;
  ManualClock clock;
  StoreId store_id = *StoreId::from(as_bytes("teststor"));
  std::unique_ptr<storage::database::Pool> pool = database.open_pool(8);
  std::optional<security::keys::Roots> roots;
  std::unique_ptr<storage::keyring::KeyRing> keys;
  std::unique_ptr<storage::blobs::BlobStore> blobs;
  storage::auditlog::Recorder recorder{clock, "0a0b0c0d"};
  std::unique_ptr<storage::ingest::StoreService> service;

 private:
  void open() {
    if (!roots) {
      std::vector<security::keys::RootKey> given;
      given.push_back(security::keys::RootKey::random());
      roots.emplace(std::move(given));
    }
    keys = storage::keyring::KeyRing::open(
               {.directory = folder / "ring", .node = "0a0b0c0d", .store_id = store_id}, *roots,
               *pool, clock)
               .value();
    blobs = storage::blobs::BlobStore::open({.directory = folder / "seg",
                                             .node = "0a0b0c0d",
                                             .store_id = store_id,
                                             .segment_bytes_max = 64u << 20,
                                             .min_free_bytes = 1},
                                            {}, clock)
                .value();
    config_.store_id = store_id;
    service = std::make_unique<storage::ingest::StoreService>(config_, *pool, *blobs, *keys,
                                                              recorder, clock);
  }

  storage::ingest::Config config_;
};

}  // namespace latent::test
