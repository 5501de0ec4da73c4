#include "security/crypto/blob_format.h"

#include <algorithm>
#include <bitset>
#include <string_view>

#include "security/crypto/hkdf.h"

namespace latent::security::crypto {
namespace {

constexpr std::string_view kMagic = "LTNTBLB1";
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kKeyInfo = "latent.blob.v1";

// Offsets of formats.md §2.
constexpr std::size_t kVersionAt = 8, kAeadAt = 10, kCodecAt = 11, kChunkLog2At = 12, kKindAt = 13,
                      kFlagsAt = 14, kBlobIdAt = 16, kKeyIdAt = 32, kStoreIdAt = 48,
                      kReservedAt = 56, kCommitmentAt = 64;

Secret<64> derive(const StudyKey& key, ByteSpan header) {
  Bytes info;
  append(info, as_bytes(kKeyInfo));
  append(info, header.first(kCommitmentAt));
  Secret<64> derived;
  hkdf_sha256(key.secret().reveal(), header.subspan(kBlobIdAt, 16), info, derived.writable());
  return derived;
}

void copy_to(MutableByteSpan to, std::size_t at, ByteSpan from) {
  std::ranges::copy(from, to.begin() + static_cast<std::ptrdiff_t>(at));
}

template <class Id>
Id id_at(ByteSpan bytes, std::size_t at) {
  Id id;
  std::ranges::copy(bytes.subspan(at, id.bytes.size()), id.bytes.begin());
  return id;
}

enum Tag : std::uint16_t {
  plaintext_bytes = 1,
  payload_bytes = 2,
  digest = 3,
  sop_class = 4,
  sop_instance = 5,
  study = 6,
  series = 7,
  transfer_syntax = 8,
  data_set_offset = 9,
  received = 10,
  source = 11,
  version = 12,
  replaced = 13,
  codec_frame_lengths = 14,
  pixel_frame_offsets = 15,
  codec_frame_bytes = 16,
  original_file_name = 18,
};

class TlvWriter {
 public:
  void bytes(Tag tag, ByteSpan value) {
    append_le<std::uint16_t>(out_, tag);
    append_le(out_, static_cast<std::uint32_t>(value.size()));
    append(out_, value);
  }
  template <std::unsigned_integral T>
  void integer(Tag tag, T value) {
    bytes(tag, std::as_bytes(std::span(&value, 1)));
  }
  void text(Tag tag, std::string_view value) { bytes(tag, as_bytes(value)); }
  template <class U>
  void uid(Tag tag, const std::optional<U>& value) {
    if (value) text(tag, value->text());
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

template <std::unsigned_integral T>
bool read_integer(ByteSpan value, auto& to) {
  if (value.size() != sizeof(T)) return false;
  to = static_cast<std::remove_reference_t<decltype(to)>>(load_le<T>(value));
  return true;
}
template <class Optional>
bool read_parsed(Optional parsed, Optional& to) {
  to = parsed;
  return parsed.has_value();
}
template <class U>
bool read_uid(ByteSpan value, std::optional<U>& to) {
  return read_parsed(U::parse(as_text(value)), to);
}
template <std::unsigned_integral T>
bool read_array(ByteSpan value, std::vector<T>& to) {
  if (value.size() % sizeof(T) != 0) return false;
  to.resize(value.size() / sizeof(T));
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = load_le<T>(value, i * sizeof(T));
  return true;
}

/// False when the value does not have the tag's shape. Unknown tags are skipped.
bool read_value(std::uint16_t tag, ByteSpan value, Manifest& m) {
  switch (tag) {
    case plaintext_bytes:
      return read_integer<std::uint64_t>(value, m.plaintext_bytes);
    case payload_bytes:
      return read_integer<std::uint64_t>(value, m.payload_bytes);
    case digest: {
      const auto parsed = Digest::from(value);
      if (parsed) m.digest = *parsed;
      return parsed.has_value();
    }
    case sop_class:
      return read_uid(value, m.sop_class);
    case sop_instance:
      return read_uid(value, m.sop_instance);
    case study:
      return read_uid(value, m.study);
    case series:
      return read_uid(value, m.series);
    case transfer_syntax:
      return read_uid(value, m.transfer_syntax);
    case data_set_offset:
      return read_integer<std::uint32_t>(value, m.data_set_offset.emplace());
    case received:
      return read_integer<std::uint64_t>(value, m.received_us.emplace());
    case source:
      m.source = std::string(as_text(value));
      return true;
    case version:
      return read_integer<std::uint32_t>(value, m.version.emplace());
    case replaced:
      return read_parsed(BlobId::from(value), m.replaced);
    case codec_frame_lengths:
      return read_array(value, m.codec_frame_lengths);
    case pixel_frame_offsets:
      return read_array(value, m.pixel_frame_offsets);
    case codec_frame_bytes:
      return read_integer<std::uint32_t>(value, m.codec_frame_bytes.emplace());
    case original_file_name:
      m.original_file_name = Phi<std::string>(std::string(as_text(value)));
      return true;
    default:
      return true;
  }
}

tl::unexpected<Error> broken_manifest(std::string what) {
  return fail(ErrorCode::corrupt, "the manifest of a blob " + std::move(what), "manifest");
}

}  // namespace

BlobOpening make_blob_header(const StudyKey& key, BlobHead head) {
  BlobOpening opening;
  const MutableByteSpan h = opening.header;
  copy_to(h, 0, as_bytes(kMagic));
  store_le<std::uint16_t>(h, kVersionAt, kVersion);
  store_le<std::uint8_t>(h, kAeadAt, head.aead);
  store_le<std::uint8_t>(h, kCodecAt, head.codec);
  store_le<std::uint8_t>(h, kChunkLog2At, head.chunk_log2);
  store_le<std::uint8_t>(h, kKindAt, head.kind);
  copy_to(h, kBlobIdAt, head.blob_id.bytes);
  copy_to(h, kKeyIdAt, key.id().bytes);
  copy_to(h, kStoreIdAt, head.store_id.bytes);
  const Secret<64> derived = derive(key, h);
  opening.blob_key = Secret<32>(derived.reveal().first<32>());
  copy_to(h, kCommitmentAt, derived.reveal().last<32>());
  return opening;
}

Result<BlobHead> parse_blob_header(const BlobHeaderBytes& header) {
  const ByteSpan h = header;
  if (as_text(h.first(kMagic.size())) != kMagic)
    return fail(ErrorCode::corrupt, "no sealed blob begins here", "magic");
  BlobHead head;
  head.aead = load_le<std::uint8_t>(h, kAeadAt);
  head.codec = load_le<std::uint8_t>(h, kCodecAt);
  head.chunk_log2 = load_le<std::uint8_t>(h, kChunkLog2At);
  head.kind = load_le<std::uint8_t>(h, kKindAt);
  head.blob_id = id_at<BlobId>(h, kBlobIdAt);
  head.key_id = id_at<KeyId>(h, kKeyIdAt);
  head.store_id = id_at<StoreId>(h, kStoreIdAt);
  const bool known =
      load_le<std::uint16_t>(h, kVersionAt) == kVersion && head.aead >= 1 && head.aead <= 2 &&
      head.codec <= 1 && head.chunk_log2 >= 12 && head.chunk_log2 <= 24 &&
      head.kind <= static_cast<std::uint8_t>(BlobKind::backup_part) &&
      load_le<std::uint16_t>(h, kFlagsAt) == 0 && load_le<std::uint64_t>(h, kReservedAt) == 0;
  if (!known)
    return fail(ErrorCode::corrupt,
                "blob " + head.blob_id.hex() + " has a version, algorithm or flag unknown to us",
                "unsupported");
  return head;
}

Result<BlobOpening> open_blob_header(const StudyKey& key, const BlobHeaderBytes& header) {
  const Secret<64> derived = derive(key, header);
  if (!equal_in_constant_time(derived.reveal().last<32>(),
                              ByteSpan(header).subspan(kCommitmentAt, 32)))
    return fail(ErrorCode::corrupt,
                "blob " + id_at<BlobId>(header, kBlobIdAt).hex() +
                    ": the header does not belong to key " + key.id().hex(),
                "commitment");
  BlobOpening opening;
  opening.header = header;
  opening.blob_key = Secret<32>(derived.reveal().first<32>());
  return opening;
}

Nonce blob_nonce(std::uint64_t index, ChunkNonce what) {
  Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[10 - i] = static_cast<std::byte>(index >> (8 * i));
  nonce[11] = static_cast<std::byte>(what);
  return nonce;
}

Bytes encode_manifest(const Manifest& m) {
  TlvWriter tlv;
  tlv.integer(plaintext_bytes, m.plaintext_bytes);
  tlv.integer(payload_bytes, m.payload_bytes);
  tlv.bytes(digest, m.digest.bytes);
  tlv.uid(sop_class, m.sop_class);
  tlv.uid(sop_instance, m.sop_instance);
  tlv.uid(study, m.study);
  tlv.uid(series, m.series);
  tlv.uid(transfer_syntax, m.transfer_syntax);
  if (m.data_set_offset) tlv.integer(data_set_offset, *m.data_set_offset);
  if (m.received_us) tlv.integer(received, static_cast<std::uint64_t>(*m.received_us));
  if (m.source) tlv.text(source, *m.source);
  if (m.version) tlv.integer(version, *m.version);
  if (m.replaced) tlv.bytes(replaced, m.replaced->bytes);
  if (!m.codec_frame_lengths.empty())
    tlv.bytes(codec_frame_lengths, std::as_bytes(std::span(m.codec_frame_lengths)));
  if (!m.pixel_frame_offsets.empty())
    tlv.bytes(pixel_frame_offsets, std::as_bytes(std::span(m.pixel_frame_offsets)));
  if (m.codec_frame_bytes) tlv.integer(codec_frame_bytes, *m.codec_frame_bytes);
  if (m.original_file_name) tlv.text(original_file_name, m.original_file_name->reveal());
  return tlv.take();
}

Result<Manifest> decode_manifest(ByteSpan tlv) {
  constexpr std::size_t kTagAndLength = 6;
  Manifest manifest;
  std::bitset<65536> seen;
  while (!tlv.empty()) {
    if (tlv.size() < kTagAndLength) return broken_manifest("ends inside a tag");
    const auto tag = load_le<std::uint16_t>(tlv);
    const auto length = load_le<std::uint32_t>(tlv, 2);
    tlv = tlv.subspan(kTagAndLength);
    if (length > tlv.size()) return broken_manifest("claims more than it holds");
    if (seen.test(tag)) return broken_manifest("has a tag twice");
    seen.set(tag);
    if (!read_value(tag, tlv.first(length), manifest))
      return broken_manifest("has a value of wrong size in tag " + std::to_string(tag));
    tlv = tlv.subspan(length);
  }
  if (!seen.test(plaintext_bytes) || !seen.test(payload_bytes) || !seen.test(digest))
    return broken_manifest("lacks lengths or digest");
  return manifest;
}

}  // namespace latent::security::crypto
