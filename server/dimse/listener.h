// The DICOM face: listens, negotiates associations and answers their DIMSE messages by the verbs.
//
// A silent or stalled peer costs a descriptor and a few kilobytes, never a thread or a buffer. I/O
// threads move bytes, run the protocol engine and feed the store verb; whatever blocks (SQL,
// reading objects) runs on a bounded pool and comes back to the connection's strand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "security/base/clock.h"
#include "security/base/result.h"
#include "server/dimse/config.h"

namespace latent::security::access {
class Policy;
}
namespace latent::storage::database {
class Pool;
}
namespace latent::storage::auditlog {
class Recorder;
}
namespace latent::storage::ingest {
class StoreService;
}
namespace latent::retrieval::query {
class QueryService;
}
namespace latent::retrieval::instances {
class RetrieveService;
}

namespace latent::server::dimse {

/// The verbs that the face says. They outlive the listener.
struct Services {
  const security::access::Policy& policy;
  storage::ingest::StoreService& store;
  const retrieval::query::QueryService& query;
  const retrieval::instances::RetrieveService& retrieve;
  storage::database::Pool& pool;  ///< for the audit rows of associations
  const storage::auditlog::Recorder& recorder;
};

struct Endpoint {
  std::string address;  ///< numeric
  std::uint16_t port = 0;
};

/// Thread safe.
class Listener {
 public:
  /// Binds all addresses and accepts. Raise RLIMIT_NOFILE before (raise_descriptor_limit()).
  /// Errors: invalid_input (an address that is none), unavailable (port taken, no such address).
  static Result<std::unique_ptr<Listener>> start(Config config, Services services);
  /// stop() with no patience.
  ~Listener();

  std::vector<Endpoint> endpoints() const;
  std::uint32_t associations_open() const;
  std::uint32_t connections_open() const;

  /// Takes no new connections, ends those that are between two messages, lets operations that run
  /// finish until `deadline`, aborts the rest. When it returns no callback of ours is under way in
  /// any service, and the audit rows of associations are written (or their loss is logged).
  void stop(Deadline deadline);

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

/// Raises the soft limit of open files to the hard one and returns it. For main.
std::uint64_t raise_descriptor_limit();

}  // namespace latent::server::dimse
