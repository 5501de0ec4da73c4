#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "security/base/fail_point.h"
#include "security/base/log.h"
#include "security/crypto/crc32c.h"
#include "storage/blobs/blob_store.h"
#include "storage/blobs/detail/store_state.h"
#include "storage/blobs/file_io.h"

namespace latent::storage::blobs {
namespace {

constexpr std::uint64_t kPayloadAt = kFileHeaderBytes + kRecordHeaderBytes;
// Writing back starts while more arrives, so that the sync at the end finds little to do.
constexpr std::uint64_t kWriteBackBytes = 8u << 20;

}  // namespace

struct LargeBlob::State {
  BlobStore::State* store = nullptr;
  BlobId id{};
  std::uint64_t number = 0;
  std::filesystem::path path;
  FileDescriptor fd;
  std::uint64_t bytes = 0;  // payload written
  std::uint64_t written_back = 0;
  std::uint32_t crc = 0;
  bool finished = false;

  Result<void> write_record_header(std::uint64_t payload_bytes) const {
    const RecordHeader header{static_cast<std::uint8_t>(RecordType::blob), RecordId{id.bytes},
                              payload_bytes};
    return write_all(fd.get(), path, kFileHeaderBytes, encode_record_header(header));
  }
};

LargeBlob::LargeBlob(std::unique_ptr<State> state) : state_(std::move(state)) {}

LargeBlob::~LargeBlob() {
  if (!state_->finished && ::unlink(state_->path.c_str()) != 0)
    log::warn("unfinished blob not removed; the next start does it", "segment",
              state_->path.filename().string());
  const MutexLock lock(state_->store->mutex);
  state_->store->streaming.erase(state_->number);
}

Result<std::unique_ptr<LargeBlob>> BlobStore::begin_large(const BlobId& id) {
  auto state = std::make_unique<LargeBlob::State>();
  state->store = state_.get();
  state->id = id;
  {
    const MutexLock lock(state_->mutex);
    state->number = state_->next_number++;
    state_->streaming.insert(state->number);
  }
  state->path = state_->folder / detail::segment_name(state->number);
  auto created = create_file(state->path);
  if (!created) {
    const MutexLock lock(state_->mutex);
    state_->streaming.erase(state->number);
    return fail(std::move(created).error());
  }
  state->fd = std::move(*created);
  std::unique_ptr<LargeBlob> blob(
      new LargeBlob(std::move(state)));  // removes the file from here on
  const LargeBlob::State& s = *blob->state_;
  LATENT_TRY_VOID(write_all(s.fd.get(), s.path, 0,
                            encode_file_header(kSegmentMagic, state_->header_for(s.number))));
  // Found with this length, the file is unfinished and nothing was promised about it.
  LATENT_TRY_VOID(s.write_record_header(kUnknownLength));
  return blob;
}

Result<void> LargeBlob::append(ByteSpan sealed) {
  State& s = *state_;
  LATENT_TRY_VOID(write_all(s.fd.get(), s.path, kPayloadAt + s.bytes, sealed));
  s.crc = security::crypto::crc32c(sealed, s.crc);
  s.bytes += sealed.size();
  if (s.bytes - s.written_back >= kWriteBackBytes) {
    // A hint only: an error here shows again in the fsync of finish().
    (void)::sync_file_range(s.fd.get(), static_cast<off_t>(kPayloadAt + s.written_back),
                            static_cast<off_t>(s.bytes - s.written_back), SYNC_FILE_RANGE_WRITE);
    s.written_back = s.bytes;
  }
  fail_point::reach("recv.partial");
  return {};
}

Result<BlobLocation> LargeBlob::finish() {
  State& s = *state_;
  const std::uint64_t end = kFileHeaderBytes + record_bytes(s.bytes);
  Bytes trailer;
  append_le(trailer, s.crc);
  trailer.resize(end - kPayloadAt - s.bytes);
  latent::append(trailer, detail::seal_record(1, end));
  LATENT_TRY_VOID(write_all(s.fd.get(), s.path, kPayloadAt + s.bytes, trailer));
  LATENT_TRY_VOID(s.write_record_header(s.bytes));
  LATENT_TRY_VOID(sync_file(s.fd.get(), s.path));
  LATENT_TRY_VOID(sync_folder(s.store->folder));
  s.finished = true;
  s.fd.reset();
  const MutexLock lock(s.store->mutex);
  s.store->streaming.erase(s.number);
  return BlobLocation{s.number, kPayloadAt, s.bytes};
}

}  // namespace latent::storage::blobs
