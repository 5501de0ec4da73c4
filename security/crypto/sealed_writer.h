// Seals a plaintext while it streams by (formats.md §2): chunk by chunk, SHA-256 in the same pass.
#pragma once

#include <cstdint>

#include "security/crypto/blob_format.h"
#include "security/crypto/sha256.h"

namespace latent::security::crypto {

/// Usage: write()… finish(). The sealed bytes are appended to the buffers that the caller hands in,
/// which it may empty in between; joined they are the blob. Holds at most one chunk of plaintext,
/// since a chunk's nonce says whether it is the last. Reserve `sealed_out` when the size is known.
/// Threads: one at a time.
class SealedWriter {
 public:
  /// head.codec must be 0: compression is not written yet.
  SealedWriter(const StudyKey& key, const BlobHead& head);

  /// The next byte written is the first of the data set: the digest starts there (tag 9).
  void begin_data_set() { set_data_set_offset(plaintext_bytes_); }
  /// The same ahead of time; `offset` is not below plaintext_bytes() and fits 32 bits.
  void set_data_set_offset(std::uint64_t offset);

  /// Appends the header (first time) and every chunk that is known not to be the last.
  void write(ByteSpan plain, Bytes& sealed_out);
  /// Appends the last chunk, the manifest (lengths, digest and tag 9 filled in here) and the
  /// footer. To be called once, last.
  void finish(Manifest manifest, Bytes& sealed_out);

  std::uint64_t plaintext_bytes() const { return plaintext_bytes_; }
  /// Sealed bytes handed out so far; after finish() the blob's length.
  std::uint64_t sealed_bytes() const { return sealed_bytes_; }
  /// After finish(): SHA-256 of the plaintext from the data-set offset to its end.
  const Digest& digest() const { return digest_; }
  const BlobId& blob_id() const { return blob_id_; }

 private:
  SealedWriter(const BlobOpening& opening, const BlobHead& head);
  void put_header(Bytes& sealed_out);
  void hash(ByteSpan plain);
  void seal_chunk(ByteSpan plain, ChunkNonce what, Bytes& sealed_out);

  BlobId blob_id_;
  std::size_t chunk_bytes_;
  BlobHeaderBytes header_{};
  Aead aead_;
  Sha256 sha_;
  Bytes pending_;  // plaintext of the current chunk, up to and including a full one
  bool header_written_ = false;
  std::uint64_t chunks_ = 0;
  std::uint64_t plaintext_bytes_ = 0;
  std::uint64_t sealed_bytes_ = 0;
  std::optional<std::uint32_t> data_set_offset_{};
  Digest digest_{};
};

}  // namespace latent::security::crypto
