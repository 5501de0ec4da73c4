#include "retrieval/instances/detail/streams.h"

#include <algorithm>
#include <utility>

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
  Result<bool> next(Bytes& out) override {
    if (at_ >= blob_.length()) return false;
    const std::uint64_t border = (at_ / kPieceBytes + 1) * kPieceBytes;
    const auto size = static_cast<std::size_t>(std::min(border, blob_.length()) - at_);
    const std::size_t before = out.size();
    out.resize(before + size);
    if (auto read = blob_.read(at_, MutableByteSpan(out).subspan(before)); !read) {
      out.resize(before);  // nothing that was not verified comes out
      return fail(std::move(read).error());
    }
    at_ += size;
    return true;
  }

 private:
  SealedReader blob_;
  std::uint64_t at_;
};

/// A Part 10 file whose preamble is zeroed: any bytes may stand there, also a program
/// (CVE-2019-11687).
class CleanPreamble final : public InstanceStream {
 public:
  explicit CleanPreamble(std::unique_ptr<InstanceStream> file) : file_(std::move(file)) {}

  Result<bool> next(Bytes& out) override {
    const std::size_t before = out.size();
    LATENT_TRY(const bool more, file_->next(out));
    if (!std::exchange(first_, false)) return more;
    const MutableByteSpan head = MutableByteSpan(out).subspan(before);
    const bool has_preamble =
        head.size() >= kPreambleBytes + 4 && as_text(head.subspan(kPreambleBytes, 4)) == "DICM";
    if (has_preamble) std::ranges::fill(head.first(kPreambleBytes), std::byte{0});
    return more;
  }

 private:
  std::unique_ptr<InstanceStream> file_;
  bool first_ = true;
};

/// A data set on its way from one native syntax to another, behind an optional new file head.
class ConvertedStream final : public InstanceStream {
 public:
  ConvertedStream(std::unique_ptr<InstanceStream> source, dicom::writer::NativeConverter converter,
                  Bytes head)
      : source_(std::move(source)), converter_(std::move(converter)), head_(std::move(head)) {}

  Result<bool> next(Bytes& out) override {
    const std::size_t before = out.size();
    append(out, std::exchange(head_, {}));
    while (out.size() == before && !ended_) {
      piece_.clear();
      LATENT_TRY(const bool more, source_->next(piece_));
      ended_ = !more;
      if (more)
        LATENT_TRY_VOID(converter_.feed(piece_, out));
      else
        LATENT_TRY_VOID(converter_.finish(out));
    }
    return out.size() > before;
  }

 private:
  std::unique_ptr<InstanceStream> source_;
  dicom::writer::NativeConverter converter_;
  Bytes head_;
  Bytes piece_;
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
