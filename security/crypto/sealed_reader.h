// Opens a sealed blob at any offset (formats.md §2). What its tag does not confirm is never handed
// out; every refusal carries the error word of formats.md in Error::where.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "security/crypto/blob_format.h"

namespace latent::security::crypto {

/// Finds the key for a header. Error not_found becomes "nokey"; other errors pass through.
using KeyLookup = std::function<Result<StudyKeyPtr>(const KeyId&)>;

/// Cost: open = 2 reads (header; tail of 1 KiB), 3 when the manifest is longer; read = one read per
/// chunk touched. Keeps the last chunk (or decompressed frame), so small reads in order open each
/// chunk once. Threads: one at a time. Memory: one chunk, and for codec 1 one frame more.
class SealedReader {
 public:
  /// Reads exactly out.size() sealed bytes at `offset` of the blob. Its errors pass through.
  using ReadAt = std::function<Result<void>(std::uint64_t offset, MutableByteSpan out)>;

  /// `sealed_bytes`: the blob's length from the catalog row or the record.
  /// Errors (corrupt): "truncated" "magic" "unsupported" "store" "nokey" "commitment" "length"
  /// "auth" "manifest".
  static Result<SealedReader> open(ReadAt read_at, std::uint64_t sealed_bytes,
                                   const KeyLookup& key_of, std::optional<StoreId> store = {});

  const BlobHead& head() const { return head_; }
  const Manifest& manifest() const { return manifest_; }
  /// Plaintext bytes.
  std::uint64_t length() const { return manifest_.plaintext_bytes; }

  /// Plaintext [offset, offset + out.size()). Errors: invalid_input "range"; corrupt "auth"
  /// "codec"; on an error `out` holds nothing of use and the response must be aborted.
  Result<void> read(std::uint64_t offset, MutableByteSpan out);
  /// Opens every chunk and compares the digest. Errors as read(), and corrupt "digest".
  Result<void> verify();

 private:
  SealedReader(ReadAt read_at, BlobHead head, BlobOpening opening);
  Result<void> open_manifest(std::uint64_t sealed_bytes);
  Result<void> check_codec();
  std::uint64_t chunk_plain_bytes(std::uint64_t index) const;
  Result<void> open_chunk(std::uint64_t index, MutableByteSpan out);
  Result<void> read_payload(std::uint64_t offset, MutableByteSpan out);
  Result<void> load_frame(std::uint64_t index);
  Result<void> read_frames(std::uint64_t offset, MutableByteSpan out);

  ReadAt read_at_;
  BlobHead head_;
  BlobHeaderBytes header_{};
  Aead aead_;
  Manifest manifest_{};
  std::uint64_t chunk_bytes_ = 0;
  std::uint64_t chunks_ = 0;
  Bytes sealed_;  // scratch for one sealed chunk
  Bytes chunk_;   // the last chunk opened for a partial read
  std::optional<std::uint64_t> chunk_index_{};
  Bytes frame_;  // codec 1: the last frame decompressed
  std::optional<std::uint64_t> frame_index_{};
  std::vector<std::uint64_t> frame_starts_;  // codec 1: payload offset of each frame
};

}  // namespace latent::security::crypto
