// One instance on its way in: scanned and sealed while its bytes stream by.
#pragma once

#include <memory>
#include <string>

#include "dicom/scanner/dataset_index.h"
#include "security/crypto/sealed_writer.h"
#include "storage/ingest/detail/context.h"
#include "storage/ingest/detail/spool.h"

namespace latent::storage::ingest::detail {

/// The states: head (bytes held until the study is known) → waiting for the key → sealing; or
/// failed (bytes are heard out and dropped). Touched by the feeding thread only, except while
/// feed() has said `wait`: then the helper that fetches the key owns it until on_room.
class IncomingInstance : public std::enable_shared_from_this<IncomingInstance> {
 public:
  IncomingInstance(Context& context, security::access::Caller caller, StoreRequest request);
  Feed feed(ByteSpan bytes);
  void finish(std::function<void(StoreOutcome)> done);
  /// The sender is gone. The only call that may come while a helper owns the object.
  void abandon();

 private:
  void drop();
  void refuse(Reason reason, std::string text);
  Feed hold_head(ByteSpan bytes);
  Feed fetch_key(const StudyUid& study);
  void key_arrived(const StudyUid& study);
  void begin_sealing(security::crypto::StudyKeyPtr key);
  Feed seal(ByteSpan bytes);
  Feed relieve();
  void assume_issuer(dicom::scanner::DatasetIndex& index) const;
  bool matches_announcement(const dicom::scanner::DatasetIndex& index);
  void complete(dicom::scanner::DatasetIndex index, std::function<void(StoreOutcome)> done);
  Bytes file_head() const;

  Context& context_;
  const security::access::Caller caller_;
  StoreRequest request_;
  TimeUs received_us_;

  dicom::scanner::DatasetScanner scanner_;
  Bytes held_;  ///< before the key is there
  security::crypto::StudyKeyPtr key_;
  std::optional<security::crypto::SealedWriter> writer_;
  Bytes sealed_;
  Budget::Lease lease_;
  std::shared_ptr<Spool> spool_;
  std::uint64_t fed_bytes_ = 0;
  std::optional<StudyUid> study_;
  Mutex mutex_;  ///< between abandon() and the helper that fetches the key
  bool abandoned_ = false;
  bool waiting_for_key_ = false;
  std::function<void(StoreOutcome)> finish_later_;  ///< finish() came before the key
  bool failed_ = false;
  Reason reason_ = Reason::none;
  std::string text_;
};

}  // namespace latent::storage::ingest::detail
