#include "storage/blobs/blob_store.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "security/base/fail_point.h"
#include "security/base/log.h"
#include "security/crypto/sha256.h"
#include "storage/blobs/detail/recovery.h"
#include "storage/blobs/detail/store_state.h"
#include "storage/blobs/file_io.h"

namespace latent::storage::blobs {
namespace {

using detail::kSealRecordBytes;
using detail::SegmentFile;

constexpr std::uint64_t kMinFreeBytes = 1'000'000'000;
constexpr std::uint64_t kMinFreePart = 50;  // 2 %

bool is_node_name(std::string_view node) {
  return node.size() == 8 && node.find_first_not_of("0123456789abcdef") == node.npos;
}

Digest tombstone_mac(const security::crypto::StudyKey& store_key, const BlobId& id,
                     ByteSpan clear) {
  return security::crypto::hmac_sha256(
      store_key.secret().reveal(), {as_bytes("latent.tombstone.v1"), ByteSpan(id.bytes), clear});
}

constexpr std::size_t kTombstoneClearBytes = 16;

Bytes tombstone_payload(const Tombstone& tombstone, TimeUs now_us,
                        const security::crypto::StudyKey& store_key) {
  Bytes payload;
  append_le(payload, static_cast<std::uint64_t>(now_us) / 1000);
  append_le(payload, static_cast<std::uint32_t>(tombstone.reason));
  append_le<std::uint32_t>(payload, 0);
  append(payload, tombstone_mac(store_key, tombstone.id, payload).bytes);
  return payload;
}

}  // namespace

bool tombstone_is_genuine(ByteSpan payload, const BlobId& id,
                          const security::crypto::StudyKey& store_key) {
  if (payload.size() != kTombstoneClearBytes + sizeof(Digest)) return false;
  const Digest mac = tombstone_mac(store_key, id, payload.first(kTombstoneClearBytes));
  return security::crypto::equal_in_constant_time(mac.bytes, payload.subspan(kTombstoneClearBytes));
}

BlobStore::BlobStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

BlobStore::~BlobStore() {
  if (auto stopped = stop(); !stopped)
    log::warn("segment not sealed at stop; the next start does it", "reason", stopped.error().text);
}

Result<std::unique_ptr<BlobStore>> BlobStore::open(Config config, const CatalogView& catalog,
                                                   const Clock& clock) {
  if (!is_node_name(config.node))
    return fail(ErrorCode::invalid_input, "a node name is 8 lower-case hexadecimal digits",
                "blobs");
  auto state = std::make_unique<State>(std::move(config), clock);
  LATENT_TRY_VOID(make_folder(state->folder));
  LATENT_TRY(state->recovery, detail::recover(state->folder, state->config.store_id, catalog));
  LATENT_TRY(const auto numbers, detail::segment_numbers(state->folder));
  std::uint64_t highest = numbers.empty() ? 0 : numbers.back();
  if (catalog.highest_segment) {
    // A number is never used twice, also when its file is gone: rows may still point to it.
    LATENT_TRY(const std::uint64_t in_rows, catalog.highest_segment());
    highest = std::max(highest, in_rows);
  }
  {
    const MutexLock lock(state->mutex);
    state->next_number = highest + 1;
  }
  return std::unique_ptr<BlobStore>(new BlobStore(std::move(state)));
}

const RecoveryReport& BlobStore::recovery() const { return state_->recovery; }

Result<std::shared_ptr<SegmentFile>> BlobStore::State::segment_for(std::uint64_t bytes) {
  std::shared_ptr<SegmentFile> current;
  {
    const MutexLock lock(mutex);
    current = active;
  }
  if (current && !current->failed()) {
    const bool fits = current->end() + bytes + kSealRecordBytes <= config.segment_bytes_max;
    if (fits || current->end() == kFileHeaderBytes) return current;
    // Sealing syncs it, so groups that wait for their sync() find their bytes durable; when it
    // fails the segment stays listed as failed, and their sync() says so.
    if (current->seal()) {
      const MutexLock lock(mutex);
      unsealed.erase(current->number());
    }
  }
  const std::uint64_t needed = kFileHeaderBytes + bytes + kSealRecordBytes;
  LATENT_TRY(
      auto created,
      SegmentFile::create(folder, header_for(take_number()),
                          config.preallocate ? std::max(config.segment_bytes_max, needed) : 0));
  const MutexLock lock(mutex);
  active = created;
  unsealed[created->number()] = created;
  return created;
}

Result<std::vector<BlobLocation>> BlobStore::State::write(detail::Gather& gather,
                                                          std::vector<BlobLocation> relative,
                                                          const OnPlaced& on_placed) {
  LATENT_TRY(const auto segment, segment_for(gather.bytes()));
  for (BlobLocation& location : relative) {
    location.segment = segment->number();
    location.offset += segment->end();
  }
  if (on_placed) on_placed(relative);
  LATENT_TRY_VOID(segment->append(gather.pieces(), gather.bytes(), gather.records()));
  return relative;
}

Result<std::vector<BlobLocation>> BlobStore::append(std::span<const PendingBlob> blobs,
                                                    const OnPlaced& on_placed) {
  if (blobs.empty()) return std::vector<BlobLocation>();
  detail::Gather gather(blobs.size());
  std::vector<BlobLocation> locations;
  locations.reserve(blobs.size());
  for (const PendingBlob& blob : blobs) {
    std::uint64_t bytes = 0;
    for (ByteSpan part : blob.parts) bytes += part.size();
    const std::uint64_t at =
        gather.add(RecordType::blob, RecordId{blob.id.bytes}, blob.parts, blob.payload_crc32c);
    locations.push_back({0, at, bytes});
  }
  return state_->write(gather, std::move(locations), on_placed);
}

Result<std::vector<BlobLocation>> BlobStore::append_tombstones(
    std::span<const Tombstone> tombstones, const security::crypto::StudyKey& store_key) {
  if (tombstones.empty()) return std::vector<BlobLocation>();
  std::vector<Bytes> payloads;  // must outlive the write
  payloads.reserve(tombstones.size());
  detail::Gather gather(tombstones.size());
  std::vector<BlobLocation> locations;
  for (const Tombstone& tombstone : tombstones) {
    const ByteSpan payload =
        payloads.emplace_back(tombstone_payload(tombstone, state_->clock.now_us(), store_key));
    const std::uint64_t at = gather.add(RecordType::tombstone, RecordId{tombstone.id.bytes},
                                        std::span(&payload, 1), std::nullopt);
    locations.push_back({0, at, payload.size()});
  }
  return state_->write(gather, std::move(locations), {});
}

Result<void> BlobStore::sync(std::span<const BlobLocation> written) {
  std::vector<std::shared_ptr<SegmentFile>> segments;
  {
    const MutexLock lock(state_->mutex);
    for (const BlobLocation& location : written)
      if (const auto found = state_->unsealed.find(location.segment);
          found != state_->unsealed.end() &&
          std::ranges::find(segments, found->second) == segments.end())
        segments.push_back(found->second);
  }
  for (const auto& segment : segments) LATENT_TRY_VOID(segment->sync());
  fail_point::reach("sync.done");
  return {};
}

Result<void> BlobStore::read(const BlobLocation& location, std::uint64_t offset,
                             MutableByteSpan out) {
  const auto name = [&] { return "segment " + detail::segment_name(location.segment); };
  if (offset > location.bytes || out.size() > location.bytes - offset)
    return fail(ErrorCode::invalid_input, name() + ": the range asked for lies outside the blob",
                "range");
  auto file = state_->readers.file(location.segment);
  if (!file && file.error().code == ErrorCode::not_found)
    return fail(ErrorCode::corrupt, name() + " is gone, though a blob should be in it",
                "truncated");
  if (!file) return fail(std::move(file).error());
  const auto n = read_some((*file)->get(), name(), location.offset + offset, out);
  if (!n) return fail(n.error());
  if (*n != out.size())
    return fail(ErrorCode::corrupt, name() + " ends before the blob that should be in it",
                "truncated");
  return {};
}

Result<std::vector<SegmentInfo>> BlobStore::segments() const {
  LATENT_TRY(const auto numbers, detail::segment_numbers(state_->folder));
  std::set<std::uint64_t> streaming;
  {
    const MutexLock lock(state_->mutex);
    streaming = state_->streaming;
  }
  std::vector<SegmentInfo> infos;
  for (std::uint64_t number : numbers) {
    if (streaming.contains(number)) continue;
    const auto path = state_->folder / detail::segment_name(number);
    auto file = open_file(path, Access::read);
    if (!file && file.error().code == ErrorCode::not_found) continue;  // removed meanwhile
    if (!file) return fail(std::move(file).error());
    SegmentInfo info;
    info.number = number;
    LATENT_TRY(info.file_bytes, file_size(file->get(), path));
    LATENT_TRY(info.sealed, detail::ends_with_seal(file->get(), path, info.file_bytes));
    infos.push_back(info);
  }
  return infos;
}

Result<void> BlobStore::for_each_record(std::uint64_t segment, PayloadCheck check,
                                        const OnRecord& on_record) const {
  const auto path = state_->folder / detail::segment_name(segment);
  LATENT_TRY(const FileDescriptor file, open_file(path, Access::read));
  LATENT_TRY(std::uint64_t bytes, file_size(file.get(), path));
  {
    // Behind the end of a segment in use the next group may be half written at this moment.
    const MutexLock lock(state_->mutex);
    if (const auto found = state_->unsealed.find(segment); found != state_->unsealed.end())
      bytes = std::min(bytes, found->second->end());
  }
  std::array<std::byte, kFileHeaderBytes> head{};
  LATENT_TRY(const std::size_t n, read_some(file.get(), path, 0, head));
  LATENT_TRY(const FileHeader header, parse_file_header(ByteSpan(head).first(n), kSegmentMagic));
  if (header.store_id != state_->config.store_id)
    return fail(ErrorCode::corrupt, path.string() + " belongs to another archive", "store");
  const ReadSome read_at = [&](std::uint64_t offset, MutableByteSpan out) {
    return read_some(file.get(), path, offset, out);
  };
  LATENT_TRY([[maybe_unused]] const std::uint64_t end,
             walk_records(read_at, kFileHeaderBytes, bytes, check, on_record));
  return {};
}

Result<Space> BlobStore::State::file_system() const {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0)
    return fail(file_error(folder, "cannot ask for free space"));
  Space space;
  space.total_bytes = std::uint64_t{status.f_blocks} * status.f_frsize;
  space.free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  space.min_free_bytes = config.min_free_bytes != 0
                             ? config.min_free_bytes
                             : std::max(kMinFreeBytes, space.total_bytes / kMinFreePart);
  return space;
}

Result<Space> BlobStore::space() const {
  LATENT_TRY(Space space, state_->file_system());
  LATENT_TRY(const auto infos, segments());
  for (const SegmentInfo& info : infos) space.segment_bytes += info.file_bytes;
  return space;
}

Result<void> BlobStore::check_room() const {
  LATENT_TRY(const Space space, state_->file_system());
  if (space.free_bytes < space.min_free_bytes)
    return fail(ErrorCode::exhausted,
                "the disk has " + std::to_string(space.free_bytes) + " bytes left, less than " +
                    std::to_string(space.min_free_bytes) +
                    "; nothing is stored until there is space again",
                "blobs");
  return {};
}

Result<void> BlobStore::stop() {
  std::shared_ptr<SegmentFile> current;
  {
    const MutexLock lock(state_->mutex);
    current = std::exchange(state_->active, nullptr);
  }
  if (!current || current->failed()) return {};
  LATENT_TRY_VOID(current->seal());
  const MutexLock lock(state_->mutex);
  state_->unsealed.erase(current->number());
  return {};
}

}  // namespace latent::storage::blobs
