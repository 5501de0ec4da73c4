#include "storage/blobs/detail/recovery.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "security/base/log.h"
#include "storage/blobs/detail/segment_file.h"
#include "storage/blobs/file_io.h"

namespace latent::storage::blobs::detail {
namespace {

class Recovery {
 public:
  Recovery(const std::filesystem::path& folder, const StoreId& store, const CatalogView& catalog)
      : folder_(folder), store_(store), catalog_(catalog) {}

  Result<RecoveryReport> run() {
    LATENT_TRY(const auto numbers, segment_numbers(folder_));
    for (std::uint64_t number : numbers) LATENT_TRY_VOID(visit(number));
    if (report_.unfinished_removed > 0) LATENT_TRY_VOID(sync_folder(folder_));
    return std::move(report_);
  }

 private:
  struct Segment {
    std::uint64_t number = 0;
    std::filesystem::path path;
    FileDescriptor fd;
    std::uint64_t bytes = 0;
    std::uint64_t data_end = 0;  ///< behind it, reserved space without a byte in it
    std::optional<BlobLocation> last_row{};
  };

  Result<void> visit(std::uint64_t number) {
    Segment segment;
    segment.number = number;
    segment.path = folder_ / segment_name(number);
    LATENT_TRY(segment.fd, open_file(segment.path, Access::read_write));
    LATENT_TRY(segment.bytes, file_size(segment.fd.get(), segment.path));

    std::array<std::byte, kFileHeaderBytes> head{};
    LATENT_TRY(const std::size_t n, read_some(segment.fd.get(), segment.path, 0, head));
    const auto header = parse_file_header(ByteSpan(head).first(n), kSegmentMagic);
    if (header && header->store_id != store_)
      return fail(ErrorCode::corrupt, segment.path.string() + " belongs to another archive",
                  "store");
    LATENT_TRY(const bool sealed, ends_with_seal(segment.fd.get(), segment.path, segment.bytes));
    if (sealed && header) return {};

    LATENT_TRY(segment.data_end, data_end(segment.fd.get(), segment.path));
    if (catalog_.last_in) {
      LATENT_TRY(segment.last_row, catalog_.last_in(number));
    }
    LATENT_TRY(const std::optional<RecordHeader> first, header_at(segment, kFileHeaderBytes));
    const bool streaming = first && first->payload_bytes == kUnknownLength;
    // A file header is durable before the first record of small blobs, and a large blob's before it
    // is acknowledged: without one, or with a length still unknown, nothing here was ever promised.
    if (!segment.last_row && (streaming || (!header && !first))) return remove(segment);
    if (!header) return damaged(segment, 0, header.error().where);
    return close(segment);
  }

  static Result<std::optional<RecordHeader>> header_at(const Segment& segment, std::uint64_t at) {
    std::array<std::byte, kRecordHeaderBytes> bytes{};
    LATENT_TRY(const std::size_t n, read_some(segment.fd.get(), segment.path, at, bytes));
    auto header = parse_record_header(ByteSpan(bytes).first(n));
    if (!header) return std::optional<RecordHeader>();
    return *header;
  }

  Result<void> remove(const Segment& segment) {
    if (::unlink(segment.path.c_str()) != 0)
      return fail(file_error(segment.path, "cannot remove the unfinished file"));
    ++report_.unfinished_removed;
    log::info("unfinished blob removed", "segment", segment.path.filename().string());
    return {};
  }

  Result<void> damaged(const Segment& segment, std::uint64_t offset, std::string_view word) {
    report_.damage.push_back({segment.number, offset, std::string(word)});
    log::error("segment is damaged where rows point to; left as it is", "segment",
               segment.path.filename().string(), "offset", offset, "damage", word);
    return {};
  }

  Result<void> close(const Segment& segment) {
    // The last row's own record is checked again: everything behind it is up for cutting.
    const std::uint64_t row_at =
        segment.last_row ? segment.last_row->offset - kRecordHeaderBytes : 0;
    const std::uint64_t start = segment.last_row ? row_at : kFileHeaderBytes;
    if (segment.last_row && (segment.last_row->offset < kFileHeaderBytes + kRecordHeaderBytes ||
                             start % 8 != 0 || start >= segment.bytes))
      return damaged(segment, segment.last_row->offset, "truncated");

    std::optional<RecordView> bad;
    std::vector<RecoveryReport::Unclaimed> unclaimed;
    const auto on_record = [&](const RecordView& record) {
      if (!record.damage.empty()) {
        bad = record;
        return false;
      }
      const bool is_row = segment.last_row && record.offset == row_at;
      if (record.header.type == static_cast<std::uint8_t>(RecordType::blob) && !is_row)
        unclaimed.push_back(
            {BlobId{record.header.id.bytes},
             {segment.number, record.payload_offset(), record.header.payload_bytes}});
      return true;
    };
    LATENT_TRY(const std::uint64_t end, walk_records(reader(segment), start, segment.data_end,
                                                     PayloadCheck::crc, on_record));
    if (segment.last_row && end <= row_at)
      return damaged(segment, row_at, bad ? bad->damage : "torn");
    return cut_and_seal(segment, end, std::move(unclaimed));
  }

  Result<void> cut_and_seal(const Segment& segment, std::uint64_t end,
                            std::vector<RecoveryReport::Unclaimed> unclaimed) {
    std::uint64_t records = 0;
    std::optional<RecordView> bad;
    // The file as it will be: walked by headers to count, which also shows older damage.
    LATENT_TRY(const std::uint64_t counted_to,
               walk_records(reader(segment), kFileHeaderBytes, end, PayloadCheck::none,
                            [&](const RecordView& record) {
                              if (!record.damage.empty()) bad = record;
                              ++records;
                              return record.damage.empty();
                            }));
    if (counted_to != end || bad) return damaged(segment, counted_to, bad ? bad->damage : "gap");

    LATENT_TRY(const std::uint64_t torn, content_behind(segment, end));
    report_.bytes_cut += torn;
    LATENT_TRY_VOID(seal_file(segment.fd.get(), segment.path, records, end));
    ++report_.segments_sealed;
    std::ranges::move(unclaimed, std::back_inserter(report_.unclaimed));
    log::info("segment sealed after an unclean stop", "segment", segment.path.filename().string(),
              "records", records, "bytes_cut", torn);
    return {};
  }

  static ReadSome reader(const Segment& segment) {
    return [&segment](std::uint64_t offset, MutableByteSpan out) {
      return read_some(segment.fd.get(), segment.path, offset, out);
    };
  }

  /// Bytes from `end` to the last that is not zero: what the cut takes away.
  static Result<std::uint64_t> content_behind(const Segment& segment, std::uint64_t end) {
    std::uint64_t content = 0;
    Bytes buffer(1u << 20);
    for (std::uint64_t at = end; at < segment.data_end;) {
      LATENT_TRY(const std::size_t n, read_some(segment.fd.get(), segment.path, at, buffer));
      if (n == 0) break;
      const ByteSpan piece = ByteSpan(buffer).first(n);
      const auto last =
          std::find_if(piece.rbegin(), piece.rend(), [](std::byte b) { return b != std::byte{0}; });
      if (last != piece.rend())
        content = at - end + static_cast<std::uint64_t>(piece.rend() - last);
      at += n;
    }
    return content;
  }

  const std::filesystem::path& folder_;
  const StoreId& store_;
  const CatalogView& catalog_;
  RecoveryReport report_;
};

}  // namespace

std::optional<std::uint64_t> segment_number(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  if (path.extension() != ".seg" || stem.size() != 16) return std::nullopt;
  const auto digits = from_hex(stem);
  if (!digits) return std::nullopt;
  return load_be<std::uint64_t>(*digits);
}

Result<std::vector<std::uint64_t>> segment_numbers(const std::filesystem::path& folder) {
  std::vector<std::uint64_t> numbers;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error))
    if (const auto number = segment_number(entries->path())) numbers.push_back(*number);
  if (error)
    return fail(ErrorCode::unavailable, folder.string() + ": cannot list: " + error.message(),
                "blobs");
  std::ranges::sort(numbers);
  return numbers;
}

Result<RecoveryReport> recover(const std::filesystem::path& folder, const StoreId& store,
                               const CatalogView& catalog) {
  return Recovery(folder, store, catalog).run();
}

}  // namespace latent::storage::blobs::detail
