#include "storage/blobs/record_walk.h"

#include <algorithm>
#include <cstring>

#include "security/crypto/crc32c.h"
#include "storage/blobs/file_io.h"

namespace latent::storage::blobs {
namespace {

constexpr std::size_t kHopBytes = 4u << 10;    // a header and what small records follow it
constexpr std::size_t kSweepBytes = 1u << 20;  // reading everything

/// A piece of the file that moves forward.
class Window {
 public:
  Window(const ReadSome& read, std::uint64_t file_bytes) : read_(read), file_bytes_(file_bytes) {}

  /// `bytes` at `offset`, fewer only at the end of the file. Reads `ahead` bytes when it must read.
  Result<ByteSpan> at(std::uint64_t offset, std::size_t bytes, std::size_t ahead) {
    const std::uint64_t left = file_bytes_ - std::min(offset, file_bytes_);
    bytes = std::min<std::uint64_t>(bytes, left);
    if (offset < start_ || offset + bytes > start_ + held_) {
      const std::size_t wanted = std::min<std::uint64_t>(std::max(ahead, bytes), left);
      if (buffer_.size() < wanted) buffer_.resize(wanted);
      LATENT_TRY(held_, read_(offset, MutableByteSpan(buffer_).first(wanted)));
      start_ = offset;
      bytes = std::min(bytes, held_);
    }
    return ByteSpan(buffer_).subspan(offset - start_, bytes);
  }

 private:
  const ReadSome& read_;
  std::uint64_t file_bytes_;
  Bytes buffer_;
  std::uint64_t start_ = 0;
  std::size_t held_ = 0;
};

struct HeaderAt {
  std::optional<RecordHeader> header{};
  bool unsupported = false;
  bool valid() const { return header.has_value() || unsupported; }
};

Result<HeaderAt> header_at(Window& window, std::uint64_t offset, std::size_t ahead) {
  LATENT_TRY(const ByteSpan bytes, window.at(offset, kRecordHeaderBytes, ahead));
  HeaderAt found;
  auto parsed = parse_record_header(bytes);
  if (parsed) {
    found.header = *parsed;
  } else {
    found.unsupported = true;
  }
  return found;
}

struct Resync {
  std::uint64_t offset = 0;  ///< of the next valid header, or the file's end
  bool content = false;      ///< anything but zeros was passed over
};
/// Looks for a valid header at the multiples of 8 behind `damaged`.
Result<Resync> find_next(Window& window, std::uint64_t damaged, std::uint64_t file_bytes) {
  Resync found;
  found.offset = damaged;
  while (found.offset < file_bytes) {
    LATENT_TRY(const ByteSpan piece, window.at(found.offset, kSweepBytes, kSweepBytes));
    const std::uint64_t base = found.offset;
    for (std::size_t i = 0; i < piece.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, piece.data() + i, std::min<std::size_t>(8, piece.size() - i));
      if (word == 0) continue;  // most of a preallocated tail
      if (static_cast<std::uint32_t>(word) == kRecordMagic && base + i != damaged) {
        LATENT_TRY(const HeaderAt next, header_at(window, base + i, kSweepBytes));
        if (next.valid()) {
          found.offset = base + i;
          return found;
        }
        // Looking may have moved the window: go on with a fresh piece behind this word.
        found.content = true;
        found.offset = base + i + 8;
        break;
      }
      found.content = true;
    }
    if (found.offset == base) found.offset += align8(std::max<std::size_t>(piece.size(), 1));
  }
  return found;
}

Result<bool> payload_fits(Window& window, const RecordView& record) {
  std::uint32_t crc = 0;
  std::uint64_t at = record.payload_offset();
  const std::uint64_t end = at + record.header.payload_bytes;
  while (at < end) {
    const std::size_t wanted = std::min<std::uint64_t>(kSweepBytes, end - at);
    LATENT_TRY(const ByteSpan piece, window.at(at, wanted, wanted + 64));
    if (piece.size() != wanted) return false;
    crc = security::crypto::crc32c(piece, crc);
    at += wanted;
  }
  LATENT_TRY(const ByteSpan stored, window.at(end, kRecordCrcBytes, kHopBytes));
  return stored.size() == kRecordCrcBytes && load_le<std::uint32_t>(stored) == crc;
}

}  // namespace

Result<std::uint64_t> walk_records(const ReadSome& read, std::uint64_t start,
                                   std::uint64_t file_bytes, PayloadCheck check,
                                   const OnRecord& on_record) {
  Window window(read, file_bytes);
  std::uint64_t at = start;
  while (at < file_bytes) {
    RecordView record;
    record.offset = at;
    LATENT_TRY(const HeaderAt found, header_at(window, at, kHopBytes));
    if (!found.header) {
      LATENT_TRY(const Resync next, find_next(window, at, file_bytes));
      const bool last = next.offset >= file_bytes;
      if (last && !next.content) return at;  // the preallocated tail
      record.damage = found.unsupported ? "unsupported" : last ? "torn" : "gap";
      if (!on_record(record) || last) return at;
      at = next.offset;
      continue;
    }
    record.header = *found.header;
    const std::uint64_t room = file_bytes - at - kRecordHeaderBytes;
    if (record.header.payload_bytes > room ||
        room - record.header.payload_bytes < kRecordCrcBytes) {
      record.damage = "torn";
      on_record(record);
      return at;
    }
    if (check == PayloadCheck::crc) {
      LATENT_TRY(const bool fits, payload_fits(window, record));
      if (!fits) record.damage = "crc";
    }
    if (!on_record(record)) return at;
    at += record_bytes(record.header.payload_bytes);
  }
  return at;
}

Result<std::uint64_t> walk_file(int fd, const std::filesystem::path& path, std::uint64_t start,
                                PayloadCheck check, const OnRecord& on_record) {
  LATENT_TRY(const std::uint64_t bytes, file_size(fd, path));
  const ReadSome read = [&](std::uint64_t offset, MutableByteSpan out) {
    return read_some(fd, path, offset, out);
  };
  return walk_records(read, start, bytes, check, on_record);
}

}  // namespace latent::storage::blobs
