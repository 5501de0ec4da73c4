#include "storage/ingest/detail/compare.h"

#include <algorithm>

#include "dicom/scanner/canonical.h"
#include "security/base/log.h"
#include "storage/ingest/detail/context.h"
#include "storage/ingest/detail/reseal.h"
#include "storage/ingest/detail/sealed_source.h"

namespace latent::storage::ingest::detail {
namespace {

using security::crypto::SealedReader;

constexpr std::size_t kPieceBytes = 256u << 10;

/// The canonical content of the data set in a sealed blob.
Result<dicom::scanner::CanonicalContent> content_of(SealedReader& blob,
                                                    std::uint64_t data_set_offset,
                                                    std::string_view transfer_syntax,
                                                    const Limits& limits) {
  dicom::scanner::CanonicalDigest digest(transfer_syntax, limits);
  Bytes piece(kPieceBytes);
  for (std::uint64_t at = data_set_offset; at < blob.length();) {
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, blob.length() - at));
    const MutableByteSpan part(piece.data(), size);
    LATENT_TRY_VOID(blob.read(at, part));
    LATENT_TRY_VOID(digest.feed(part));
    at += size;
  }
  return digest.finish();
}

Verdict judge(const dicom::scanner::ContentComparison& difference, DuplicatePolicy policy) {
  Verdict verdict;
  verdict.differing_tags = difference.header_differs;
  if (difference.same) {
    verdict.kind = Verdict::Kind::same_content;
  } else if (policy == DuplicatePolicy::replace ||
             (policy == DuplicatePolicy::versions && !difference.pixels_differ)) {
    verdict.kind = Verdict::Kind::new_version;
  } else {
    verdict.kind = Verdict::Kind::refused;
    verdict.text = difference.pixels_differ
                       ? "another object with other pixels is kept under this SOP Instance UID"
                       : "another object is kept under this SOP Instance UID";
  }
  return verdict;
}

}  // namespace

Result<Verdict> compare(const Pending& newcomer, const catalog::StoredInstance& kept,
                        const Config& config, blobs::BlobStore& blobs, keyring::KeyRing& keys) {
  const catalog::StoredInstance& stored = newcomer.instance.stored;
  LATENT_TRY(auto old_blob, open_kept(kept, config.store_id, blobs, keys));
  LATENT_TRY(auto old_content, content_of(old_blob, kept.data_set_offset,
                                          kept.transfer_syntax.text(), config.limits));
  LATENT_TRY(auto new_blob, open_newcomer(newcomer, config.store_id, blobs, keys));
  LATENT_TRY(auto new_content, content_of(new_blob, stored.data_set_offset,
                                          stored.transfer_syntax.text(), config.limits));

  Verdict verdict = judge(dicom::scanner::compare(old_content, new_content), config.duplicates);
  if (kept.study != stored.study && verdict.kind != Verdict::Kind::same_content) {
    // Never moves the first one (formats.md §4); somebody must look at the sender.
    verdict.kind = Verdict::Kind::refused;
    verdict.other_study = true;
    verdict.text = "this SOP Instance UID is kept under another study";
  }
  verdict.compared_with = kept.blob;
  return verdict;
}

void Context::compare_later(PendingPtr newcomer, catalog::StoredInstance kept) {
  auto held = std::make_shared<PendingPtr>(std::move(newcomer));
  const auto look = [this, held, kept = std::move(kept)] {
    PendingPtr instance = std::move(*held);
    auto verdict = compare(*instance, kept, config, blobs, keys);
    if (verdict && verdict->kind == Verdict::Kind::new_version) {
      if (auto done = reseal(*instance, kept.version + 1, kept.blob, config, blobs, keys); !done)
        verdict = fail(done.error());
    }
    if (!verdict) {
      log::error("a kept instance could not be compared with a newcomer", "blob", kept.blob.hex(),
                 "error", verdict.error().text);
      Verdict unknown;
      unknown.compared_with = kept.blob;
      unknown.text = "an object is kept under this SOP Instance UID and cannot be compared now";
      verdict = std::move(unknown);
    }
    instance->verdict = std::move(*verdict);
    commit.submit(std::move(instance));
  };
  if (!helpers.post(look)) look();
}

}  // namespace latent::storage::ingest::detail
