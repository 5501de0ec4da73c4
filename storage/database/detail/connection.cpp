#include "storage/database/detail/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "storage/database/detail/errors.h"

namespace latent::storage::database {
namespace {

/// Query texts differ by the keys a peer asks for; without a bound each would stay on the server.
constexpr std::size_t kPreparedMax = 256;

int poll_timeout_ms(Deadline deadline) {
  using namespace std::chrono;
  const auto left = ceil<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

std::string first_line(const char* text) {
  const std::string_view all(text);
  return std::string(all.substr(0, all.find('\n')));
}

std::string_view field(const PGresult* result, int which) {
  const char* text = PQresultErrorField(result, which);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// libpq prints notices on standard error by default, and a notice may quote values.
void ignore_notice(void*, const PGresult*) {}

}  // namespace

tl::unexpected<Error> Connection::lost(std::string_view what) {
  usable_ = false;
  last_sqlstate_.clear();
  return fail(ErrorCode::unavailable, fmt::format("PostgreSQL does not answer ({})", what),
              std::string(kWhere));
}

tl::unexpected<Error> Connection::silent(std::string_view what) {
  met_silence_ = true;
  return lost(what);
}

tl::unexpected<Error> Connection::refused(const PGresult* result) {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) return lost("connection lost");
  last_sqlstate_ = sqlstate;
  const std::string_view severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  // FATAL ends the session. A plan that no longer fits its table (0A000) or a statement that the
  // server forgot (26000) ends with the session too: the next one prepares anew.
  if (severity != "ERROR" || sqlstate == "0A000" || sqlstate == "26000") usable_ = false;
  const std::string_view constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  std::string text = fmt::format("PostgreSQL refused a statement: {} (SQLSTATE {}{}{})",
                                 without_values(sqlstate, field(result, PG_DIAG_MESSAGE_PRIMARY)),
                                 sqlstate, constraint.empty() ? "" : ", constraint ", constraint);
  return fail(code_of(sqlstate), std::move(text), std::string(kWhere));
}

Result<bool> Connection::wait(short events, Deadline deadline) {
  for (;;) {
    pollfd watched{PQsocket(connection_.get()), events, 0};
    const int ready = ::poll(&watched, 1, poll_timeout_ms(deadline));
    if (ready > 0) return true;
    if (ready == 0 && std::chrono::steady_clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return lost(std::strerror(errno));
  }
}

Result<std::unique_ptr<Connection>> Connection::open(const PoolConfig& config, Deadline deadline) {
  deadline = std::min(deadline, deadline_in(config.connect_timeout));
  std::unique_ptr<Connection> made(new Connection());
  LATENT_TRY_VOID(made->connect(config, deadline));
  LATENT_TRY_VOID(made->set_up(config, deadline));
  return made;
}

Result<void> Connection::connect(const PoolConfig& config, Deadline deadline) {
  // libpq's complaint about a bad string would echo parts of it, perhaps a password.
  const std::unique_ptr<PQconninfoOption, Deleter<PQconninfoFree>> options(
      PQconninfoParse(config.conninfo.c_str(), nullptr));
  if (!options)
    return fail(ErrorCode::invalid_input,
                "the database connection string cannot be parsed; see the PostgreSQL manual, "
                "\"Connection Strings\"",
                std::string(kWhere));

  const char* keywords[] = {"dbname", "client_encoding", "fallback_application_name", nullptr};
  const char* values[] = {config.conninfo.c_str(), "UTF8", "latent", nullptr};
  connection_.reset(PQconnectStartParams(keywords, values, /*expand_dbname=*/1));
  if (!connection_) return lost("out of memory");
  PGconn* const c = connection_.get();
  PQsetNoticeReceiver(c, ignore_notice, nullptr);

  if (PQstatus(c) == CONNECTION_BAD) return lost(first_line(PQerrorMessage(c)));
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return lost(first_line(PQerrorMessage(c)));
    LATENT_TRY(const bool ready, wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline));
    if (!ready) return lost("no answer to the connection in time");
    next = PQconnectPoll(c);
  }
  if (PQsetnonblocking(c, 1) != 0 || PQenterPipelineMode(c) != 1)
    return lost(first_line(PQerrorMessage(c)));
  return {};
}

Result<void> Connection::set_up(const PoolConfig& config, Deadline deadline) {
  // A server whose default is synchronous_commit = off would make us acknowledge what a power cut
  // takes away; stricter settings (remote_apply, …) are left alone. The transaction defaults are
  // for Transaction::run_at_once(), which says no BEGIN. A parallel worker takes longer to start
  // (74 ms where 1,400 rows of a week were sorted) than our searches take.
  constexpr std::string_view kSetUp =
      "SELECT set_config('statement_timeout', $1, false), set_config('bytea_output', 'hex', false),"
      " set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false),"
      " set_config('client_min_messages', 'error', false),"
      " set_config('default_transaction_isolation', 'read committed', false),"
      " set_config('default_transaction_read_only', 'off', false),"
      " set_config('max_parallel_workers_per_gather', '0', false),"
      " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
      " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),"
      " (SELECT stats_reset FROM pg_stat_bgwriter)";
  const Params params = Params().integer(config.statement_timeout.count());
  std::vector<Request> requests{{kSetUp, &params}};
  std::vector<Params> settings;
  settings.reserve(config.settings.size());  // requests point into it
  for (const auto& [name, value] : config.settings) {
    settings.push_back(Params().text(std::string_view(name)).text(std::string_view(value)));
    requests.push_back({"SELECT set_config($1, $2, false)", &settings.back()});
  }
  LATENT_TRY(auto answers, run(requests, deadline));
  incarnation_ = answers[0].text(0, 9);
  return {};
}

int Connection::backend_pid() const { return PQbackendPID(connection_.get()); }

bool Connection::still_connected() {
  if (!usable_) return false;
  pollfd watched{PQsocket(connection_.get()), POLLIN | POLLRDHUP, 0};
  if (::poll(&watched, 1, 0) == 0) return true;
  // Readable: a forgotten answer, a parameter change, or the end. POLLRDHUP may come together with
  // a last message, so the flag decides.
  if ((watched.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 ||
      PQconsumeInput(connection_.get()) == 0)
    usable_ = false;
  return usable_;
}

Result<void> Connection::evict_oldest() {
  const std::string oldest = ages_.front();
  const std::string sql = "DEALLOCATE " + prepared_.at(oldest).name;
  if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) !=
      1)
    return lost(first_line(PQerrorMessage(connection_.get())));
  expected_.push_back({Expected::Kind::housekeeping, {}, {}});
  ages_.pop_front();
  prepared_.erase(oldest);
  return {};
}

/// The name under which `sql` is prepared, queueing the preparation when it is new here.
Result<std::string> Connection::prepare(std::string_view sql) {
  std::string text(sql);
  if (auto known = prepared_.find(text); known != prepared_.end()) {
    ages_.splice(ages_.end(), ages_, known->second.age);
    return known->second.name;
  }
  // The same new text twice in one pipeline is prepared once.
  for (const Expected& other : expected_)
    if (other.kind == Expected::Kind::preparation && other.sql == text) return other.name;
  while (prepared_.size() >= kPreparedMax) LATENT_TRY_VOID(evict_oldest());
  std::string name = fmt::format("s{}", names_given_++);
  if (PQsendPrepare(connection_.get(), name.c_str(), text.c_str(), 0, nullptr) != 1)
    return lost(first_line(PQerrorMessage(connection_.get())));
  expected_.push_back({Expected::Kind::preparation, std::move(text), name});
  return name;
}

void Connection::remember(const Expected& prepared) {
  const auto age = ages_.insert(ages_.end(), prepared.sql);
  prepared_.insert_or_assign(prepared.sql, Prepared{prepared.name, age});
}

Result<void> Connection::queue(const Request& request) {
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  if (request.params != nullptr) {
    for (const Params::Value& value : request.params->values()) {
      values.push_back(value.bytes ? value.bytes->c_str() : nullptr);
      lengths.push_back(value.bytes ? static_cast<int>(value.bytes->size()) : 0);
      formats.push_back(value.binary ? 1 : 0);
    }
  }
  LATENT_TRY(const std::string name, prepare(request.sql));
  if (PQsendQueryPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()),
                          values.data(), lengths.data(), formats.data(), 0) != 1)
    return lost(first_line(PQerrorMessage(connection_.get())));
  expected_.push_back({Expected::Kind::request, {}, {}});
  return {};
}

Result<void> Connection::flush(Deadline deadline) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left == 0) return {};
    if (left < 0) return lost(first_line(PQerrorMessage(connection_.get())));
    // Reading meanwhile: a server that waits for us to take its answers takes nothing from us.
    LATENT_TRY(const bool ready, wait(POLLIN | POLLOUT, deadline));
    if (!ready) return silent("a statement was not taken in time");
    if (PQconsumeInput(connection_.get()) == 0)
      return lost(first_line(PQerrorMessage(connection_.get())));
  }
}

Result<void> Connection::send(std::span<const Request> requests, Deadline deadline) {
  for (const Request& request : requests) {
    if (request.params == nullptr) continue;
    for (const Params::Value& value : request.params->values())
      if (!value.binary && value.bytes && value.bytes->find('\0') != std::string::npos)
        return fail(ErrorCode::invalid_input,
                    "a text parameter holds a NUL character, which PostgreSQL cannot store",
                    std::string(kWhere));
  }
  LATENT_TRY_VOID(drain(deadline));
  for (const Request& request : requests) LATENT_TRY_VOID(queue(request));
  if (PQpipelineSync(connection_.get()) != 1)
    return lost(first_line(PQerrorMessage(connection_.get())));
  sync_expected_ = true;
  return flush(deadline);
}

Result<Connection::ResultHandle> Connection::next_result(Deadline deadline) {
  PGconn* const c = connection_.get();
  while (PQisBusy(c) != 0) {
    const int left = PQflush(c);
    if (left < 0) return lost(first_line(PQerrorMessage(c)));
    LATENT_TRY(const bool ready, wait(left > 0 ? POLLIN | POLLOUT : POLLIN, deadline));
    if (!ready) return silent("a statement was not answered in time");
    if (PQconsumeInput(c) == 0) return lost(first_line(PQerrorMessage(c)));
  }
  return ResultHandle(PQgetResult(c));
}

Result<std::vector<Rows>> Connection::receive(Deadline deadline) {
  std::vector<Rows> answers;
  std::optional<Error> error;
  const std::vector<Expected> expected = std::exchange(expected_, {});
  for (const Expected& one : expected) {
    auto result = next_result(deadline);
    if (!result) return fail(error ? *error : result.error());
    switch (PQresultStatus(result->get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        if (one.kind == Expected::Kind::preparation) remember(one);
        if (one.kind == Expected::Kind::request) answers.emplace_back(result->release());
        break;
      case PGRES_PIPELINE_ABORTED:
        break;  // skipped by the server after the first error
      default:
        if (!error) error = refused(result->get()).value();
    }
    auto end = next_result(deadline);
    if (!end) return fail(error ? *error : end.error());
    if (*end) return fail(error ? *error : lost("more answers than statements").value());
  }
  if (std::exchange(sync_expected_, false)) {
    auto sync = next_result(deadline);
    if (!sync) return fail(error ? *error : sync.error());
    if (PQresultStatus(sync->get()) != PGRES_PIPELINE_SYNC) {
      auto failure = lost("the pipeline is out of step");
      return fail(error ? *error : failure.value());
    }
  }
  if (error) return fail(*error);
  return answers;
}

Result<std::vector<Rows>> Connection::run(std::span<const Request> requests, Deadline deadline) {
  LATENT_TRY_VOID(send(requests, deadline));
  return receive(deadline);
}

/// Reads the answer that send_and_forget() left.
Result<void> Connection::drain(Deadline deadline) {
  if (!usable_) return lost("the connection is broken");
  if (!sync_expected_) return {};
  if (auto left = receive(deadline); !left) {
    // A ROLLBACK that failed leaves the session in a state that nobody knows.
    usable_ = false;
    return fail(left.error());
  }
  return {};
}

void Connection::send_and_forget(std::string_view sql, Deadline deadline) {
  const Request request{sql, nullptr};
  if (!send({&request, 1}, deadline)) usable_ = false;
}

Result<void> Connection::run_script(const std::string& sql, Deadline deadline) {
  LATENT_TRY_VOID(drain(deadline));
  PGconn* const c = connection_.get();
  if (PQexitPipelineMode(c) != 1 || PQsendQuery(c, sql.c_str()) != 1)
    return lost(first_line(PQerrorMessage(c)));
  LATENT_TRY_VOID(flush(deadline));
  std::optional<Error> error;
  for (;;) {
    LATENT_TRY(const ResultHandle result, next_result(deadline));
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && !error)
      error = refused(result.get()).value();
  }
  if (usable_ && PQenterPipelineMode(c) != 1) return lost(first_line(PQerrorMessage(c)));
  if (error) return fail(*error);
  return {};
}

}  // namespace latent::storage::database
