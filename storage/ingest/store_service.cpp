#include "storage/ingest/store_service.h"

#include "storage/ingest/detail/context.h"
#include "storage/ingest/detail/incoming.h"

namespace latent::storage::ingest {
namespace {

class IncomingHandle final : public Incoming {
 public:
  explicit IncomingHandle(std::shared_ptr<detail::IncomingInstance> instance)
      : instance_(std::move(instance)) {}
  ~IncomingHandle() override { instance_->abandon(); }
  Feed feed(ByteSpan bytes) override { return instance_->feed(bytes); }
  void finish(std::function<void(StoreOutcome)> done) override {
    instance_->finish(std::move(done));
  }

 private:
  std::shared_ptr<detail::IncomingInstance> instance_;
};

}  // namespace

struct StoreService::State : detail::Context {
  using detail::Context::Context;
};

StoreService::StoreService(Config config, database::Pool& pool, blobs::BlobStore& blobs,
                           keyring::KeyRing& keys, const auditlog::Recorder& recorder,
                           const Clock& clock)
    : state_(std::make_unique<State>(std::move(config), pool, blobs, keys, recorder, clock)) {}

StoreService::~StoreService() { state_->commit.stop(); }

std::unique_ptr<Incoming> StoreService::begin(const security::access::Authorisation& authorisation,
                                              StoreRequest request) {
  return std::make_unique<IncomingHandle>(std::make_shared<detail::IncomingInstance>(
      *state_, authorisation.caller(), std::move(request)));
}

}  // namespace latent::storage::ingest
