// The few file operations that segments, the key ring and the archive's folder share. Errors name
// the file and carry errno's sentence: exhausted (no space), not_found, conflict (exists), else
// unavailable.
#pragma once

#include <sys/uio.h>

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "security/base/bytes.h"
#include "security/base/raii.h"
#include "security/base/result.h"

namespace latent::storage::blobs {

/// The error for the current errno.
Error file_error(const std::filesystem::path& path, std::string_view doing);

/// A new file, mode 0600, for reading and writing. Errors: conflict when the name is taken.
Result<FileDescriptor> create_file(const std::filesystem::path& path);
enum class Access { read, read_write };
Result<FileDescriptor> open_file(const std::filesystem::path& path, Access access);
Result<std::uint64_t> file_size(int fd, const std::filesystem::path& path);

/// Where the last data end: what lies behind is reserved space that was never written (a hole), so
/// that nobody need read its zeros. The file's size where the file system does not tell.
Result<std::uint64_t> data_end(int fd, const std::filesystem::path& path);

/// Reads up to out.size() bytes; less only at the end of the file.
Result<std::size_t> read_some(int fd, const std::filesystem::path& path, std::uint64_t offset,
                              MutableByteSpan out);
Result<void> write_all(int fd, const std::filesystem::path& path, std::uint64_t offset,
                       ByteSpan bytes);
/// One gathered write (several when the kernel takes less). `pieces` is used up.
Result<void> write_gathered(int fd, const std::filesystem::path& path, std::uint64_t offset,
                            std::span<iovec> pieces);
Result<void> truncate_file(int fd, const std::filesystem::path& path, std::uint64_t bytes);
/// fsync: content, length and attributes.
Result<void> sync_file(int fd, const std::filesystem::path& path);
/// Makes names in the folder durable.
Result<void> sync_folder(const std::filesystem::path& folder);
/// Writes `content` beside `path`, durable before it takes the name, and then the name too: a crash
/// or a full disk leaves the old file or the new one, and perhaps a `.new` that the next call
/// removes. `before_rename` is called in between. Returns the new file, open for reading and
/// writing.
Result<FileDescriptor> replace_file(const std::filesystem::path& path, ByteSpan content,
                                    const std::function<void()>& before_rename = {});
/// Makes the folder (mode 0700) and its parents durable when it is missing.
Result<void> make_folder(const std::filesystem::path& folder);

}  // namespace latent::storage::blobs
