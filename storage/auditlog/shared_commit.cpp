#include "storage/auditlog/shared_commit.h"

#include <chrono>
#include <exception>
#include <iterator>
#include <utility>

#include "security/base/log.h"
#include "storage/database/transaction.h"

namespace latent::storage::auditlog {
namespace {

constexpr auto kDatabaseWait = std::chrono::milliseconds(2'000);
/// Far above the number of workers that may ask at once.
constexpr std::size_t kWaitingMax = 4096;
constexpr std::size_t kGroupMax = 256;

}  // namespace

SharedCommit::SharedCommit(database::Pool& pool, const Recorder& recorder)
    : pool_(pool), recorder_(recorder), thread_([this] { run(); }) {}

SharedCommit::~SharedCommit() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::future<Result<void>> SharedCommit::add(security::audit::AuditEvent event) {
  Waiting waiting{std::move(event), {}};
  auto told = waiting.told.get_future();
  bool was_empty = false;
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() >= kWaitingMax) {
      waiting.told.set_value(fail(
          ErrorCode::exhausted, "too many audit rows wait for PostgreSQL; try again", "auditlog"));
      return told;
    }
    was_empty = waiting_.empty();
    waiting_.push_back(std::move(waiting));
  }
  if (was_empty) changed_.notify_one();
  return told;
}

void SharedCommit::run() {
  MutexLock lock(mutex_);
  for (;;) {
    while (waiting_.empty() && !stopping_) changed_.wait(lock.native());
    if (waiting_.empty()) return;
    std::vector<Waiting> group;
    if (waiting_.size() <= kGroupMax) {
      group = std::exchange(waiting_, {});
    } else {
      const auto end = waiting_.begin() + kGroupMax;
      group.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
    }
    lock.unlock();
    commit(std::move(group));
    lock.relock();
  }
}

void SharedCommit::commit(std::vector<Waiting> group) {
  std::vector<security::audit::AuditEvent> events;
  events.reserve(group.size());
  for (Waiting& one : group) events.push_back(std::move(one.event));
  const Result<void> written = write(events);
  const bool each_alone =
      !written && group.size() > 1 && written.error().code != ErrorCode::unavailable;
  for (std::size_t i = 0; i < group.size(); ++i)
    group[i].told.set_value(each_alone ? write(std::span(events).subspan(i, 1)) : written);
}

Result<void> SharedCommit::write(std::span<const security::audit::AuditEvent> events) {
  try {
    const auto statements = recorder_.statements(events);
    LATENT_TRY_VOID(
        database::Transaction::run_at_once(pool_, deadline_in(kDatabaseWait), statements));
    return {};
  } catch (const std::exception& exception) {
    log::error("audit rows could not be made", "reason", exception.what());
    return fail(ErrorCode::internal, "the audit row could not be made", "auditlog");
  }
}

}  // namespace latent::storage::auditlog
