#include "server/settings/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "server/settings/detail/config_file.h"

namespace latent::server::settings {
namespace {

using detail::file_error;
using detail::FileLines;

bool is_loopback(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/// The first address that other machines reach, or null.
const std::string* open_address(const Listener& listener) {
  const auto open = std::ranges::find_if_not(listener.addresses, is_loopback);
  return open == listener.addresses.end() ? nullptr : &*open;
}

/// security.md §3, listener defaults: what other machines reach is protected, or we do not start.
Result<void> check_listeners(const Config& config, const FileLines& lines) {
  const auto line = [&](std::string_view key) {
    const auto at = lines.keys.find(key);
    return at == lines.keys.end() ? 0 : at->second;
  };
  if (const std::string* address = open_address(config.http.listener))
    return fail(file_error(lines.file, line("http.listen"), "http.listen",
                           "\"" + *address +
                               "\" is open to other machines, and HTTP has neither TLS nor "
                               "users yet; use \"127.0.0.1\" and \"::1\""));
  const std::string* address = open_address(config.dimse.listener);
  if (address == nullptr) return {};
  if (config.peers.empty())
    return fail(file_error(lines.file, line("dimse.listen"), "dimse.listen",
                           "\"" + *address +
                               "\" is open to other machines; name each of them in a [[peer]] "
                               "with address and plain = true, or use \"127.0.0.1\" and \"::1\""));
  for (std::size_t i = 0; i < config.peers.size(); ++i) {
    const Peer& peer = config.peers[i];
    if (!peer.address)
      return fail(file_error(lines.file, lines.peers[i], "peer.address",
                             "is missing; dimse.listen is open to other machines, so peer " +
                                 peer.aet.str() + " must have its address"));
    if (!peer.plain)
      return fail(
          file_error(lines.file, lines.peers[i], "peer.plain",
                     "is not true; dimse.listen is open to other machines, and without TLS peer " +
                         peer.aet.str() + " would call unencrypted: say so with plain = true"));
  }
  return {};
}

/// The parts of postgresql://[user[:password]@]host[:port]/… that our rules look at.
struct DatabaseUrl {
  std::string_view user_info, host;
  bool has_password = false, verifies_server = false, is_local = false;
};
DatabaseUrl look_at(std::string_view url) {
  DatabaseUrl parts;
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  const std::string_view query = url.substr(std::min(url.find('?'), url.size()));
  const std::string_view authority = url.substr(0, url.find_first_of("/?"));
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) parts.user_info = authority.substr(0, at);
  parts.host = at == std::string_view::npos ? authority : authority.substr(at + 1);
  parts.has_password = parts.user_info.find(':') != std::string_view::npos ||
                       query.find("password=") != std::string_view::npos;
  parts.verifies_server = query.find("sslmode=verify-full") != std::string_view::npos;
  const bool names_host = query.find("host=") != std::string_view::npos ||
                          query.find("hostaddr=") != std::string_view::npos;
  const bool is_this_machine = parts.host.empty() || parts.host.starts_with("%2F") ||
                               parts.host.starts_with("localhost") ||
                               parts.host.starts_with("127.") || parts.host.starts_with("[::1]");
  // host=/path in the query is a Unix socket; any other name there is taken as remote.
  const bool socket_in_query = query.find("host=/") != std::string_view::npos ||
                               query.find("host=%2F") != std::string_view::npos;
  parts.is_local = is_this_machine && (!names_host || socket_in_query) &&
                   parts.host.find(',') == std::string_view::npos;
  return parts;
}

Result<void> check_database(const Config& config, const FileLines& lines) {
  if (!config.database_url) return {};
  const std::uint32_t line = lines.keys.find("database")->second;
  const DatabaseUrl url = look_at(*config.database_url);
  struct stat status {};
  if (url.has_password && (::stat(lines.file.c_str(), &status) != 0 || (status.st_mode & 077) != 0))
    return fail(
        file_error(lines.file, line, "database",
                   "holds a password, and other users may read this file; chmod 600 it, or use a "
                   "password file (PGPASSFILE) or a certificate"));
  if (!url.is_local && !url.verifies_server)
    return fail(file_error(lines.file, line, "database",
                           "leads to another machine and must end in ?sslmode=verify-full"));
  return {};
}

Error bad_option(std::string_view option, std::string_view value, std::string_view problem) {
  return make_error(ErrorCode::invalid_input, fmt::format("{} {}: {}", option, value, problem),
                    "config");
}

Result<void> apply_remote(Config& config, const std::string& remote) {
  const std::size_t equals = remote.find('=');
  const auto aet =
      AeTitle::parse(std::string_view(remote).substr(0, std::min(equals, remote.size())));
  const auto address = equals == std::string::npos
                           ? std::nullopt
                           : parse_host_port(std::string_view(remote).substr(equals + 1));
  if (!aet || !address) return fail(bad_option("--remote", remote, "must be AET=HOST:PORT"));
  for (Peer& peer : config.peers) {
    if (peer.aet != *aet) continue;
    peer.address = address;
    return {};
  }
  config.peers.push_back(Peer{.aet = *aet, .address = address});
  return {};
}

Result<void> apply(const Overrides& overrides, Config& config) {
  if (overrides.data_dir) config.data_dir = *overrides.data_dir;
  if (overrides.aet) {
    const auto aet = AeTitle::parse(*overrides.aet);
    if (!aet)
      return fail(bad_option("--aet", *overrides.aet,
                             "must be 1 to 16 printable ASCII characters without backslash"));
    config.dimse.aet = *aet;
  }
  if (overrides.dimse_port) config.dimse.listener.port = *overrides.dimse_port;
  if (overrides.http_port) config.http.listener.port = *overrides.http_port;
  for (const std::string& remote : overrides.remotes) LATENT_TRY_VOID(apply_remote(config, remote));
  return {};
}

/// `path` without "." and "..", from the root on: it must mean the same after chdir("/").
std::filesystem::path settled(const std::filesystem::path& path) {
  auto clean = std::filesystem::absolute(path).lexically_normal();
  return clean.has_filename() ? clean : clean.parent_path();  // "DIR/" and "DIR" are one folder
}

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

/// Defaults that depend on other values, and absolute paths.
Result<void> complete(Config& config) {
  if (config.data_dir.empty())
    config.data_dir = ::geteuid() == 0 ? "/var/lib/latent" : "latent-data";
  config.data_dir = settled(config.data_dir);
  if (config.data_dir == "/")
    return fail(ErrorCode::invalid_input, "data: the root folder cannot be the data folder",
                "config");
  if (config.root_key.empty()) config.root_key = "file:" + config.data_dir.string() + ".root-key";
  if (config.root_key_file().empty()) return {};  // it comes from elsewhere
  const auto key_file = settled(config.root_key_file());
  // A stolen disk or a backup of the folder must not carry the key that opens it.
  if (is_inside(key_file, config.data_dir))
    return fail(ErrorCode::invalid_input,
                "root_key: " + key_file.string() +
                    " lies inside the data folder, which it protects; "
                    "keep it beside the folder or further away",
                "config");
  config.root_key = "file:" + key_file.string();
  return {};
}

}  // namespace

std::filesystem::path Config::root_key_file() const {
  constexpr std::string_view kPrefix = "file:";
  return root_key.starts_with(kPrefix) ? root_key.substr(kPrefix.size()) : std::string();
}

const Peer* Config::peer(const AeTitle& aet) const {
  const auto found = std::ranges::find(peers, aet, &Peer::aet);
  return found == peers.end() ? nullptr : &*found;
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  HostPort result;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (error != std::errc() || end != digits.data() + digits.size() || result.port == 0)
    return std::nullopt;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto allowed = [&](char c) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '.' || c == '-' || c == '_';
    return plain || (bracketed && (c == ':' || c == '%'));
  };
  if (host.empty() || host.size() > 253 || !std::ranges::all_of(host, allowed)) return std::nullopt;
  result.host = host;
  return result;
}

Result<Config> load_config(const std::optional<std::filesystem::path>& file,
                           const Overrides& overrides) {
  Config config;
  if (file) {
    LATENT_TRY(const FileLines lines, detail::read_config_file(*file, config));
    LATENT_TRY_VOID(check_listeners(config, lines));
    LATENT_TRY_VOID(check_database(config, lines));
  }
  LATENT_TRY_VOID(apply(overrides, config));
  LATENT_TRY_VOID(complete(config));
  if (config.dimse.listener.port == config.http.listener.port)
    return fail(ErrorCode::invalid_input,
                fmt::format("port {} is given to DIMSE and HTTP both", config.http.listener.port),
                "config");
  return config;
}

std::vector<std::string_view> known_config_keys() { return detail::file_keys(); }

}  // namespace latent::server::settings
