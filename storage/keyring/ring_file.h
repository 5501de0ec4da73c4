// The file `<node>.ring`: wrapped keys, appended and synced (formats.md §1, §3).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "security/base/bytes.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"

namespace latent::storage::keyring {

/// The archive a ring belongs to, read from its header without any key. Nothing when there is no
/// file. Errors: corrupt ("magic" "crc" "unsupported").
Result<std::optional<StoreId>> store_id_of_ring(const std::filesystem::path& path);

struct NewRing {
  RootId root_id{};
  std::string root_source;  ///< "file", "env", "credential"
  std::uint64_t created_ms = 0;
};

/// Threads: safe.
class RingFile {
 public:
  /// Opens, or makes with the root record (durable when it returns). A torn tail is cut.
  /// Errors: corrupt "magic" "crc" "unsupported" "store"; unavailable (file system).
  static Result<std::unique_ptr<RingFile>> open(const std::filesystem::path& path,
                                                const StoreId& store, const NewRing& when_new);
  ~RingFile();

  bool contains(const KeyId& id) const;
  /// The wrapped key as it stands in the file; the last one for an id wins. Errors: not_found
  /// (none, or destroyed), unavailable.
  Result<Bytes> entry(const KeyId& id) const;
  /// Appends a key record unless it is there; not durable before sync().
  Result<void> append(const KeyId& id, ByteSpan entry);
  /// One fdatasync when something was appended since the last. After a failure the file is not
  /// trusted: the next call writes it anew from what was durable and what is pending.
  Result<void> sync();
  std::size_t keys() const;

 private:
  struct State;
  explicit RingFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace latent::storage::keyring
