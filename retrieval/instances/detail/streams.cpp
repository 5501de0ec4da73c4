#include "retrieval/instances/detail/streams.h"

#include <algorithm>

#include "dicom/writer/convert_native.h"
#include "dicom/writer/file_meta.h"
#include "security/crypto/sealed_stream.h"

namespace latent::retrieval::instances::detail {
namespace {

using security::crypto::SealedReader;

constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::size_t kPreambleBytes = 128;

/// The plaintext of a blob from some offset on, piece by piece.
class SealedStream final : public InstanceStream {
 public:
  SealedStream(SealedReader blob, std::uint64_t from) : blob_(std::move(blob)), at_(from) {}

  /// Pieces end at chunk borders of the seal, so that each chunk is opened once.
  Result<ByteSpan> next() override {
    if (at_ >= blob_.length()) return ByteSpan{};
    const std::uint64_t border = (at_ / kPieceBytes + 1) * kPieceBytes;
    const auto size = static_cast<std::size_t>(std::min(border, blob_.length()) - at_);
    piece_.resize(size);
    LATENT_TRY_VOID(blob_.read(at_, piece_));
    at_ += size;
    return ByteSpan(piece_);
  }

 private:
  SealedReader blob_;
  std::uint64_t at_;
  Bytes piece_;
};

/// A Part 10 file whose preamble is zeroed: any bytes may stand there, also a program
/// (CVE-2019-11687).
class CleanPreamble final : public InstanceStream {
 public:
  explicit CleanPreamble(std::unique_ptr<InstanceStream> file) : file_(std::move(file)) {}

  Result<ByteSpan> next() override {
    LATENT_TRY(const ByteSpan piece, file_->next());
    if (!first_) return piece;
    first_ = false;
    head_.assign(piece.begin(), piece.end());
    const bool has_preamble = head_.size() >= kPreambleBytes + 4 &&
                              as_text(ByteSpan(head_).subspan(kPreambleBytes, 4)) == "DICM";
    if (has_preamble) std::fill_n(head_.begin(), kPreambleBytes, std::byte{0});
    return ByteSpan(head_);
  }

 private:
  std::unique_ptr<InstanceStream> file_;
  bool first_ = true;
  Bytes head_;
};

/// A data set on its way from one native syntax to another, behind an optional new file head.
class ConvertedStream final : public InstanceStream {
 public:
  ConvertedStream(std::unique_ptr<InstanceStream> source, dicom::writer::NativeConverter converter,
                  Bytes head)
      : source_(std::move(source)), converter_(std::move(converter)), out_(std::move(head)) {}

  Result<ByteSpan> next() override {
    if (given_) out_.clear();
    while (out_.empty() && !ended_) {
      LATENT_TRY(const ByteSpan piece, source_->next());
      if (piece.empty()) {
        ended_ = true;
        LATENT_TRY_VOID(converter_.finish(out_));
      } else {
        LATENT_TRY_VOID(converter_.feed(piece, out_));
      }
    }
    given_ = true;
    return ByteSpan(out_);
  }

 private:
  std::unique_ptr<InstanceStream> source_;
  dicom::writer::NativeConverter converter_;
  Bytes out_;
  bool given_ = false;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<InstanceStream>> open_stream(const StoredInstance& instance,
                                                    std::string_view target_syntax, Form form,
                                                    storage::blobs::BlobStore& blobs,
                                                    storage::keyring::KeyRing& keys,
                                                    const Limits& limits) {
  const auto read_at = [&blobs, location = instance.location](std::uint64_t offset,
                                                              MutableByteSpan out) {
    return blobs.read(location, offset, out);
  };
  const auto key_of = [&keys](const KeyId& id) { return keys.by_id(id); };
  LATENT_TRY(auto blob, SealedReader::open(read_at, instance.location.bytes, key_of));
  // The row names the blob: one that was moved under another row does not pass (security.md T18).
  if (blob.head().blob_id != instance.blob || blob.length() != instance.plaintext_bytes)
    return fail(ErrorCode::corrupt, "blob " + instance.blob.hex() + " is not the one of its row",
                "commitment");

  const bool converts = instance.transfer_syntax.text() != target_syntax;
  const bool whole_file = form != Form::data_set && !converts;
  std::unique_ptr<InstanceStream> stream = std::make_unique<SealedStream>(
      std::move(blob), whole_file ? 0 : std::uint64_t{instance.data_set_offset});
  if (whole_file && form == Form::part10) return std::make_unique<CleanPreamble>(std::move(stream));
  if (!converts) return stream;
  Bytes head;
  if (form != Form::data_set)
    head = dicom::writer::file_head({.sop_class = instance.sop_class.text(),
                                     .sop_instance = instance.sop_instance.text(),
                                     .transfer_syntax = target_syntax,
                                     .source_ae_title = {}});
  dicom::writer::NativeConverter converter(instance.transfer_syntax.text(), target_syntax, limits);
  return std::make_unique<ConvertedStream>(std::move(stream), std::move(converter),
                                           std::move(head));
}

}  // namespace latent::retrieval::instances::detail
