// Sends a row of instances by C-STORE over one association, one after the other, and counts. Shared
// by C-GET (over the association of the request) and C-MOVE (over one that we opened).
//
// The next instance is opened and read ahead while the receiver still works on the present one.
// On the strand of the requesting connection; everything is told to the owner by Handlers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dicom/network/messages.h"
#include "retrieval/instances/retrieve_service.h"
#include "server/dimse/detail/connection.h"
#include "server/dimse/detail/instance_reader.h"

namespace latent::server::dimse {

/// How a retrieve stands. Kept by the operation, over all its associations.
struct RetrieveProgress {
  std::uint64_t total = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t warning = 0;
  std::uint64_t bytes = 0;
  std::vector<InstanceUid> failed_instances{};

  std::uint64_t done() const { return completed + failed + warning; }
  /// The counters have 16 bits; a larger number shows as 65,535.
  dicom::network::SuboperationCounters counters() const;
};

enum class Towards { requestor, acceptor };

/// The context for an instance: its own syntax, else a native one that it can be converted to
/// (explicit little endian first). Null: it cannot be sent on this association.
const dicom::network::NegotiatedContext* choose_context(
    const dicom::network::Association& association, Towards receiver,
    const retrieval::instances::StoredInstance& instance);

class Suboperations : public std::enable_shared_from_this<Suboperations> {
 public:
  struct MoveOriginator {
    AeTitle aet = *AeTitle::parse("ANY");
    std::uint16_t message_id = 0;
  };
  struct Handlers {
    std::function<void()> on_progress;  ///< after each sub-operation
    /// The row is through, cancelled or broken off; then nothing more is called.
    std::function<void()> on_end;
    /// The receiver owes a response from now on, or no longer.
    std::function<void(bool)> on_waiting;
  };

  /// Instances [first, last) of the plan. `progress` and `transport` live until on_end. With an
  /// originator the receiver accepted the association, without one it requested it.
  Suboperations(std::shared_ptr<Connection> connection,
                std::shared_ptr<const retrieval::instances::RetrievePlan> plan, std::size_t first,
                std::size_t last, RetrieveProgress& progress,
                std::optional<MoveOriginator> originator, Handlers handlers);

  void run(Transport& transport);
  void on_response(const dicom::network::CommandSet& command);
  void on_written();
  /// Ends after the sub-operation that is under way.
  void cancel() { cancelled_ = true; }
  /// The association is gone: the instance under way has failed.
  void on_broken();

  /// The first instance that was not tried.
  std::size_t next() const { return next_; }
  /// The association was given up by us, since an instance could not be read to its end.
  bool has_aborted() const { return has_aborted_; }

 private:
  /// More than this waits for the socket: no more is pulled from the store.
  static constexpr std::size_t kUnwrittenMax = 512u << 10;

  void advance();
  const dicom::network::NegotiatedContext* context_for(std::size_t at) const;
  std::shared_ptr<InstanceReader> reader_for(std::size_t at);
  void pull();
  void on_chunk(Result<InstanceReader::Chunk> chunk);
  Result<void> send(InstanceReader::Chunk& chunk);
  void complete(dicom::network::Status status);
  void count_failure(std::string_view why);
  void end();

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<const retrieval::instances::RetrievePlan> plan_;
  std::size_t next_;
  const std::size_t last_;
  RetrieveProgress& progress_;
  std::optional<MoveOriginator> originator_;
  Handlers handlers_;
  Transport* transport_ = nullptr;

  std::uint8_t context_id_ = 0;
  std::shared_ptr<InstanceReader> reader_;
  std::shared_ptr<InstanceReader> read_ahead_;
  std::size_t read_ahead_at_ = 0;
  std::uint16_t message_id_ = 0;
  bool command_sent_ = false;
  bool data_sent_ = false;
  bool wants_room_ = false;
  std::optional<dicom::network::Status> status_;  ///< came before all data were sent
  bool has_aborted_ = false;
  bool cancelled_ = false;
  bool ended_ = false;
};

}  // namespace latent::server::dimse
