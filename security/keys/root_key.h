// Root keys (formats.md §1): the secrets above all others. They live in OpenSSL's secure heap
// (locked in memory, not dumped, wiped when freed) and come from a file, the environment or a
// systemd credential. Losing all roots loses everything; nothing here ever prints one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "security/base/identifiers.h"
#include "security/base/result.h"
#include "security/crypto/secret.h"

namespace latent::security::keys {

/// A root key with what is derived from it. Movable; immutable, hence safe to read by many threads.
class RootKey {
 public:
  /// `bytes` are copied; the caller wipes its own.
  explicit RootKey(std::span<const std::byte, 32> bytes);
  static RootKey random(crypto::Random source = crypto::random_bytes);
  RootKey(RootKey&&) noexcept;
  RootKey& operator=(RootKey&&) noexcept;
  ~RootKey();

  /// HMAC-SHA256(root, "latent.root.id.v1")[:16].
  const RootId& root_id() const { return root_id_; }
  /// The key-encryption key: HKDF(root, salt=root_id, "latent.ring.wrap.v1", 32).
  const crypto::Secret<32>& wrapping_key() const;
  /// `LATENT-ROOT-1 <base64> <first 8 hex digits of root id>` without line end. A secret.
  std::string line() const;

 private:
  struct Locked;
  struct Free {
    void operator()(Locked* locked) const noexcept;
  };
  std::unique_ptr<Locked, Free> locked_;
  RootId root_id_{};
};

/// Reads the line above (surrounding white space allowed). Errors: invalid_input, where "root".
Result<RootKey> parse_root_line(std::string_view line);

/// Errors: not_found (no such file), refused (group or others have any right on it),
/// invalid_input (not a root key line, or damaged).
Result<RootKey> load_root_key_file(const std::filesystem::path& path);
/// Makes a new random root in a new file of mode 0400; file and folder are synced before success.
/// Errors: conflict (the file exists; it is never overwritten), exhausted, internal.
Result<RootKey> create_root_key_file(const std::filesystem::path& path);

/// Where a root comes from: the configuration's `root_key = "file:PATH"`.
struct KeySource {
  enum class Kind { file, environment, credential };
  Kind kind = Kind::file;
  std::string value;  ///< path, variable name or credential name

  /// "file", "env", "credential": the word in the configuration and in the ring's root record.
  std::string_view kind_name() const;
};
/// `file:PATH`, `env:NAME`, `credential:NAME`. Errors: invalid_input.
Result<KeySource> parse_key_source(std::string_view text);
/// `env:` is unset after reading, so that children do not inherit it: call before threads exist.
/// Errors: not_found, refused, invalid_input.
Result<RootKey> load_root_key(const KeySource& source);

/// All roots given: the first wraps new keys, the others only open old ones.
class Roots {
 public:
  explicit Roots(std::vector<RootKey> active_first);
  const RootKey& active() const { return keys_.front(); }
  /// Null when that root was not given.
  const RootKey* find(const RootId& id) const;

 private:
  std::vector<RootKey> keys_;
};

}  // namespace latent::security::keys
