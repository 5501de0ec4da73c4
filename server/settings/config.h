// The configuration of one archive: defaults, then one TOML file, then the command line.
//
// Whatever is wrong in the file (unknown key, wrong type, impossible value, a listener that is open
// to the network without protection) stops the start with an Error that names file, line and key.
// No secret stands here: keys come from a key source; the one exception, a password inside
// `database`, is refused unless the file is readable by its owner alone (security.md §5).
// latent.example.toml shows every key with its default; a test keeps the two equal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "security/access/authorize.h"
#include "security/base/identifiers.h"
#include "security/base/limits.h"
#include "security/base/log.h"
#include "security/base/result.h"

namespace latent::server::settings {

/// Where a peer listens. `host` is a name or a numeric address without brackets.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};
/// "pacs.example:104", "192.0.2.7:104" or "[2001:db8::7]:104". Nothing when it is not that.
std::optional<HostPort> parse_host_port(std::string_view text);

/// Another application entity: whom C-MOVE may send to, and, where `plain`, who may call from
/// another machine. A peer that calls from this machine needs no row as long as we listen on
/// loopback only; with a row, the row's services hold for it too.
struct Peer {
  AeTitle aet;
  std::optional<HostPort> address = {};  ///< without it the peer is no C-MOVE destination
  bool plain = false;  ///< unencrypted calls from `address.host` over the network are accepted
  std::vector<security::access::Action> services = {
      security::access::Action::echo, security::access::Action::store,
      security::access::Action::query, security::access::Action::retrieve,
      security::access::Action::move};
  std::string assumed_character_set = {};  ///< for its objects that name none; empty: store's
  std::string issuer_of_patient_id = {};   ///< for its objects that name none
  std::optional<std::uint32_t> associations_max = {};  ///< open at one time; unset: dimse's
  std::optional<std::uint32_t> answers_max = {};       ///< per C-FIND; unset: query's
  std::optional<std::chrono::seconds> idle_timeout = {};
  std::optional<std::chrono::seconds> dimse_timeout = {};
};

struct Listener {
  std::vector<std::string> addresses = {"127.0.0.1", "::1"};  ///< numeric
  std::uint16_t port = 0;
  /// The addresses are the built-in ones: a machine without IPv6 is then no error.
  bool addresses_are_default = true;
};

struct DimseConfig {
  AeTitle aet = *AeTitle::parse("LATENT");
  Listener listener{.port = 11112};
  bool check_called_aet = true;              ///< A-ASSOCIATE-RJ 1/1/7 for another name
  std::uint32_t associations_max = 500;      ///< open at one time; beyond: A-ASSOCIATE-RJ 2/3/2
  std::chrono::seconds artim_timeout{10};    ///< connection to whole A-ASSOCIATE-RQ, PS3.8 9.1.5
  std::chrono::seconds idle_timeout{300};    ///< an association without a message
  std::chrono::seconds dimse_timeout{60};    ///< a message that has begun and does not go on
  std::chrono::seconds connect_timeout{10};  ///< when we call a C-MOVE destination
};

struct HttpConfig {
  Listener listener{.port = 8080};
};

/// What happens when a SOP Instance UID arrives again with other bytes (formats.md §4).
enum class Duplicates { versions, keep_first, replace };

struct StoreConfig {
  Duplicates duplicates = Duplicates::versions;
  bool private_sop_classes = true;    ///< also keep SOP classes that the standard does not know
  std::string assumed_character_set;  ///< of objects that name none; empty: ISO_IR 6
  std::uint64_t ingest_bytes = 256ull << 20;    ///< received and not yet committed, all senders
  std::optional<std::uint64_t> min_free_bytes;  ///< unset: 1 GB or 2 % of the disk, the larger
};

struct QueryConfig {
  std::uint32_t answers_max = 100'000;  ///< beyond: A700, never a silent cut
};

struct Config {
  std::filesystem::path data_dir;           ///< absolute
  std::optional<std::string> database_url;  ///< unset: a private cluster inside data_dir
  std::string root_key;                     ///< "file:/absolute/path"
  log::Level log_level = log::Level::info;
  DimseConfig dimse;
  HttpConfig http;
  StoreConfig store;
  QueryConfig query;
  Limits limits;
  std::vector<Peer> peers;

  /// Where the root key file is; empty when the key comes from elsewhere.
  std::filesystem::path root_key_file() const;
  /// The peer of this name, or null.
  const Peer* peer(const AeTitle& aet) const;
};

/// What the command line says; it wins over the file.
struct Overrides {
  std::optional<std::string> data_dir;
  std::optional<std::string> aet;
  std::optional<std::uint16_t> dimse_port;
  std::optional<std::uint16_t> http_port;
  std::vector<std::string> remotes;  ///< "AET=HOST:PORT": a C-MOVE destination
};

/// Reads `file` (none: defaults only), applies `overrides` and fills in what depends on them.
/// Errors: not_found (no such file), invalid_input (everything else), each with a sentence.
Result<Config> load_config(const std::optional<std::filesystem::path>& file,
                           const Overrides& overrides);

/// Every key that the file may hold, "dimse.port", "peer.aet" …, in the order of the tables.
std::vector<std::string_view> known_config_keys();

}  // namespace latent::server::settings
