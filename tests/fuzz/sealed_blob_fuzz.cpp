// Arbitrary bytes to the readers of what lies on disk. The first byte chooses whom they meet:
// the blob reader as they are; the blob reader with manifest and payload of the fuzzer's making but
// properly sealed (what a thief of a key could write); the walk over records; ring entries.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "security/crypto/sealed_stream.h"
#include "security/keys/ring_entry.h"
#include "storage/blobs/record_walk.h"
#include "tests/fuzz/fuzz_check.h"

using namespace latent;
using namespace latent::security::crypto;
using latent::fuzz::fuzz_check;

namespace {

const StudyKeyPtr& key() {
  static const auto fixed = std::make_shared<const StudyKey>(KeyId{}, Secret<32>());
  return fixed;
}

bool is_error_word(std::string_view word) {
  constexpr std::string_view kWords[] = {"magic",  "unsupported", "auth",     "commitment",
                                         "length", "truncated",   "manifest", "codec",
                                         "digest", "range"};
  return std::ranges::find(kWords, word) != std::end(kWords);
}

void read_blob(ByteSpan blob) {
  const SealedReader::ReadAt read_at = [blob](std::uint64_t offset,
                                              MutableByteSpan out) -> Result<void> {
    fuzz_check(offset <= blob.size() && out.size() <= blob.size() - offset,
               "the reader stays inside the blob");
    std::ranges::copy(blob.subspan(offset, out.size()), out.begin());
    return {};
  };
  const KeyLookup any = [](const KeyId&) -> Result<StudyKeyPtr> { return key(); };
  auto reader = SealedReader::open(read_at, blob.size(), any);
  if (!reader) return fuzz_check(is_error_word(reader.error().where), "a word says what is wrong");
  Bytes piece(std::min<std::uint64_t>(reader->length(), 5000));
  const std::uint64_t behind = reader->length() - piece.size();
  for (const std::uint64_t at : {std::uint64_t{0}, behind / 2, behind}) {
    auto read = reader->read(at, piece);
    if (!read) fuzz_check(is_error_word(read.error().where), "a word says what is wrong");
  }
  fuzz_check(!reader->read(reader->length(), MutableByteSpan(piece).first(piece.empty() ? 0 : 1)) ||
                 piece.empty(),
             "nothing is read past the end");
  // Compressed plaintext may be far longer than the input: what is claimed is checked in pieces.
  if (reader->length() > 4u << 20) return;
  auto verified = reader->verify();
  if (!verified) fuzz_check(is_error_word(verified.error().where), "a word says what is wrong");
}

/// The input's first two bytes: codec and length of the manifest; then manifest, then payload.
void read_forged(ByteSpan input) {
  if (input.size() < 3) return;
  BlobHead head;
  head.codec = load_le<std::uint8_t>(input) & 1;
  head.chunk_log2 = 12;
  const std::size_t manifest_bytes =
      std::min<std::size_t>(load_le<std::uint16_t>(input, 1), input.size() - 3);
  const ByteSpan manifest = input.subspan(3, manifest_bytes);
  const ByteSpan payload = input.subspan(3 + manifest_bytes);

  const BlobOpening opening = make_blob_header(*key(), head);
  Aead aead(AeadKind::aes_256_gcm, opening.blob_key.reveal());
  Bytes blob(opening.header.begin(), opening.header.end());
  const auto seal = [&](std::uint64_t index, ChunkNonce what, ByteSpan plain) {
    const std::size_t at = blob.size();
    blob.resize(at + plain.size() + kAeadTagBytes);
    aead.seal(blob_nonce(index, what), opening.header, plain, MutableByteSpan(blob).subspan(at));
  };
  constexpr std::size_t kChunk = 4096;
  const std::uint64_t chunks = std::max<std::uint64_t>(1, (payload.size() + kChunk - 1) / kChunk);
  for (std::uint64_t i = 0; i < chunks; ++i) {
    const ByteSpan rest = payload.subspan(i * kChunk);
    seal(i, i + 1 == chunks ? ChunkNonce::last_chunk : ChunkNonce::chunk,
         rest.first(std::min(kChunk, rest.size())));
  }
  seal(chunks, ChunkNonce::manifest, manifest);
  append_le(blob, static_cast<std::uint32_t>(manifest.size() + kAeadTagBytes));
  append_le<std::uint32_t>(blob, 0);
  append_le<std::uint64_t>(blob, payload.size());
  append(blob, as_bytes("LTNTEND1"));
  read_blob(blob);
}

void walk(ByteSpan file) {
  namespace blobs = storage::blobs;
  const blobs::ReadSome read = [file](std::uint64_t offset,
                                      MutableByteSpan out) -> Result<std::size_t> {
    fuzz_check(offset <= file.size(), "the walk stays inside the file");
    const std::size_t n = std::min<std::size_t>(out.size(), file.size() - offset);
    std::ranges::copy(file.subspan(offset, n), out.begin());
    return n;
  };
  (void)blobs::parse_file_header(file, blobs::kSegmentMagic);
  std::uint64_t before = 0;
  const auto end = blobs::walk_records(
      read, 0, file.size(), blobs::PayloadCheck::crc, [&](const blobs::RecordView& record) {
        fuzz_check(record.offset >= before && record.offset % 8 == 0, "the walk goes forward");
        fuzz_check(record.damage == "torn" || record.damage == "gap" ||
                       record.damage == "unsupported" ||
                       record.payload_offset() + record.header.payload_bytes <= file.size(),
                   "a record lies inside the file");
        before = record.offset + 8;
        return true;
      });
  fuzz_check(end.has_value(), "damage is no error");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan input = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0] % 5) {
    case 0:
      read_blob(input);
      break;
    case 1:
      read_forged(input);
      break;
    case 2:
      walk(input);
      break;
    case 3:
      (void)security::keys::parse_ring_entry(input);
      break;
    default:
      (void)decode_manifest(input);
      break;
  }
  return 0;
}
