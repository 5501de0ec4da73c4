#include "retrieval/query/query_service.h"

#include <chrono>

#include "retrieval/query/detail/translate.h"

namespace latent::retrieval::query {
namespace {

namespace catalog = storage::catalog;
namespace database = storage::database;
namespace tags = dicom::model::tags;

constexpr auto kDatabaseWait = std::chrono::milliseconds(2'000);
/// More than the database's own time-outs add up to: the word comes earlier.
constexpr auto kAuditWait = std::chrono::seconds(30);
/// The first answers come soon, the rest in few round trips.
constexpr std::uint64_t kFirstPageHits = 100;
constexpr std::uint64_t kPageHits = 1000;

class PagedCursor final : public QueryCursor {
 public:
  PagedCursor(database::Pool& pool, detail::Translation translation, const Query& query,
              std::stop_token stop)
      : pool_(pool),
        translation_(std::move(translation)),
        stop_(std::move(stop)),
        left_(query.limit) {
    window_.skip = query.offset;
    window_.hits_max = kFirstPageHits;
  }

  /// Reads the first page; what went wrong is told by next().
  void begin() { begun_ = turn_page(); }

  Result<std::optional<Answer>> next() override {
    if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "the query was cancelled");
    if (!begun_) return fail(begun_.error());
    if (at_ == page_.hits.size()) {
      if (is_last_page_) return std::optional<Answer>();
      LATENT_TRY_VOID(turn_page());
      if (page_.hits.empty()) return std::optional<Answer>();
    }
    return std::optional(detail::answer_of(translation_, std::move(page_.hits[at_++])));
  }

  const std::vector<Tag>& unsupported() const override { return translation_.unsupported; }

 private:
  Result<void> turn_page() {
    page_ = {};
    at_ = 0;
    if (left_) window_.hits_max = std::min(window_.hits_max, *left_);
    if (window_.hits_max == 0) {
      is_last_page_ = true;
      return {};
    }
    LATENT_TRY(page_,
               catalog::search(pool_, deadline_in(kDatabaseWait), translation_.search, window_));
    if (left_) *left_ -= page_.hits.size();
    is_last_page_ = !page_.end || left_ == std::uint64_t{0};
    window_ = {.after = std::move(page_.end), .skip = 0, .hits_max = kPageHits};
    return {};
  }

  database::Pool& pool_;
  const detail::Translation translation_;
  const std::stop_token stop_;
  std::optional<std::uint64_t> left_;
  catalog::SearchWindow window_;
  Result<void> begun_;
  catalog::SearchPage page_;
  std::size_t at_ = 0;
  bool is_last_page_ = false;
};

std::optional<std::string> single_value(const Query& query, Tag tag) {
  for (const Key& key : query.keys)
    if (key.tag == tag && !key.sequence && key.values.size() == 1) return key.values.front();
  return std::nullopt;
}

security::audit::AuditEvent event_of(const security::access::Caller& caller, const Query& query) {
  security::audit::AuditEvent event;
  event.code = security::audit::EventCode::query;
  event.action = security::audit::Action::execute;
  event.what = "query";
  event.actor = caller.name;
  event.actor_ip = caller.ip;
  auto& subject = event.subject.emplace();
  subject.query = detail::as_words(query);
  subject.patient_id = single_value(query, tags::kPatientId);
  subject.study_uid = single_value(query, tags::kStudyInstanceUid);
  return event;
}

}  // namespace

QueryService::QueryService(database::Pool& pool, const storage::auditlog::Recorder& recorder)
    : pool_(pool), audit_(pool, recorder) {}

Result<std::unique_ptr<QueryCursor>> QueryService::open(
    const security::access::Authorisation& authorisation, Query query, std::stop_token stop) const {
  if (authorisation.action() != security::access::Action::query)
    return fail(ErrorCode::refused, "the caller was not authorised to query", "query");
  LATENT_TRY(auto translation, detail::translate(query));
  auto audited = audit_.add(event_of(authorisation.caller(), query));
  auto cursor =
      std::make_unique<PagedCursor>(pool_, std::move(translation), query, std::move(stop));
  cursor->begin();
  if (audited.wait_for(kAuditWait) != std::future_status::ready)
    return fail(ErrorCode::unavailable, "the query could not be put on record in time", "query");
  LATENT_TRY_VOID(audited.get());
  return cursor;
}

}  // namespace latent::retrieval::query
