// Files come one after the other without waiting for their outcomes, so that many share a commit:
//   {"file": "<path as the person knows it>"} d… e   {"file": …} d… e   {"end": true}
// and outcomes go back as they are known: {"outcome": {"file": …, "kind": …, "text": …}}.
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

#include "dicom/scanner/part10.h"
#include "security/base/log.h"
#include "security/base/mutex.h"
#include "server/control/detail/verbs.h"

namespace latent::server::control::detail {
namespace {

using storage::ingest::Feed;
using storage::ingest::StoreOutcome;

constexpr std::size_t kUnderWayMax = 64;

std::string_view word_for(const StoreOutcome& outcome) {
  switch (outcome.kind) {
    case StoreOutcome::Kind::stored:
      return "stored";
    case StoreOutcome::Kind::duplicate:
      return "duplicate";
    case StoreOutcome::Kind::new_version:
      return "new_version";
    case StoreOutcome::Kind::refused:
      return "refused";
  }
  return "refused";
}

/// Outcomes come from threads of the store verb, which must never wait for a client: they are
/// queued, and a thread of this conversation sends them. A file counts as under way until its
/// outcome is sent, which bounds the queue.
class Outcomes {
 public:
  explicit Outcomes(Channel& channel)
      : channel_(channel), sender_([this](const std::stop_token& stop) { send_queued(stop); }) {}
  ~Outcomes() {
    sender_.request_stop();
    wake_.notify_all();
  }

  void wait_for_place() { wait_until_fewer_than(kUnderWayMax); }
  void wait_for_all() { wait_until_fewer_than(1); }
  void begin() {
    const MutexLock lock(mutex_);
    ++under_way_;
  }
  void end(const std::string& file, const StoreOutcome& outcome) {
    const std::string word(word_for(outcome));
    nlohmann::json told{{"file", file}, {"kind", word}, {"text", outcome.text}};
    if (outcome.instance) told["instance"] = outcome.instance->text();
    if (!outcome.ok()) told["reason"] = storage::ingest::name_of(outcome.reason);
    const MutexLock lock(mutex_);
    ++counts_[word];
    queue_.push_back(std::move(told));
    wake_.notify_all();
  }
  /// For bytes that never became an object.
  void refuse(const std::string& file, std::string text) {
    begin();
    StoreOutcome outcome;
    outcome.reason = storage::ingest::Reason::not_understood;
    outcome.text = std::move(text);
    end(file, outcome);
  }
  std::map<std::string, std::uint64_t> counts() {
    const MutexLock lock(mutex_);
    return counts_;
  }

 private:
  void wait_until_fewer_than(std::size_t count) {
    MutexLock lock(mutex_);
    while (under_way_ >= count) wake_.wait(lock.native());
  }
  void send_queued(const std::stop_token& stop) {
    MutexLock lock(mutex_);
    while (true) {
      while (queue_.empty() && !stop.stop_requested()) wake_.wait(lock.native());
      if (queue_.empty()) return;
      const nlohmann::json told = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      // When the client is gone, receive() notices as well and ends the conversation.
      if (const auto sent = channel_.send_json({{"outcome", told}}); !sent)
        log::debug("an import's client is gone", "error", sent.error().text);
      lock.relock();
      --under_way_;
      wake_.notify_all();
    }
  }

  Channel& channel_;
  Mutex mutex_;
  std::condition_variable wake_;
  std::size_t under_way_ LATENT_GUARDED_BY(mutex_) = 0;
  std::deque<nlohmann::json> queue_ LATENT_GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> counts_ LATENT_GUARDED_BY(mutex_);
  std::jthread sender_;
};

/// feed() may say `wait`: this thread then waits for room.
class Room {
 public:
  void open() {
    const MutexLock lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  void pass(Feed feed) {
    if (feed == Feed::more) return;
    MutexLock lock(mutex_);
    while (!open_) wake_.wait(lock.native());
    open_ = false;
  }

 private:
  Mutex mutex_;
  std::condition_variable wake_;
  bool open_ LATENT_GUARDED_BY(mutex_) = false;
};

class FileImport {
 public:
  FileImport(Conversation& conversation, Outcomes& outcomes, std::string file)
      : conversation_(conversation),
        outcomes_(outcomes),
        file_(std::move(file)),
        head_(conversation.archive.config().limits) {}

  void take(ByteSpan bytes) {
    if (!refusal_.empty()) return;
    if (incoming_) return room_->pass(incoming_->feed(bytes));
    const auto complete = head_.feed(bytes);
    if (!complete) {
      refusal_ = complete.error().text;
    } else if (*complete) {
      begin();
    }
  }

  void finish() {
    if (!incoming_ && refusal_.empty()) {
      if (const auto ended = head_.finish(); ended)
        begin();
      else
        refusal_ = ended.error().text;
    }
    if (!refusal_.empty()) return outcomes_.refuse(file_, refusal_);
    outcomes_.begin();
    incoming_->finish([&outcomes = outcomes_, file = file_,
                       room = room_](const StoreOutcome& outcome) { outcomes.end(file, outcome); });
  }

 private:
  void begin() {
    const dicom::scanner::FileMeta& meta = head_.meta();
    if (meta.is_directory) {
      refusal_ = "is a DICOMDIR, not an object; import the folder that holds its files";
      return;
    }
    storage::ingest::StoreRequest request;
    request.transfer_syntax = meta.transfer_syntax;
    const ByteSpan head = head_.head();
    request.file_head.assign(head.begin(), head.end());
    request.file_name = file_;
    request.assumed_character_set = conversation_.archive.config().store.assumed_character_set;
    request.on_room = [room = room_] { room->open(); };
    incoming_ =
        conversation_.archive.store().begin(conversation_.authorisation, std::move(request));
    room_->pass(incoming_->feed(head_.rest()));
  }

  Conversation& conversation_;
  Outcomes& outcomes_;
  const std::string file_;
  dicom::scanner::Part10Reader head_;
  std::shared_ptr<Room> room_ = std::make_shared<Room>();
  std::unique_ptr<storage::ingest::Incoming> incoming_;
  std::string refusal_;
};

Result<void> receive_file(Conversation& conversation, Outcomes& outcomes, std::string file) {
  FileImport import(conversation, outcomes, std::move(file));
  while (true) {
    LATENT_TRY(const Frame frame, conversation.channel.receive());
    if (frame.type == Frame::Type::data) {
      import.take(frame.bytes);
    } else if (frame.type == Frame::Type::end) {
      outcomes.wait_for_place();
      import.finish();
      return {};
    } else {
      return fail(ErrorCode::cancelled, "the client gave up a file", "import");
    }
  }
}

}  // namespace

Result<nlohmann::json> import_files(Conversation& conversation) {
  Outcomes outcomes(conversation.channel);
  Result<void> received;
  while (received) {
    const auto next = conversation.channel.receive_json();
    if (!next) {
      received = fail(next.error());
    } else if (next->contains("end")) {
      break;
    } else {
      received = receive_file(conversation, outcomes, text_member(*next, "file"));
    }
  }
  outcomes.wait_for_all();
  if (!received) return fail(received.error());
  nlohmann::json counts = nlohmann::json::object();
  for (const auto& [word, count] : outcomes.counts()) counts[word] = count;
  return nlohmann::json{{"counts", counts}};
}

}  // namespace latent::server::control::detail
