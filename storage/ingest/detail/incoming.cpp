#include "storage/ingest/detail/incoming.h"

#include "dicom/writer/file_meta.h"
#include "security/base/fail_point.h"
#include "security/crypto/crc32c.h"
#include "storage/catalog/attribute_blob.h"
#include "storage/catalog/attributes.h"

namespace latent::storage::ingest::detail {

IncomingInstance::IncomingInstance(Context& context, security::access::Caller caller,
                                   StoreRequest request)
    : context_(context),
      caller_(std::move(caller)),
      request_(std::move(request)),
      received_us_(context_.clock.now_us()),
      scanner_(request_.transfer_syntax, context_.config.limits, catalog::wanted_tags()),
      lease_(context_.budget) {
  if (const auto room = context_.blobs.check_room(); !room)
    refuse(Reason::no_room, "the archive has no room left, send again later");
}

void IncomingInstance::refuse(Reason reason, std::string text) {
  if (failed_) return;
  failed_ = true;
  reason_ = reason;
  text_ = std::move(text);
  drop();
}

void IncomingInstance::abandon() {
  const MutexLock lock(mutex_);
  if (finish_later_) return;  // all bytes are here: its outcome is still to come
  abandoned_ = true;
  if (!waiting_for_key_) drop();
}

void IncomingInstance::drop() {
  if (spool_) std::exchange(spool_, nullptr)->abandon();
  context_.buffers.give_back(std::exchange(sealed_, {}));
  held_ = {};
  lease_.reset();
}

Feed IncomingInstance::feed(ByteSpan bytes) {
  fail_point::reach("recv.partial");
  fed_bytes_ += bytes.size();
  if (!failed_ && fed_bytes_ > context_.config.limits.object_bytes_max)
    refuse(Reason::not_understood, "the object is larger than this archive takes");
  if (failed_) return Feed::more;  // the sender is heard out
  if (const auto scanned = scanner_.feed(bytes); !scanned) {
    refuse(Reason::not_understood, scanned.error().text);
    return Feed::more;
  }
  return key_ ? seal(bytes) : hold_head(bytes);
}

// The study decides the key, so the head of the data set is held until (0020,000D) has passed.
Feed IncomingInstance::hold_head(ByteSpan bytes) {
  append(held_, bytes);
  const auto study = scanner_.study();
  if (!study) {
    refuse(Reason::not_understood, study.error().text);
  } else if (*study) {
    study_ = **study;
    return fetch_key(**study);
  } else if (held_.size() > context_.config.limits.head_bytes_max) {
    refuse(Reason::not_understood,
           "Study Instance UID (0020,000D) does not come within the first " +
               std::to_string(context_.config.limits.head_bytes_max) + " bytes");
  }
  return Feed::more;
}

Feed IncomingInstance::fetch_key(const StudyUid& study) {
  if (auto cached = context_.keys.cached(study)) {
    begin_sealing(std::move(cached));
    return Feed::more;
  }
  {
    const MutexLock lock(mutex_);
    waiting_for_key_ = true;
  }
  const bool posted =
      context_.helpers.post([self = shared_from_this(), study] { self->key_arrived(study); });
  if (posted) return Feed::wait;
  waiting_for_key_ = false;
  refuse(Reason::cancelled, "the archive is stopping");
  return Feed::more;
}

void IncomingInstance::key_arrived(const StudyUid& study) {
  auto key = context_.keys.get_or_create(study);
  std::function<void(StoreOutcome)> finish_now;
  {
    const MutexLock lock(mutex_);
    waiting_for_key_ = false;
    if (abandoned_) return;
    if (key)
      begin_sealing(std::move(*key));
    else
      refuse(Reason::unavailable, "the archive's database does not answer, send again later");
    finish_now = std::exchange(finish_later_, nullptr);
  }
  if (finish_now)
    finish(std::move(finish_now));
  else
    request_.on_room();
}

Bytes IncomingInstance::file_head() const {
  if (!request_.file_head.empty()) return request_.file_head;
  return dicom::writer::file_head(
      {.sop_class = request_.expected_class ? request_.expected_class->text() : std::string_view{},
       .sop_instance =
           request_.expected_instance ? request_.expected_instance->text() : std::string_view{},
       .transfer_syntax = request_.transfer_syntax,
       .source_ae_title = {}});
}

void IncomingInstance::begin_sealing(security::crypto::StudyKeyPtr key) {
  key_ = std::move(key);
  security::crypto::BlobHead head;
  head.blob_id = security::crypto::random_id<BlobId>();
  head.store_id = context_.config.store_id;
  writer_.emplace(*key_, head);
  sealed_ = context_.buffers.take();
  writer_->write(file_head(), sealed_);
  writer_->begin_data_set();
  writer_->write(std::exchange(held_, {}), sealed_);
}

Feed IncomingInstance::seal(ByteSpan bytes) {
  writer_->write(bytes, sealed_);
  return relieve();
}

// Past its share an object moves to a file of its own, what was held goes first.
Feed IncomingInstance::relieve() {
  if (!spool_) {
    if (sealed_.size() <= context_.config.held_bytes_free) return Feed::more;
    if (sealed_.size() <= context_.config.held_bytes_max && lease_.grow_to(sealed_.size()))
      return Feed::more;
    spool_ = std::make_shared<Spool>(context_.blobs, writer_->blob_id(), context_.helpers);
    lease_.reset();
  } else if (sealed_.size() < (256u << 10)) {
    return Feed::more;
  }
  const auto on_room = [self = shared_from_this()] { self->request_.on_room(); };
  return spool_->push(std::exchange(sealed_, {}), on_room) ? Feed::more : Feed::wait;
}

bool IncomingInstance::matches_announcement(const dicom::scanner::DatasetIndex& index) {
  if (request_.expected_class && *request_.expected_class != index.sop_class) {
    refuse(Reason::class_mismatch, "SOP Class UID of the data set is not the announced one");
  } else if (request_.expected_instance && *request_.expected_instance != index.sop_instance) {
    refuse(Reason::instance_mismatch, "SOP Instance UID of the data set is not the announced one");
  }
  return !failed_;
}

void IncomingInstance::finish(std::function<void(StoreOutcome)> done) {
  {
    const MutexLock lock(mutex_);
    if (waiting_for_key_) {
      finish_later_ = std::move(done);
      return;
    }
  }
  if (!failed_) {
    auto index = scanner_.finish();
    if (!index)
      refuse(Reason::not_understood, index.error().text);
    else if (matches_announcement(*index))
      return complete(std::move(*index), std::move(done));
  }
  Refusal refusal;
  refusal.caller = caller_;
  refusal.outcome.reason = reason_;
  refusal.outcome.text = text_;
  refusal.outcome.study = study_;
  refusal.outcome.instance = request_.expected_instance;
  refusal.outcome.bytes = fed_bytes_;
  refusal.done = std::move(done);
  context_.commit.submit(std::move(refusal));
}

// Part of patient identity in the catalog; the object's own bytes stay as they came.
void IncomingInstance::assume_issuer(dicom::scanner::DatasetIndex& index) const {
  if (request_.assumed_issuer.empty()) return;
  dicom::scanner::RawValue& issuer = index.attributes[dicom::model::tags::kIssuerOfPatientId];
  const std::string_view sent = as_text(issuer.bytes);
  if (sent.find_first_not_of(std::string_view(" \0", 2)) != std::string_view::npos) return;
  const ByteSpan assumed = as_bytes(request_.assumed_issuer);
  issuer = {.vr = dicom::model::vrs::kLO, .bytes = Bytes(assumed.begin(), assumed.end())};
}

void IncomingInstance::complete(dicom::scanner::DatasetIndex index,
                                std::function<void(StoreOutcome)> done) {
  assume_issuer(index);
  const auto transfer_syntax = TransferSyntaxUid::parse(request_.transfer_syntax);
  security::crypto::Manifest manifest;
  manifest.sop_class = index.sop_class;
  manifest.sop_instance = index.sop_instance;
  manifest.study = index.study;
  manifest.series = index.series;
  manifest.transfer_syntax = transfer_syntax;
  manifest.received_us = received_us_;
  manifest.source = caller_.name;
  manifest.version = 0;
  if (request_.file_name) manifest.original_file_name.emplace(*request_.file_name);
  const std::uint64_t data_set_offset = writer_->plaintext_bytes() - fed_bytes_;
  writer_->finish(std::move(manifest), sealed_);
  fail_point::reach("seal.done");

  auto pending = std::make_unique<Pending>(Pending{
      .instance = {.stored = {.sop_instance = index.sop_instance,
                              .sop_class = index.sop_class,
                              .study = index.study,
                              .series = index.series,
                              .transfer_syntax = *transfer_syntax,
                              .blob = writer_->blob_id(),
                              .key = key_->id(),
                              .location = {},
                              .digest = writer_->digest(),
                              .plaintext_bytes = writer_->plaintext_bytes(),
                              .data_set_offset = static_cast<std::uint32_t>(data_set_offset),
                              .version = 0,
                              .received_us = received_us_},
                   .index = {},
                   .source = caller_.name,
                   .assumed_character_set = request_.assumed_character_set,
                   .sealed_attributes =
                       catalog::seal_attributes(index.attribute_set, *key_, index.sop_instance)},
      .key = key_,
      .lease = std::move(lease_),
      .caller = caller_,
      .done = std::move(done)});
  pending->outcome.study = index.study;
  pending->outcome.instance = index.sop_instance;
  pending->outcome.bytes = fed_bytes_;
  pending->outcome.notes = index.notes;
  index.attribute_set = {};
  pending->instance.index = std::make_shared<const dicom::scanner::DatasetIndex>(std::move(index));

  if (!spool_) {
    pending->sealed_crc32c = security::crypto::crc32c(sealed_);
    pending->sealed = std::exchange(sealed_, {});
    return context_.commit.submit(std::move(pending));
  }
  spool_->push(std::exchange(sealed_, {}), [] {});
  // The file is durable before its row is: it joins its group only then.
  std::exchange(spool_, nullptr)
      ->finish([&context = context_, held = std::make_shared<PendingPtr>(std::move(pending))](
                   Result<blobs::BlobLocation> location) {
        PendingPtr instance = std::move(*held);
        if (location) {
          instance->instance.stored.location = *location;
          instance->in_own_file = instance->appended = true;
          return context.commit.submit(std::move(instance));
        }
        Refusal refusal;
        refusal.caller = instance->caller;
        refusal.outcome = std::move(instance->outcome);
        refusal.outcome.reason =
            location.error().code == ErrorCode::exhausted ? Reason::no_room : Reason::unavailable;
        refusal.outcome.text = "the archive cannot write at present, send again later";
        refusal.done = std::move(instance->done);
        context.commit.submit(std::move(refusal));
      });
}

}  // namespace latent::storage::ingest::detail
