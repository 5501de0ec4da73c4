#include "security/keys/root_key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "security/base/log.h"
#include "security/base/raii.h"
#include "security/crypto/hkdf.h"
#include "security/crypto/sha256.h"

namespace latent::security::keys {
namespace {

constexpr std::string_view kLineWord = "LATENT-ROOT-1";
constexpr std::string_view kIdInfo = "latent.root.id.v1";
constexpr std::string_view kWrapInfo = "latent.ring.wrap.v1";
constexpr std::size_t kRootBytes = 32;
constexpr std::size_t kBase64Chars = 44;  // of 32 bytes, one '=' at the end
constexpr std::size_t kFileBytesMax = 4096;
constexpr std::size_t kSecureHeapBytes = 64u << 10;

/// Locked in memory and left out of core dumps. Where the limit on locked memory forbids it,
/// OpenSSL falls back to the ordinary heap, which is said once.
bool make_secure_heap() {
  if (CRYPTO_secure_malloc_init(kSecureHeapBytes, 32) == 1) return true;
  log::warn("root keys cannot be locked in memory (RLIMIT_MEMLOCK); they may reach swap");
  return false;
}

void wipe_text(std::string& text) {
  crypto::wipe(std::as_writable_bytes(std::span(text)));
  text.clear();
}

tl::unexpected<Error> not_a_root(std::string_view why) {
  return fail(ErrorCode::invalid_input, "root key: " + std::string(why), "root");
}

std::string encode_base64(std::span<const std::byte, kRootBytes> bytes) {
  std::string text(kBase64Chars + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), kRootBytes);
  text.resize(kBase64Chars);
  return text;
}

/// Strict: exactly one spelling of a key is accepted.
bool decode_base64(std::string_view text, std::span<std::byte, kRootBytes> out) {
  if (text.size() != kBase64Chars || text.back() != '=' || text[kBase64Chars - 2] == '=')
    return false;
  std::array<unsigned char, kRootBytes + 1> decoded{};
  const int n = EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  std::memcpy(out.data(), decoded.data(), kRootBytes);
  OPENSSL_cleanse(decoded.data(), decoded.size());
  if (n != static_cast<int>(decoded.size())) return false;
  std::string again = encode_base64(out);
  const bool same = again == text;
  wipe_text(again);
  return same;
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = text.find_first_not_of(kSpace);
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(kSpace), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string because(const std::filesystem::path& path, std::string_view doing) {
  return "root key file " + path.string() + ": " + std::string(doing) + ": " + std::strerror(errno);
}

Result<void> write_synced(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail(errno == ENOSPC ? ErrorCode::exhausted : ErrorCode::internal,
                  because(path, "cannot write"), "root");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return fail(ErrorCode::internal, because(path, "cannot sync"), "root");
  const auto folder_path = path.has_parent_path() ? path.parent_path() : ".";
  const FileDescriptor folder(::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0)
    return fail(ErrorCode::internal, because(path, "cannot sync the folder"), "root");
  return {};
}

Result<RootKey> load_from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr)
    return fail(ErrorCode::not_found, "root key: environment variable " + name + " is not set",
                "root");
  std::string line = value;
  ::unsetenv(name.c_str());
  auto key = parse_root_line(line);
  wipe_text(line);
  return key;
}

}  // namespace

struct RootKey::Locked {
  crypto::Secret<kRootBytes> root;
  crypto::Secret<32> wrapping_key;
};

void RootKey::Free::operator()(Locked* locked) const noexcept {
  locked->~Locked();
  OPENSSL_secure_free(locked);
}

RootKey::RootKey(std::span<const std::byte, 32> bytes) {
  static const bool secure_heap = make_secure_heap();
  void* memory = OPENSSL_secure_malloc(sizeof(Locked));
  if (memory == nullptr) throw std::bad_alloc();
  locked_.reset(new (memory) Locked{crypto::Secret<kRootBytes>(bytes), {}});
  const Digest id = crypto::hmac_sha256(bytes, as_bytes(kIdInfo));
  std::ranges::copy(ByteSpan(id.bytes).first(root_id_.bytes.size()), root_id_.bytes.begin());
  crypto::hkdf_sha256(bytes, root_id_.bytes, as_bytes(kWrapInfo), locked_->wrapping_key.writable());
  (void)secure_heap;
}

RootKey RootKey::random(crypto::Random source) {
  return RootKey(crypto::Secret<kRootBytes>::random(source).reveal());
}

RootKey::RootKey(RootKey&&) noexcept = default;
RootKey& RootKey::operator=(RootKey&&) noexcept = default;
RootKey::~RootKey() = default;

const crypto::Secret<32>& RootKey::wrapping_key() const { return locked_->wrapping_key; }

std::string RootKey::line() const {
  std::string base64 = encode_base64(locked_->root.reveal());
  std::string line(kLineWord);
  line.reserve(kLineWord.size() + kBase64Chars + 16);  // no second copy of the secret by growing
  line += ' ';
  line += base64;
  line += ' ';
  line += root_id_.hex().substr(0, 8);
  wipe_text(base64);
  return line;
}

Result<RootKey> parse_root_line(std::string_view line) {
  const auto words = words_of(line);
  if (words.size() != 3 || words[0] != kLineWord)
    return not_a_root("not a line of the form `LATENT-ROOT-1 <base64> <8 hex digits>`");
  crypto::Secret<kRootBytes> bytes;
  if (!decode_base64(words[1], bytes.writable()))
    return not_a_root("the key is not 32 bytes in base64");
  RootKey key(bytes.reveal());
  if (key.root_id().hex().substr(0, 8) != words[2])
    return not_a_root("the check digits do not fit: it is damaged or mistyped");
  return key;
}

Result<RootKey> load_root_key_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file)
    return fail(errno == ENOENT   ? ErrorCode::not_found
                : errno == EACCES ? ErrorCode::refused
                                  : ErrorCode::internal,
                because(path, "cannot open"), "root");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    return fail(ErrorCode::internal, because(path, "cannot stat"), "root");
  if (!S_ISREG(status.st_mode)) return not_a_root(path.string() + " is not a regular file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(ErrorCode::refused,
                "root key file " + path.string() +
                    ": others than its owner may use it; run `chmod 400` on it",
                "root");
  std::string text(kFileBytesMax, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
  if (n < 0) {
    wipe_text(text);
    return fail(ErrorCode::internal, because(path, "cannot read"), "root");
  }
  auto key = parse_root_line(std::string_view(text).substr(0, static_cast<std::size_t>(n)));
  wipe_text(text);
  return key;
}

Result<RootKey> create_root_key_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400));
  if (!file)
    return fail(errno == EEXIST ? ErrorCode::conflict : ErrorCode::internal,
                because(path, "cannot make"), "root");
  RootKey key = RootKey::random();
  std::string line = key.line();
  std::string text;
  text.reserve(line.size() + 1);
  text += line;
  text += '\n';
  auto written = write_synced(file.get(), text, path);
  wipe_text(line);
  wipe_text(text);
  if (!written) {
    ::unlink(path.c_str());
    return fail(std::move(written).error());
  }
  return key;
}

std::string_view KeySource::kind_name() const {
  switch (kind) {
    case Kind::file:
      return "file";
    case Kind::environment:
      return "env";
    case Kind::credential:
      return "credential";
  }
  return "";
}

Result<KeySource> parse_key_source(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  const std::string value(colon == text.npos ? "" : text.substr(colon + 1));
  if (!value.empty()) {
    if (word == "file") return KeySource{KeySource::Kind::file, value};
    if (word == "env") return KeySource{KeySource::Kind::environment, value};
    if (word == "credential" && value.find('/') == value.npos)
      return KeySource{KeySource::Kind::credential, value};
  }
  return fail(ErrorCode::invalid_input,
              "root key: a source is `file:PATH`, `env:NAME` or `credential:NAME`", "root");
}

Result<RootKey> load_root_key(const KeySource& source) {
  if (source.kind == KeySource::Kind::environment) return load_from_environment(source.value);
  if (source.kind == KeySource::Kind::file) return load_root_key_file(source.value);
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr)
    return fail(ErrorCode::not_found,
                "root key: no $CREDENTIALS_DIRECTORY; credentials come from a systemd unit",
                "root");
  return load_root_key_file(std::filesystem::path(folder) / source.value);
}

Roots::Roots(std::vector<RootKey> active_first) : keys_(std::move(active_first)) {}

const RootKey* Roots::find(const RootId& id) const {
  const auto found = std::ranges::find(keys_, id, &RootKey::root_id);
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace latent::security::keys
