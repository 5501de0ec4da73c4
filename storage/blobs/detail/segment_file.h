// One segment file being written: small records behind each other.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "security/base/mutex.h"
#include "security/base/raii.h"
#include "storage/blobs/record.h"

namespace latent::storage::blobs::detail {

inline constexpr std::uint64_t kSealPayloadBytes = 16;
inline constexpr std::uint64_t kSealRecordBytes = record_bytes(kSealPayloadBytes);

/// `0123456789abcdef.seg`
std::string segment_name(std::uint64_t number);
/// The seal record that closes a file whose `records` end at `end`.
Bytes seal_record(std::uint64_t records, std::uint64_t end);
/// Whether the file ends with a seal record, hence is finished.
Result<bool> ends_with_seal(int fd, const std::filesystem::path& path, std::uint64_t bytes);
/// Writes the seal record at `end`, cuts the file behind it and syncs it.
Result<void> seal_file(int fd, const std::filesystem::path& path, std::uint64_t records,
                       std::uint64_t end);

/// append() and seal() by one thread; sync() and the rest by any.
class SegmentFile {
 public:
  /// A new file: header and full size durable, name durable, when it returns.
  static Result<std::shared_ptr<SegmentFile>> create(const std::filesystem::path& folder,
                                                     const FileHeader& header,
                                                     std::uint64_t preallocated_bytes);

  std::uint64_t number() const { return number_; }
  /// Where the next record starts.
  std::uint64_t end() const { return end_.load(std::memory_order_acquire); }
  /// Writes whole records. Errors: exhausted (nothing moved, later may work), unavailable (closed
  /// for good).
  Result<void> append(std::span<iovec> pieces, std::uint64_t bytes, std::uint64_t records);
  Result<void> sync();
  Result<void> seal();
  /// A write or sync failed: what the file holds is unknown, nothing more is written to it.
  bool failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  SegmentFile(FileDescriptor fd, std::filesystem::path path, std::uint64_t number);
  Result<void> fail_for_good(Error error);

  const FileDescriptor fd_;
  const std::filesystem::path path_;
  const std::uint64_t number_;
  std::atomic<std::uint64_t> end_{kFileHeaderBytes};
  std::atomic<bool> failed_{false};
  std::uint64_t records_ = 0;  // by the appending thread
  // The kernel reports a lost write once per descriptor. Whoever learns of it must have told
  // everybody before the next sync on it may return success.
  Mutex sync_mutex_;
};

}  // namespace latent::storage::blobs::detail
