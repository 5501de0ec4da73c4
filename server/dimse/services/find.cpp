// C-FIND (PS3.7 9.1.2, PS3.4 C.4.1): workers read matches in batches, and no further than the peer
// takes the answers.
#include <stop_token>
#include <utility>
#include <vector>

#include "dicom/model/sop_classes.h"
#include "retrieval/query/query_service.h"
#include "server/dimse/detail/connection.h"
#include "server/dimse/detail/identifier.h"
#include "server/dimse/services/services.h"
#include "server/dimse/status_map.h"

namespace latent::server::dimse {

namespace network = dicom::network;
namespace status = dicom::network::status;
namespace classes = dicom::model::sop_classes;
namespace query = retrieval::query;

namespace {

/// A batch ends at whichever comes first.
constexpr std::size_t kBatchAnswersMax = 200;
constexpr std::size_t kBatchBytesMax = 128u << 10;
/// With more than this waiting for the socket no further batch is read.
constexpr std::size_t kUnwrittenMax = 256u << 10;

query::Root root_of(std::string_view sop_class) {
  if (sop_class == classes::kPatientRootFind) return query::Root::patient;
  if (sop_class == classes::kPatientStudyOnlyFind) return query::Root::patient_study_only;
  return query::Root::study;
}

class Find final : public Operation {
 public:
  Find(std::shared_ptr<Connection> connection, Request request)
      : connection_(std::move(connection)),
        request_(std::move(request)),
        identifier_(connection_->config().limits.identifier_bytes_max),
        answers_max_(connection_->config().answers_max) {
    const PeerConfig* peer = connection_->peer();
    if (peer != nullptr && peer->answers_max) answers_max_ = *peer->answers_max;
  }

  void start() override {}
  void on_data(ByteSpan bytes, bool last) override {
    identifier_.add(bytes);
    if (last) on_identifier();
  }
  void on_cancel() override { stop_.request_stop(); }
  void on_written() override {
    if (std::exchange(wants_room_, false)) read_batch();
  }
  void on_gone() override {
    gone_ = true;
    stop_.request_stop();
  }

 private:
  struct Batch {
    std::vector<Bytes> answers;
    bool last = false;
    bool keys_unsupported = false;
  };

  std::shared_ptr<Find> self() { return std::static_pointer_cast<Find>(shared_from_this()); }

  void end(network::Status final_status, std::string comment) {
    network::Answer answer;
    answer.status = final_status;
    answer.comment = std::move(comment);
    connection_->finish(request_, answer);
  }
  void fail_with(const Error& error) {
    log::warn("query failed", "peer", connection_->caller().name, "error", name_of(error.code),
              "reason", error.text);
    end(find_status(error.code), error.text);
  }

  void on_identifier() {
    const auto bytes = identifier_.take();
    if (!bytes) return fail_with(bytes.error());
    const auto* context = connection_->association().find_context(request_.context_id);
    transfer_syntax_ = context->transfer_syntax;
    query::Options options;
    options.fuzzy_names = context->extensions.fuzzy_names;
    options.combined_date_time = context->extensions.combined_date_time;
    options.relational = context->extensions.relational;
    auto parsed = query::parse_identifier(
        *bytes, transfer_syntax_, root_of(context->abstract_syntax), options,
        connection_->assumed_character_set(), connection_->config().limits);
    if (!parsed) return fail_with(parsed.error());
    for (const std::string& habit : parsed->habits) {
      log::info("query taken as meant", "peer", connection_->caller().name, "habit", habit);
    }
    query_ = std::move(*parsed);
    // One more than allowed tells a full answer from one that would be cut.
    if (answers_max_ != 0) query_.limit = answers_max_ + 1;
    read_batch();
  }

  void read_batch() {
    connection_->offload([self = self()] { return self->next_batch(); },
                         [self = self()](Result<Batch> batch) { self->on_batch(batch); });
  }

  /// On a worker, one at a time.
  Result<Batch> next_batch() {
    if (!cursor_) {
      LATENT_TRY(cursor_, connection_->services().query.open(request_.authorisation, query_,
                                                             stop_.get_token()));
    }
    query::AnswerExtras extras;
    extras.retrieve_ae_title = connection_->config().aet.str();
    Batch batch;
    batch.keys_unsupported = !cursor_->unsupported().empty();
    std::size_t bytes = 0;
    while (batch.answers.size() < kBatchAnswersMax && bytes < kBatchBytesMax) {
      if (stop_.stop_requested()) break;
      LATENT_TRY(const auto match, cursor_->next());
      if (!match) {
        batch.last = true;
        break;
      }
      LATENT_TRY(Bytes plain, query::encode_answer(*match, query_, extras, transfer_syntax_));
      LATENT_TRY(Bytes answer, pack_for_syntax(std::move(plain), transfer_syntax_));
      bytes += answer.size();
      batch.answers.push_back(std::move(answer));
    }
    return batch;
  }

  void on_batch(const Result<Batch>& batch) {
    if (gone_) return;
    if (stop_.stop_requested()) return end(status::kCancel, {});
    if (!batch) return fail_with(batch.error());
    network::Answer pending;
    pending.status =
        batch->keys_unsupported ? status::kFindPendingKeysUnsupported : status::kPending;
    for (const Bytes& answer : batch->answers) {
      if (answers_max_ != 0 && sent_ == answers_max_) {
        return end(status::kFindOutOfResources,
                   "more than " + std::to_string(answers_max_) + " matches: narrow the query");
      }
      connection_->queue_response(request_, pending, answer);
      ++sent_;
    }
    // With the final response behind them: one write for all.
    if (batch->last) return end(status::kSuccess, {});
    connection_->flush();
    if (connection_->unwritten_bytes() < kUnwrittenMax) return read_batch();
    wants_room_ = true;
  }

  std::shared_ptr<Connection> connection_;
  Request request_;
  IdentifierCollector identifier_;
  std::uint64_t answers_max_;
  std::string transfer_syntax_;
  query::Query query_;
  std::stop_source stop_;
  std::unique_ptr<query::QueryCursor> cursor_;  ///< of the worker
  std::uint64_t sent_ = 0;
  bool wants_room_ = false;
  bool gone_ = false;
};

}  // namespace

std::shared_ptr<Operation> make_find(std::shared_ptr<Connection> connection, Request request) {
  return std::make_shared<Find>(std::move(connection), std::move(request));
}

}  // namespace latent::server::dimse
