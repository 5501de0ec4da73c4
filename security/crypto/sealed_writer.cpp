#include "security/crypto/sealed_writer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "security/crypto/detail/require.h"

namespace latent::security::crypto {
namespace {

constexpr std::string_view kFooterMagic = "LTNTEND1";

}  // namespace

SealedWriter::SealedWriter(const StudyKey& key, const BlobHead& head)
    : SealedWriter(make_blob_header(key, head), head) {}

SealedWriter::SealedWriter(const BlobOpening& opening, const BlobHead& head)
    : blob_id_(head.blob_id),
      chunk_bytes_(std::size_t{1} << head.chunk_log2),
      header_(opening.header),
      aead_(static_cast<AeadKind>(head.aead), opening.blob_key.reveal()) {
  // What we write, we must be able to read: the reader's own check on our header.
  detail::require(head.codec == 0 && parse_blob_header(header_).has_value(), "blob head");
}

void SealedWriter::set_data_set_offset(std::uint64_t offset) {
  detail::require(offset >= plaintext_bytes_ && offset <= std::numeric_limits<std::uint32_t>::max(),
                  "data-set offset");
  sha_.restart();
  data_set_offset_ = static_cast<std::uint32_t>(offset);
}

void SealedWriter::put_header(Bytes& sealed_out) {
  if (header_written_) return;
  append(sealed_out, header_);
  sealed_bytes_ += header_.size();
  header_written_ = true;
}

void SealedWriter::hash(ByteSpan plain) {
  const std::uint64_t first = data_set_offset_.value_or(0);
  const std::uint64_t skip =
      std::min<std::uint64_t>(first - std::min(first, plaintext_bytes_), plain.size());
  if (skip < plain.size()) sha_.update(plain.subspan(skip));
  plaintext_bytes_ += plain.size();
}

void SealedWriter::seal_chunk(ByteSpan plain, ChunkNonce what, Bytes& sealed_out) {
  const std::size_t at = sealed_out.size();
  const std::size_t bytes = plain.size() + kAeadTagBytes;
  sealed_out.resize(at + bytes);
  aead_.seal(blob_nonce(chunks_, what), header_, plain, MutableByteSpan(sealed_out).subspan(at));
  sealed_bytes_ += bytes;
}

void SealedWriter::write(ByteSpan plain, Bytes& sealed_out) {
  put_header(sealed_out);
  while (!plain.empty()) {
    // More bytes are here, so a full chunk that waits is not the last.
    if (pending_.size() == chunk_bytes_) {
      seal_chunk(pending_, ChunkNonce::chunk, sealed_out);
      ++chunks_;
      pending_.clear();
    }
    const std::size_t n = std::min(plain.size(), chunk_bytes_ - pending_.size());
    const ByteSpan piece = plain.first(n);
    hash(piece);
    if (pending_.empty() && plain.size() > chunk_bytes_) {
      seal_chunk(piece, ChunkNonce::chunk, sealed_out);
      ++chunks_;
    } else {
      append(pending_, piece);
    }
    plain = plain.subspan(n);
  }
}

void SealedWriter::finish(Manifest manifest, Bytes& sealed_out) {
  put_header(sealed_out);
  seal_chunk(pending_, ChunkNonce::last_chunk, sealed_out);
  ++chunks_;
  Bytes().swap(pending_);
  detail::require(data_set_offset_.value_or(0) <= plaintext_bytes_, "data-set offset");

  digest_ = sha_.finish();
  manifest.plaintext_bytes = plaintext_bytes_;
  manifest.payload_bytes = plaintext_bytes_;
  manifest.digest = digest_;
  manifest.data_set_offset = data_set_offset_;
  const Bytes tlv = encode_manifest(manifest);
  seal_chunk(tlv, ChunkNonce::manifest, sealed_out);

  append_le(sealed_out, static_cast<std::uint32_t>(tlv.size() + kAeadTagBytes));
  append_le<std::uint32_t>(sealed_out, 0);
  append_le<std::uint64_t>(sealed_out, plaintext_bytes_);
  append(sealed_out, as_bytes(kFooterMagic));
  sealed_bytes_ += kBlobFooterBytes;
}

}  // namespace latent::security::crypto
