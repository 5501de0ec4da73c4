// Walks the records of a file in constant memory, finding its way again after damage.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "storage/blobs/record.h"

namespace latent::storage::blobs {

/// What is found at one place: a record, or damage.
struct RecordView {
  std::uint64_t offset = 0;  ///< of the record header (or of the damage) in the file
  RecordHeader header{};     ///< not set when damage is "torn" or "gap"
  /// Empty for a good record. "torn" (nothing valid follows; the walk ends), "gap" (a valid header
  /// follows later), "crc" (payload damaged), "unsupported" (reserved fields set).
  std::string_view damage{};
  std::uint64_t payload_offset() const { return offset + kRecordHeaderBytes; }
};

enum class PayloadCheck { none, crc };

/// Reads up to out.size() bytes at `offset`; returns how many there are (less only at the end).
using ReadSome = std::function<Result<std::size_t>(std::uint64_t offset, MutableByteSpan out)>;
/// Returning false ends the walk.
using OnRecord = std::function<bool(const RecordView&)>;

/// Walks from `start` (a multiple of 8) to `file_bytes`. Returns the offset where the last record
/// found ends (= where the next would start). Zeros up to the end are a preallocated tail, not
/// damage. Errors: those of `read`.
Result<std::uint64_t> walk_records(const ReadSome& read, std::uint64_t start,
                                   std::uint64_t file_bytes, PayloadCheck check,
                                   const OnRecord& on_record);
/// The same over a file descriptor; errors name `path`.
Result<std::uint64_t> walk_file(int fd, const std::filesystem::path& path, std::uint64_t start,
                                PayloadCheck check, const OnRecord& on_record);

}  // namespace latent::storage::blobs
