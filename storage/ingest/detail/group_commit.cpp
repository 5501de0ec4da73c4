#include "storage/ingest/detail/group_commit.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>

#include "security/base/fail_point.h"
#include "security/base/log.h"
#include "storage/catalog/instances.h"
#include "storage/ingest/detail/events.h"

namespace latent::storage::ingest::detail {
namespace {

// PostgreSQL gone: the sender hears A700 within a second (formats.md §4, back-pressure).
constexpr auto kDatabaseWait = std::chrono::milliseconds(900);
constexpr unsigned kAttemptsMax = 4;

void refuse(Pending& pending, Reason reason, std::string text) {
  pending.outcome.kind = StoreOutcome::Kind::refused;
  pending.outcome.reason = reason;
  pending.outcome.text = std::move(text);
}

Reason reason_of(const Error& error) {
  return error.code == ErrorCode::exhausted ? Reason::no_room : Reason::unavailable;
}

bool needs_bytes(const Pending& pending) {
  return !pending.appended && (pending.outcome.kind == StoreOutcome::Kind::stored ||
                               pending.outcome.kind == StoreOutcome::Kind::new_version);
}

}  // namespace

GroupCommit::GroupCommit(const Config& config, const database::Pool& pool, blobs::BlobStore& blobs,
                         keyring::KeyRing& keys, const auditlog::Recorder& recorder,
                         Buffers& buffers,
                         std::function<void(PendingPtr, catalog::StoredInstance)> compare)
    : config_(config),
      pool_(pool.with_settings(catalog::insert_session_settings())),
      blobs_(blobs),
      keys_(keys),
      recorder_(recorder),
      buffers_(buffers),
      compare_(std::move(compare)),
      sync_thread_([this] { sync_stage(); }),
      commit_thread_([this] { commit_stage(); }) {}

GroupCommit::~GroupCommit() { stop(); }

void GroupCommit::submit(PendingPtr pending) {
  {
    const MutexLock lock(mutex_);
    // One that comes back (with a verdict, or after a lost race) is counted already.
    if (pending->attempts++ == 0) ++unanswered_;
    waiting_.push_back(std::move(pending));
  }
  sync_wake_.notify_one();
}

void GroupCommit::submit(Refusal refusal) {
  {
    const MutexLock lock(mutex_);
    ++unanswered_;
    waiting_refusals_.push_back(std::move(refusal));
  }
  sync_wake_.notify_one();
}

void GroupCommit::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_all();
  if (sync_thread_.joinable()) sync_thread_.join();
  if (commit_thread_.joinable()) commit_thread_.join();
}

void GroupCommit::wake_all() {
  sync_wake_.notify_all();
  commit_wake_.notify_all();
}

bool GroupCommit::may_be_taken(const Pending& pending) const {
  return pending.has_turn || !at_work_.contains(pending.instance.stored.sop_instance);
}

bool GroupCommit::has_work() const {
  return !waiting_refusals_.empty() ||
         std::ranges::any_of(waiting_, [this](const PendingPtr& pending) LATENT_REQUIRES(mutex_) {
           return may_be_taken(*pending);
         });
}

GroupCommit::Group GroupCommit::take_group() {
  MutexLock lock(mutex_);
  // Taken when the other stage is ready for it, so that it is as large as it can be.
  const auto is_ready = [this]() LATENT_REQUIRES(mutex_) { return placed_.empty() && has_work(); };
  while (!is_ready() && !(stopping_ && unanswered_ == 0)) sync_wake_.wait(lock.native());
  Group group;
  group.refusals = std::exchange(waiting_refusals_, {});
  std::uint64_t bytes = 0;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (group.instances.size() >= config_.group_instances_max || bytes >= config_.group_bytes_max)
      break;
    if (!may_be_taken(**it)) {
      ++it;
      continue;
    }
    (*it)->has_turn = true;
    at_work_.insert((*it)->instance.stored.sop_instance);
    bytes += (*it)->sealed.size();
    group.instances.push_back(std::move(*it));
    it = waiting_.erase(it);
  }
  return group;
}

void GroupCommit::sync_stage() {
  while (true) {
    Group group = take_group();
    if (group.empty()) break;
    if (!classify(group)) {
      answer(group);
      continue;
    }
    if (!group.empty()) write_and_pass_on(std::move(group));
  }
}

bool GroupCommit::needs_look_up(const Pending& pending) const {
  const catalog::StoredInstance& stored = pending.instance.stored;
  return !database_answers_ || !new_studies_.surely_lacks(stored.study, stored.sop_instance);
}

// Decides what each instance is. Those that need a look at the kept object leave the group.
bool GroupCommit::classify(Group& group) {
  std::vector<InstanceUid> uids;
  uids.reserve(group.instances.size());
  for (const PendingPtr& pending : group.instances) {
    pending->outcome.kind = StoreOutcome::Kind::stored;
    if (needs_look_up(*pending)) uids.push_back(pending->instance.stored.sop_instance);
  }
  if (uids.empty()) return true;

  auto transaction = database::Transaction::begin(*pool_, deadline_in(kDatabaseWait),
                                                  database::Transaction::Mode::read_only);
  auto found = transaction
                   ? catalog::find_instances(*transaction, uids)
                   : Result<std::vector<catalog::StoredInstance>>(fail(transaction.error()));
  if (!found) {
    log::warn("catalog does not answer; instances are refused", "error", found.error().text);
    refuse_all(group, Reason::unavailable,
               "the archive's database does not answer, send again later");
    return false;
  }
  std::unordered_map<InstanceUid, const catalog::StoredInstance*> kept;
  for (const catalog::StoredInstance& row : *found) kept.emplace(row.sop_instance, &row);

  std::vector<PendingPtr> staying;
  staying.reserve(group.instances.size());
  for (PendingPtr& pending : group.instances) {
    const auto known = kept.find(pending->instance.stored.sop_instance);
    StoreOutcome& outcome = pending->outcome;
    if (known == kept.end()) {
      staying.push_back(std::move(pending));
      continue;
    }
    const catalog::StoredInstance& current = *known->second;
    if (current.study == pending->instance.stored.study &&
        current.digest == pending->instance.stored.digest &&
        current.plaintext_bytes - current.data_set_offset == pending->data_set_bytes()) {
      outcome.kind = StoreOutcome::Kind::duplicate;
    } else if (!pending->verdict || pending->verdict->compared_with != current.blob) {
      if (pending->attempts > kAttemptsMax)
        refuse(*pending, Reason::unavailable,
               "too many senders of this instance at once, send again later");
      else {
        compare_(std::move(pending), current);
        continue;
      }
    } else if (pending->verdict->kind == Verdict::Kind::same_content) {
      outcome.kind = StoreOutcome::Kind::duplicate;
    } else if (pending->verdict->kind == Verdict::Kind::new_version) {
      outcome.kind = StoreOutcome::Kind::new_version;
    } else {
      refuse(*pending, Reason::differs, pending->verdict->text);
    }
    staying.push_back(std::move(pending));
  }
  group.instances = std::move(staying);
  return true;
}

void GroupCommit::write_and_pass_on(Group group) {
  // The commit stage owns the group as soon as places are known; what is written stays where it is
  // until on_disk says so.
  std::vector<Pending*> writers;
  for (const PendingPtr& pending : group.instances)
    if (needs_bytes(*pending) && !pending->in_own_file) writers.push_back(pending.get());
  std::promise<Result<void>> on_disk;
  group.on_disk = on_disk.get_future();
  bool is_passed_on = false;
  const auto pass_on = [&] {
    is_passed_on = true;
    {
      const MutexLock lock(mutex_);
      placed_.push_back(std::move(group));
    }
    commit_wake_.notify_one();
  };
  Result<void> done = append_and_sync(writers, pass_on);
  if (!done) log::error("sealed store cannot write", "error", done.error().text);
  on_disk.set_value(std::move(done));
  if (!is_passed_on) pass_on();
}

/// Bytes of the whole group behind each other by one sync, then the ring.
Result<void> GroupCommit::append_and_sync(std::span<Pending* const> writers,
                                          const std::function<void()>& on_placed) {
  std::vector<ByteSpan> parts(writers.size());
  std::vector<blobs::PendingBlob> records(writers.size());
  for (std::size_t i = 0; i < writers.size(); ++i) {
    parts[i] = writers[i]->sealed;
    records[i].id = writers[i]->instance.stored.blob;
    records[i].parts = std::span<const ByteSpan>(&parts[i], 1);
    records[i].payload_crc32c = writers[i]->sealed_crc32c;
  }
  if (!writers.empty()) {
    const auto place = [&](std::span<const blobs::BlobLocation> locations) {
      for (std::size_t i = 0; i < writers.size(); ++i)
        writers[i]->instance.stored.location = locations[i];
      on_placed();
    };
    LATENT_TRY(const auto locations, blobs_.append(records, place));
    LATENT_TRY_VOID(blobs_.sync(locations));
    for (Pending* writer : writers) writer->appended = true;
  }
  return keys_.sync();
}

void GroupCommit::commit_stage() {
  while (true) {
    MutexLock lock(mutex_);
    while (placed_.empty() && !(stopping_ && unanswered_ == 0)) commit_wake_.wait(lock.native());
    if (placed_.empty()) return;
    Group group = std::move(placed_.front());
    placed_.pop_front();
    lock.unlock();
    sync_wake_.notify_one();
    commit_group(std::move(group));
    lock.relock();
  }
}

Result<void> GroupCommit::commit(std::span<const PendingPtr> instances,
                                 std::span<const Refusal> refusals,
                                 const std::function<Result<void>()>& before_commit) {
  std::vector<StudyUid> new_studies;
  std::vector<KeyId> keys;
  for (const PendingPtr& pending : instances)
    if (pending->outcome.ok()) keys.push_back(pending->key->id());
  const auto run = [&]() -> Result<void> {
    LATENT_TRY(auto transaction, database::Transaction::begin(*pool_, deadline_in(kDatabaseWait)));
    std::vector<catalog::NewInstance> rows;
    for (const PendingPtr& pending : instances)
      if (pending->outcome.kind == StoreOutcome::Kind::stored) rows.push_back(pending->instance);
    auto with = keys_.rows_to_confirm(keys);
    std::ranges::move(recorder_.statements(events_of(instances, refusals)),
                      std::back_inserter(with));
    LATENT_TRY(new_studies, catalog::insert_instances(transaction, rows, with, &known_series_));
    for (const PendingPtr& pending : instances)
      if (pending->outcome.kind == StoreOutcome::Kind::new_version)
        LATENT_TRY_VOID(
            catalog::add_version(transaction, pending->instance, pending->verdict->differing_tags));
    if (before_commit) LATENT_TRY_VOID(before_commit());
    return transaction.commit();
  };
  const Result<void> done = run();
  database_answers_ = done.has_value();
  if (!done) {
    known_series_.clear();
    return done;
  }
  keys_.confirm(keys);
  for (const StudyUid& study : new_studies) new_studies_.began(study);
  for (const PendingPtr& pending : instances)
    new_studies_.took(pending->instance.stored.study, pending->instance.stored.sop_instance);
  return done;
}

void GroupCommit::commit_group(Group group) {
  Result<void> on_disk;
  const auto wait_for_disk = [&] { return on_disk = group.on_disk.get(); };
  const auto together = commit(group.instances, group.refusals, wait_for_disk);
  if (together) return answer(group);
  if (group.on_disk.valid()) on_disk = group.on_disk.get();  // the rows failed first
  log::warn("a group did not commit", "instances", group.instances.size(), "error",
            together.error().text);
  if (!on_disk) {
    refuse_all(group, reason_of(on_disk.error()),
               "the archive cannot write at present, send again later");
    if (!commit(group.instances, group.refusals, {}))
      log::error("audit events of refusals could not be written");
    return answer(group);
  }
  if (together.error().code == ErrorCode::unavailable) {
    refuse_all(group, Reason::unavailable,
               "the archive's database does not answer, send again later");
    return answer(group);
  }
  commit_one_by_one(std::move(group));
}

// One row failed, most often because another sender of the same instance was first.
void GroupCommit::commit_one_by_one(Group group) {
  for (Refusal& refusal : group.refusals) {
    Group alone;
    alone.refusals.push_back(std::move(refusal));
    if (!commit({}, alone.refusals, {}))
      log::error("an audit event of a refusal could not be written");
    answer(alone);
  }
  for (PendingPtr& pending : group.instances) {
    Group alone;
    alone.instances.push_back(std::move(pending));
    const auto result = commit(alone.instances, {}, {});
    if (!result && result.error().code == ErrorCode::conflict &&
        alone.instances.front()->attempts <= kAttemptsMax) {
      submit(std::move(alone.instances.front()));  // now it is a duplicate: look again
      continue;
    }
    if (!result) {
      log::error("an instance could not be catalogued", "blob",
                 alone.instances.front()->instance.stored.blob.hex(), "error", result.error().text);
      refuse_all(alone, Reason::unavailable, "the archive could not catalogue the instance");
    }
    answer(alone);
  }
}

void GroupCommit::refuse_all(Group& group, Reason reason, const std::string& text) {
  for (const PendingPtr& pending : group.instances) refuse(*pending, reason, text);
}

void GroupCommit::answer(Group& group) {
  const std::size_t answered = group.instances.size() + group.refusals.size();
  std::vector<InstanceUid> through;
  fail_point::reach("ack.before");
  for (PendingPtr& pending : group.instances) {
    pending->lease.reset();
    through.push_back(pending->instance.stored.sop_instance);
    buffers_.give_back(std::move(pending->sealed));
    pending->done(std::move(pending->outcome));
    pending.reset();
  }
  for (Refusal& refusal : group.refusals) refusal.done(std::move(refusal.outcome));
  group = {};
  MutexLock lock(mutex_);
  unanswered_ -= answered;
  for (const InstanceUid& uid : through) at_work_.erase(uid);
  const bool others_wait = !waiting_.empty();
  const bool is_over = stopping_ && unanswered_ == 0;
  lock.unlock();
  if (is_over)
    wake_all();
  else if (others_wait)
    sync_wake_.notify_one();
  lock.relock();
}

}  // namespace latent::storage::ingest::detail
