// One connection to PostgreSQL: libpq in non-blocking pipeline mode. Every wait has a deadline, so
// a frozen server costs time, never a thread. Not thread safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "security/base/clock.h"
#include "security/base/raii.h"
#include "security/base/result.h"
#include "storage/database/pool.h"
#include "storage/database/rows.h"

struct pg_conn;
extern "C" void PQfinish(pg_conn*);

namespace latent::storage::database {

class Connection {
 public:
  struct Request {
    std::string_view sql;
    const Params* params = nullptr;
  };

  /// Connects and sets the session up. Ends at `deadline` or after the connect time-out, except
  /// for a DNS look-up, which libpq does not bound. Errors: invalid_input (connection string),
  /// unavailable.
  static Result<std::unique_ptr<Connection>> open(const PoolConfig& config, Deadline deadline);

  /// Queues the requests as one pipeline and hands all of it to the kernel.
  Result<void> send(std::span<const Request> requests, Deadline deadline);
  /// One Rows for each request of the last send(). The first error ends it.
  Result<std::vector<Rows>> receive(Deadline deadline);
  Result<std::vector<Rows>> run(std::span<const Request> requests, Deadline deadline);
  /// ROLLBACK or the end of a reading transaction: sent now, its answer read before the next use.
  void send_and_forget(std::string_view sql, Deadline deadline);
  Result<void> run_script(const std::string& sql, Deadline deadline);

  /// False when it cannot be used again: lost, timed out or in an unknown state.
  bool usable() const { return usable_; }
  /// The server let a deadline pass without a word.
  bool met_silence() const { return met_silence_; }
  /// Asks the kernel, without a round trip, whether the server has hung up meanwhile.
  bool still_connected();
  /// SQLSTATE of the last failed request; empty when the connection itself failed.
  const std::string& last_sqlstate() const { return last_sqlstate_; }
  int backend_pid() const;
  /// Differs after each crash recovery of the server (commit_outcome.h says why it matters).
  const std::string& incarnation() const { return incarnation_; }

 private:
  struct Prepared {
    std::string name;
    std::list<std::string>::iterator age;
  };
  struct Expected {
    enum class Kind { request, preparation, housekeeping } kind = Kind::request;
    std::string sql;  ///< of a preparation
    std::string name;
  };
  using ResultHandle = std::unique_ptr<pg_result, Deleter<PQclear>>;

  Connection() = default;
  Result<void> connect(const PoolConfig& config, Deadline deadline);
  Result<void> set_up(const PoolConfig& config, Deadline deadline);
  Result<void> queue(const Request& request);
  Result<std::string> prepare(std::string_view sql);
  Result<void> evict_oldest();
  void remember(const Expected& prepared);
  Result<void> flush(Deadline deadline);
  Result<void> drain(Deadline deadline);
  Result<ResultHandle> next_result(Deadline deadline);
  Result<bool> wait(short events, Deadline deadline);
  tl::unexpected<Error> lost(std::string_view what);
  tl::unexpected<Error> silent(std::string_view what);
  tl::unexpected<Error> refused(const pg_result* result);

  std::unique_ptr<pg_conn, Deleter<PQfinish>> connection_;
  bool usable_ = true;
  bool met_silence_ = false;
  std::string last_sqlstate_;
  std::string incarnation_;
  std::vector<Expected> expected_;  ///< answers still to come, in order, then one sync
  bool sync_expected_ = false;
  std::unordered_map<std::string, Prepared> prepared_;  ///< by SQL text
  std::list<std::string> ages_;                         ///< SQL texts, least recently used first
  std::uint64_t names_given_ = 0;
};

}  // namespace latent::storage::database
