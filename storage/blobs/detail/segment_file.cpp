#include "storage/blobs/detail/segment_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "security/base/fail_point.h"
#include "security/base/log.h"
#include "storage/blobs/file_io.h"

namespace latent::storage::blobs::detail {
namespace {

Result<void> preallocate(int fd, const std::filesystem::path& path, std::uint64_t bytes) {
  if (bytes == 0) return {};
  const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  if (error == 0) return {};
  errno = error;  // posix_fallocate returns it instead
  return fail(file_error(path, "cannot reserve space"));
}

}  // namespace

std::string segment_name(std::uint64_t number) {
  std::array<std::byte, 8> digits;
  for (std::size_t i = 0; i < 8; ++i) digits[i] = static_cast<std::byte>(number >> (56 - 8 * i));
  return to_hex(digits) + ".seg";
}

Bytes seal_record(std::uint64_t records, std::uint64_t end) {
  Bytes payload;
  append_le(payload, records);
  append_le(payload, end);
  Bytes record;
  append_record(record, {static_cast<std::uint8_t>(RecordType::seal), {}, payload.size()}, payload);
  return record;
}

Result<bool> ends_with_seal(int fd, const std::filesystem::path& path, std::uint64_t bytes) {
  if (bytes < kFileHeaderBytes + kSealRecordBytes || bytes % 8 != 0) return false;
  std::array<std::byte, kSealRecordBytes> last;
  LATENT_TRY(const std::size_t n, read_some(fd, path, bytes - kSealRecordBytes, last));
  if (n != last.size()) return false;
  const std::uint64_t records = load_le<std::uint64_t>(last, kRecordHeaderBytes);
  // Rebuilt and compared: type, length, both CRCs, and that it stands where it says.
  const Bytes expected = seal_record(records, bytes - kSealRecordBytes);
  return std::equal(expected.begin(), expected.end(), last.begin());
}

Result<void> seal_file(int fd, const std::filesystem::path& path, std::uint64_t records,
                       std::uint64_t end) {
  fail_point::reach("seg.seal");
  LATENT_TRY_VOID(write_all(fd, path, end, seal_record(records, end)));
  LATENT_TRY_VOID(truncate_file(fd, path, end + kSealRecordBytes));
  return sync_file(fd, path);
}

SegmentFile::SegmentFile(FileDescriptor fd, std::filesystem::path path, std::uint64_t number)
    : fd_(std::move(fd)), path_(std::move(path)), number_(number) {}

Result<std::shared_ptr<SegmentFile>> SegmentFile::create(const std::filesystem::path& folder,
                                                         const FileHeader& header,
                                                         std::uint64_t preallocated_bytes) {
  const auto path = folder / segment_name(header.number);
  LATENT_TRY(FileDescriptor fd, create_file(path));
  const auto prepare = [&]() -> Result<void> {
    LATENT_TRY_VOID(write_all(fd.get(), path, 0, encode_file_header(kSegmentMagic, header)));
    LATENT_TRY_VOID(preallocate(fd.get(), path, preallocated_bytes));
    LATENT_TRY_VOID(sync_file(fd.get(), path));
    return sync_folder(folder);
  };
  if (auto prepared = prepare(); !prepared) {
    ::unlink(path.c_str());
    return fail(std::move(prepared).error());
  }
  fail_point::reach("seg.roll");
  return std::shared_ptr<SegmentFile>(new SegmentFile(std::move(fd), path, header.number));
}

Result<void> SegmentFile::fail_for_good(Error error) {
  failed_.store(true, std::memory_order_release);
  log::error("segment closed for good", "segment", segment_name(number_), "reason", error.text);
  error.code = ErrorCode::unavailable;
  return fail(std::move(error));
}

Result<void> SegmentFile::append(std::span<iovec> pieces, std::uint64_t bytes,
                                 std::uint64_t records) {
  if (failed())
    return fail(ErrorCode::unavailable, path_.string() + ": closed after a failed write", "blobs");
  const std::uint64_t at = end();
  if (fail_point::armed("append.partial")) {
    // The torn tail that the place stands for: about half arrives before the power goes.
    const auto middle = static_cast<std::ptrdiff_t>(pieces.size() / 2);
    std::vector<iovec> torn(pieces.begin(), pieces.begin() + middle + 1);
    torn.back().iov_len /= 2;
    LATENT_TRY_VOID(write_gathered(fd_.get(), path_, at, torn));
    fail_point::reach("append.partial");
  }
  Result<void> written = write_gathered(fd_.get(), path_, at, pieces);
  if (!written) {
    // A full disk leaves the end where it was; what arrived behind it is written over or cut.
    if (written.error().code == ErrorCode::exhausted) return written;
    return fail_for_good(std::move(written).error());
  }
  records_ += records;
  end_.store(at + bytes, std::memory_order_release);
  fail_point::reach("append.done");
  return {};
}

Result<void> SegmentFile::sync() {
  const MutexLock lock(sync_mutex_);
  if (failed())
    return fail(ErrorCode::unavailable, path_.string() + ": closed after a failed write", "blobs");
  if (::fdatasync(fd_.get()) != 0) return fail_for_good(file_error(path_, "cannot sync"));
  return {};
}

Result<void> SegmentFile::seal() {
  const MutexLock lock(sync_mutex_);
  if (failed())
    return fail(ErrorCode::unavailable, path_.string() + ": closed after a failed write", "blobs");
  if (auto sealed = seal_file(fd_.get(), path_, records_, end()); !sealed)
    return fail_for_good(std::move(sealed).error());
  return {};
}

}  // namespace latent::storage::blobs::detail
