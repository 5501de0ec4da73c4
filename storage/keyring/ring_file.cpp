#include "storage/keyring/ring_file.h"

#include <unistd.h>

#include <array>
#include <functional>
#include <unordered_map>
#include <utility>

#include "security/base/fail_point.h"
#include "security/base/log.h"
#include "security/base/mutex.h"
#include "security/base/raii.h"
#include "storage/blobs/file_io.h"
#include "storage/blobs/record_walk.h"

namespace latent::storage::keyring {
namespace {

namespace files = storage::blobs;
using files::RecordType;

// A wrapped key with a UID of 64 characters has 160 bytes; what is longer is none of ours.
constexpr std::uint64_t kEntryBytesMax = 4096;
constexpr std::uint16_t kTagSourceKind = 1, kTagState = 2;

struct Place {
  std::uint64_t offset = 0;  // of the payload
  std::size_t bytes = 0;
};

Result<files::FileHeader> read_header(int fd, const std::filesystem::path& path) {
  std::array<std::byte, files::kFileHeaderBytes> head{};
  LATENT_TRY(const std::size_t n, files::read_some(fd, path, 0, head));
  auto header = files::parse_file_header(ByteSpan(head).first(n), files::kRingMagic);
  if (!header)
    return fail(header.error().code, path.string() + ": " + header.error().text,
                header.error().where);
  return header;
}

void append_tlv(Bytes& to, std::uint16_t tag, std::string_view text) {
  append_le(to, tag);
  append_le(to, static_cast<std::uint32_t>(text.size()));
  append(to, as_bytes(text));
}

Bytes new_ring(const StoreId& store, const NewRing& ring) {
  Bytes bytes;
  append(bytes, files::encode_file_header(files::kRingMagic, {store, 1, ring.created_ms}));
  Bytes payload;
  append_tlv(payload, kTagSourceKind, ring.root_source);
  append_tlv(payload, kTagState, "active");
  files::append_record(bytes,
                       {static_cast<std::uint8_t>(RecordType::root),
                        files::RecordId{ring.root_id.bytes}, payload.size()},
                       payload);
  return bytes;
}

/// A whole ring takes the place of the old one.
Result<FileDescriptor> replace_ring(const std::filesystem::path& path, ByteSpan content) {
  return files::replace_file(path, content, [] { fail_point::reach("ring.rewrite"); });
}

}  // namespace

struct RingFile::State {
  Result<void> load();
  Result<void> rewrite() LATENT_REQUIRES(mutex);

  std::filesystem::path path;
  StoreId store{};

  mutable Mutex mutex;
  FileDescriptor fd LATENT_GUARDED_BY(mutex);
  std::unordered_map<KeyId, Place> places LATENT_GUARDED_BY(mutex);
  std::uint64_t end LATENT_GUARDED_BY(mutex) = 0;
  std::uint64_t durable_end LATENT_GUARDED_BY(mutex) = 0;
  Bytes pending LATENT_GUARDED_BY(mutex);  // records from durable_end to end
  bool failed LATENT_GUARDED_BY(mutex) = false;
};

Result<std::optional<StoreId>> store_id_of_ring(const std::filesystem::path& path) {
  auto file = files::open_file(path, files::Access::read);
  if (!file && file.error().code == ErrorCode::not_found) return std::optional<StoreId>();
  if (!file) return fail(std::move(file).error());
  LATENT_TRY(const files::FileHeader header, read_header(file->get(), path));
  return std::optional<StoreId>(header.store_id);
}

RingFile::RingFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
RingFile::~RingFile() = default;

Result<std::unique_ptr<RingFile>> RingFile::open(const std::filesystem::path& path,
                                                 const StoreId& store, const NewRing& when_new) {
  LATENT_TRY_VOID(files::make_folder(path.parent_path()));
  auto state = std::make_unique<State>();
  state->path = path;
  state->store = store;
  auto opened = files::open_file(path, files::Access::read_write);
  if (!opened && opened.error().code == ErrorCode::not_found)
    opened = replace_ring(path, new_ring(store, when_new));
  if (!opened) return fail(std::move(opened).error());
  {
    const MutexLock lock(state->mutex);
    state->fd = std::move(*opened);
  }
  LATENT_TRY_VOID(state->load());
  return std::unique_ptr<RingFile>(new RingFile(std::move(state)));
}

Result<void> RingFile::State::load() {
  const MutexLock lock(mutex);
  LATENT_TRY(const files::FileHeader header, read_header(fd.get(), path));
  if (header.store_id != store)
    return fail(ErrorCode::corrupt, path.string() + " is the ring of another archive", "store");

  std::unordered_map<KeyId, Place> found;
  std::uint64_t good_end = files::kFileHeaderBytes;
  const auto on_record = [&](const files::RecordView& record) {
    if (!record.damage.empty()) {
      if (record.damage != "torn")  // a torn tail is said below, when it is cut
        log::error("key ring damaged", "offset", record.offset, "damage", record.damage);
      return true;
    }
    good_end = record.offset + files::record_bytes(record.header.payload_bytes);
    const KeyId id{record.header.id.bytes};
    if (record.header.type == static_cast<std::uint8_t>(RecordType::key) &&
        record.header.payload_bytes <= kEntryBytesMax)
      found[id] = {record.payload_offset(), record.header.payload_bytes};
    if (record.header.type == static_cast<std::uint8_t>(RecordType::destroyed)) found.erase(id);
    return true;
  };
  LATENT_TRY([[maybe_unused]] const std::uint64_t walked,
             files::walk_file(fd.get(), path, files::kFileHeaderBytes, files::PayloadCheck::crc,
                              on_record));
  end = good_end;
  places = std::move(found);
  // What follows the last whole record is an append that was never confirmed: no blob that anybody
  // was promised uses its keys, and the rows still hold them.
  LATENT_TRY(const std::uint64_t bytes, files::file_size(fd.get(), path));
  if (bytes > end) {
    log::warn("torn tail of the key ring cut off", "bytes", bytes - end);
    LATENT_TRY_VOID(files::truncate_file(fd.get(), path, end));
    LATENT_TRY_VOID(files::sync_file(fd.get(), path));
  }
  durable_end = end;
  return {};
}

Result<void> RingFile::State::rewrite() {
  Bytes content(durable_end);
  LATENT_TRY(const FileDescriptor old, files::open_file(path, files::Access::read));
  LATENT_TRY(const std::size_t n, files::read_some(old.get(), path, 0, content));
  if (n != content.size())
    return fail(ErrorCode::corrupt, path.string() + " is shorter than what was synced",
                "truncated");
  latent::append(content, pending);
  LATENT_TRY(fd, replace_ring(path, content));
  durable_end = end;
  pending.clear();
  failed = false;
  log::info("key ring written anew after a failed sync");
  return {};
}

bool RingFile::contains(const KeyId& id) const {
  const MutexLock lock(state_->mutex);
  return state_->places.contains(id);
}

std::size_t RingFile::keys() const {
  const MutexLock lock(state_->mutex);
  return state_->places.size();
}

Result<Bytes> RingFile::entry(const KeyId& id) const {
  const MutexLock lock(state_->mutex);
  const auto place = state_->places.find(id);
  if (place == state_->places.end())
    return fail(ErrorCode::not_found, "key " + id.hex() + " is not in the ring file", "nokey");
  const auto [offset, bytes] = place->second;
  Bytes entry(bytes);
  if (offset >= state_->durable_end) {  // the file is not trusted before its sync
    const auto at = ByteSpan(state_->pending).subspan(offset - state_->durable_end, bytes);
    entry.assign(at.begin(), at.end());
    return entry;
  }
  LATENT_TRY(const std::size_t n, files::read_some(state_->fd.get(), state_->path, offset, entry));
  if (n != bytes)
    return fail(ErrorCode::corrupt, state_->path.string() + " became shorter", "truncated");
  return entry;
}

Result<void> RingFile::append(const KeyId& id, ByteSpan entry) {
  State& s = *state_;
  const MutexLock lock(s.mutex);
  if (s.places.contains(id)) return {};
  Bytes record;
  files::append_record(
      record, {static_cast<std::uint8_t>(RecordType::key), files::RecordId{id.bytes}, entry.size()},
      entry);
  if (!s.failed) {
    if (auto written = files::write_all(s.fd.get(), s.path, s.end, record); !written)
      return written;
  }
  s.places[id] = {s.end + files::kRecordHeaderBytes, entry.size()};
  s.end += record.size();
  latent::append(s.pending, record);
  return {};
}

Result<void> RingFile::sync() {
  State& s = *state_;
  const MutexLock lock(s.mutex);
  if (s.pending.empty() && !s.failed) return {};
  if (s.failed) {
    LATENT_TRY_VOID(s.rewrite());
  } else if (::fdatasync(s.fd.get()) != 0) {
    s.failed = true;
    Error error = files::file_error(s.path, "cannot sync");
    error.code = ErrorCode::unavailable;
    log::error("key ring not synced; the next sync writes it anew", "reason", error.text);
    return fail(std::move(error));
  }
  s.durable_end = s.end;
  s.pending.clear();
  fail_point::reach("ring.done");
  return {};
}

}  // namespace latent::storage::keyring
