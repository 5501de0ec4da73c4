#include "security/crypto/sealed_reader.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "security/crypto/sha256.h"

namespace latent::security::crypto {
namespace {

constexpr std::string_view kFooterMagic = "LTNTEND1";
// Footer and a manifest of the usual size in one read (UIDs of 64 characters need about 600 bytes).
constexpr std::uint64_t kTailBytes = 1024;
constexpr std::size_t kVerifyBytes = 256u << 10;

tl::unexpected<Error> broken(const BlobId& id, std::string_view what, std::string word) {
  return fail(ErrorCode::corrupt, "blob " + id.hex() + ": " + std::string(what), std::move(word));
}

Result<StudyKeyPtr> look_up(const KeyLookup& key_of, const BlobHead& head) {
  auto key = key_of(head.key_id);
  if (!key && key.error().code == ErrorCode::not_found)
    return broken(head.blob_id, "its key " + head.key_id.hex() + " is not in the ring", "nokey");
  return key;
}

}  // namespace

SealedReader::SealedReader(ReadAt read_at, BlobHead head, BlobOpening opening)
    : read_at_(std::move(read_at)),
      head_(head),
      header_(opening.header),
      aead_(static_cast<AeadKind>(head.aead), opening.blob_key.reveal()),
      chunk_bytes_(std::uint64_t{1} << head.chunk_log2) {}

Result<SealedReader> SealedReader::open(ReadAt read_at, std::uint64_t sealed_bytes,
                                        const KeyLookup& key_of, std::optional<StoreId> store) {
  if (sealed_bytes < kBlobBytesMin)
    return fail(ErrorCode::corrupt, "a blob ends before its footer", "truncated");
  BlobHeaderBytes header;
  LATENT_TRY_VOID(read_at(0, header));
  LATENT_TRY(const BlobHead head, parse_blob_header(header));
  if (store && *store != head.store_id)
    return broken(head.blob_id, "it belongs to another archive", "store");
  LATENT_TRY(const StudyKeyPtr key, look_up(key_of, head));
  LATENT_TRY(BlobOpening opening, open_blob_header(*key, header));
  SealedReader reader(std::move(read_at), head, std::move(opening));
  LATENT_TRY_VOID(reader.open_manifest(sealed_bytes));
  return reader;
}

Result<void> SealedReader::open_manifest(std::uint64_t sealed_bytes) {
  Bytes tail(std::min(kTailBytes, sealed_bytes - kBlobHeaderBytes));
  LATENT_TRY_VOID(read_at_(sealed_bytes - tail.size(), tail));
  const ByteSpan footer = ByteSpan(tail).last(kBlobFooterBytes);
  if (as_text(footer.subspan(16)) != kFooterMagic || load_le<std::uint32_t>(footer, 4) != 0)
    return broken(head_.blob_id, "it does not end with a footer", "truncated");

  // The footer is a hint that anybody can edit: it must add up before anything is sized by it.
  const std::uint64_t manifest_bytes = load_le<std::uint32_t>(footer);
  const std::uint64_t payload_bytes = load_le<std::uint64_t>(footer, 8);
  const std::uint64_t body = sealed_bytes - kBlobHeaderBytes - kBlobFooterBytes;
  if (manifest_bytes > kManifestBytesMax || manifest_bytes > body || payload_bytes > body)
    return broken(head_.blob_id, "the lengths in its footer do not fit", "length");
  chunks_ = std::max<std::uint64_t>(1, (payload_bytes + chunk_bytes_ - 1) / chunk_bytes_);
  if (payload_bytes + chunks_ * kAeadTagBytes + manifest_bytes != body)
    return broken(head_.blob_id, "the lengths in its footer do not add up", "length");

  const std::uint64_t end = kBlobFooterBytes + manifest_bytes;
  if (end > tail.size()) {
    tail.resize(end);
    LATENT_TRY_VOID(read_at_(sealed_bytes - end, tail));
  }
  const ByteSpan sealed = ByteSpan(tail).last(end).first(manifest_bytes);
  Bytes tlv(manifest_bytes < kAeadTagBytes ? 0 : manifest_bytes - kAeadTagBytes);
  if (!aead_.open(blob_nonce(chunks_, ChunkNonce::manifest), header_, sealed, tlv))
    return broken(head_.blob_id, "its manifest does not verify", "auth");
  LATENT_TRY(manifest_, decode_manifest(tlv));

  if (manifest_.payload_bytes != payload_bytes ||
      (head_.codec == 0 && manifest_.plaintext_bytes != payload_bytes))
    return broken(head_.blob_id, "manifest and footer name different lengths", "length");
  if (manifest_.data_set_offset.value_or(0) > manifest_.plaintext_bytes)
    return broken(head_.blob_id, "its data set begins behind its end", "manifest");
  if (head_.codec == 1) return check_codec();
  return {};
}

Result<void> SealedReader::check_codec() {
  const std::uint64_t frame = manifest_.codec_frame_bytes.value_or(0);
  const auto& lengths = manifest_.codec_frame_lengths;
  if (frame == 0) return broken(head_.blob_id, "it names no codec frame size", "manifest");
  if (frame > kCodecFrameBytesMax)
    return broken(head_.blob_id, "its codec frames are larger than we open", "unsupported");
  if (lengths.size() !=
      manifest_.plaintext_bytes / frame + (manifest_.plaintext_bytes % frame != 0))
    return broken(head_.blob_id, "its seek table has the wrong number of frames", "manifest");
  frame_starts_.assign(1, 0);
  frame_starts_.reserve(lengths.size() + 1);
  for (std::uint32_t n : lengths) frame_starts_.push_back(frame_starts_.back() + n);
  if (frame_starts_.back() != manifest_.payload_bytes)
    return broken(head_.blob_id, "its seek table does not add up", "length");
  return {};
}

std::uint64_t SealedReader::chunk_plain_bytes(std::uint64_t index) const {
  return std::min(chunk_bytes_, manifest_.payload_bytes - index * chunk_bytes_);
}

Result<void> SealedReader::open_chunk(std::uint64_t index, MutableByteSpan out) {
  const std::size_t bytes = out.size() + kAeadTagBytes;
  if (sealed_.size() < bytes) sealed_.resize(bytes);
  const MutableByteSpan sealed = MutableByteSpan(sealed_).first(bytes);
  LATENT_TRY_VOID(read_at_(kBlobHeaderBytes + index * (chunk_bytes_ + kAeadTagBytes), sealed));
  const ChunkNonce what = index + 1 == chunks_ ? ChunkNonce::last_chunk : ChunkNonce::chunk;
  if (!aead_.open(blob_nonce(index, what), header_, sealed, out))
    return broken(head_.blob_id, "chunk " + std::to_string(index) + " does not verify", "auth");
  return {};
}

Result<void> SealedReader::read_payload(std::uint64_t offset, MutableByteSpan out) {
  while (!out.empty()) {
    const std::uint64_t index = offset / chunk_bytes_;
    const std::uint64_t inside = offset % chunk_bytes_;
    const std::uint64_t plain_bytes = chunk_plain_bytes(index);
    const std::size_t n = std::min<std::uint64_t>(plain_bytes - inside, out.size());
    if (n == plain_bytes && chunk_index_ != index) {
      LATENT_TRY_VOID(open_chunk(index, out.first(n)));  // whole: straight to where it is wanted
    } else {
      if (chunk_index_ != index) {
        chunk_index_.reset();
        chunk_.resize(plain_bytes);
        LATENT_TRY_VOID(open_chunk(index, chunk_));
        chunk_index_ = index;
      }
      std::memcpy(out.data(), chunk_.data() + inside, n);
    }
    out = out.subspan(n);
    offset += n;
  }
  return {};
}

Result<void> SealedReader::load_frame(std::uint64_t index) {
  if (frame_index_ == index) return {};
  frame_index_.reset();
  const std::uint64_t frame_bytes = *manifest_.codec_frame_bytes;
  const std::uint64_t packed_bytes = manifest_.codec_frame_lengths[index];
  const std::string what = "codec frame " + std::to_string(index) + " does not decompress";
  if (packed_bytes > ZSTD_compressBound(frame_bytes)) return broken(head_.blob_id, what, "codec");
  Bytes packed(packed_bytes);
  LATENT_TRY_VOID(read_payload(frame_starts_[index], packed));
  frame_.resize(std::min(frame_bytes, manifest_.plaintext_bytes - index * frame_bytes));
  const std::size_t n = ZSTD_decompress(frame_.data(), frame_.size(), packed.data(), packed.size());
  if (ZSTD_isError(n) != 0 || n != frame_.size()) return broken(head_.blob_id, what, "codec");
  frame_index_ = index;
  return {};
}

Result<void> SealedReader::read_frames(std::uint64_t offset, MutableByteSpan out) {
  const std::uint64_t frame_bytes = *manifest_.codec_frame_bytes;
  while (!out.empty()) {
    LATENT_TRY_VOID(load_frame(offset / frame_bytes));
    const std::uint64_t inside = offset % frame_bytes;
    const std::size_t n = std::min<std::uint64_t>(frame_.size() - inside, out.size());
    std::memcpy(out.data(), frame_.data() + inside, n);
    out = out.subspan(n);
    offset += n;
  }
  return {};
}

Result<void> SealedReader::read(std::uint64_t offset, MutableByteSpan out) {
  if (offset > length() || out.size() > length() - offset)
    return fail(ErrorCode::invalid_input,
                "blob " + head_.blob_id.hex() + ": the range asked for lies outside", "range");
  return head_.codec == 0 ? read_payload(offset, out) : read_frames(offset, out);
}

Result<void> SealedReader::verify() {
  if (manifest_.payload_bytes == 0) LATENT_TRY_VOID(open_chunk(0, {}));
  const std::uint64_t data_set = manifest_.data_set_offset.value_or(0);
  Sha256 sha;
  Bytes buffer(
      std::min<std::uint64_t>(std::max<std::uint64_t>(chunk_bytes_, kVerifyBytes), length()));
  // What an earlier read left may no longer be what is stored.
  chunk_index_.reset();
  frame_index_.reset();
  for (std::uint64_t at = 0; at < length();) {
    const auto piece =
        MutableByteSpan(buffer).first(std::min<std::uint64_t>(buffer.size(), length() - at));
    LATENT_TRY_VOID(read(at, piece));
    const std::uint64_t skip =
        std::min<std::uint64_t>(data_set - std::min(data_set, at), piece.size());
    sha.update(piece.subspan(skip));
    at += piece.size();
  }
  if (sha.finish() != manifest_.digest)
    return broken(head_.blob_id, "its plaintext is not the one that was stored", "digest");
  return {};
}

}  // namespace latent::security::crypto
