#include "server/settings/detail/config_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "server/settings/detail/config_values.h"

namespace latent::server::settings::detail {
namespace {

constexpr std::uintmax_t kFileBytesMax = 1u << 20;

/// `take` checks one value and puts it where it belongs.
template <class Target>
struct Key {
  std::string_view name;
  Problem (*take)(const toml::node&, Target&);
};

/// A limit may be lowered freely. Raising one needs `limits.reason` (security.md §4), which
/// check_raised_limits() looks at when all keys are read.
template <class Integer>
Problem take_limit(const toml::node& node, Integer& out) {
  std::uint64_t value = 0;
  if (auto problem = take_bytes(node, 1, value)) return problem;
  if (value > static_cast<std::uint64_t>(std::numeric_limits<Integer>::max()))
    return "is larger than this limit can be";
  out = static_cast<Integer>(value);
  return {};
}

using N = const toml::node&;

constexpr std::pair<std::string_view, log::Level> kLogLevels[] = {{"debug", log::Level::debug},
                                                                  {"info", log::Level::info},
                                                                  {"warn", log::Level::warn},
                                                                  {"error", log::Level::error}};
constexpr std::pair<std::string_view, Duplicates> kDuplicates[] = {
    {"versions", Duplicates::versions},
    {"keep-first", Duplicates::keep_first},
    {"replace", Duplicates::replace}};

Problem take_path(N node, std::filesystem::path& out) {
  std::string text;
  if (auto problem = take_text(node, text)) return problem;
  if (text.empty()) return "must not be empty";
  out = text;
  return {};
}

Problem take_root_key(N node, std::string& out) {
  if (auto problem = take_text(node, out)) return problem;
  for (const std::string_view source : {"file:", "env:", "credential:"})
    if (out.starts_with(source) && out.size() > source.size()) return {};
  return "must be \"file:PATH\", \"credential:NAME\" or \"env:NAME\"";
}

constexpr Key<Config> kKeys[] = {
    {"data", [](N n, Config& c) { return take_path(n, c.data_dir); }},
    {"database",
     [](N n, Config& c) {
       std::string text;
       if (auto problem = take_text(n, text)) return problem;
       if (text == "private") return Problem{};
       if (!text.starts_with("postgresql://") && !text.starts_with("postgres://"))
         return Problem{"must be \"private\" or a URL \"postgresql://…\""};
       c.database_url = text;
       return Problem{};
     }},
    {"root_key", [](N n, Config& c) { return take_root_key(n, c.root_key); }},
    {"log_level", [](N n, Config& c) { return take_choice(n, kLogLevels, c.log_level); }},

    {"dimse.aet", [](N n, Config& c) { return take_aet(n, c.dimse.aet); }},
    {"dimse.listen", [](N n, Config& c) { return take_listener(n, c.dimse.listener); }},
    {"dimse.port", [](N n, Config& c) { return take_port(n, c.dimse.listener.port); }},
    {"dimse.check_called_aet",
     [](N n, Config& c) { return take_flag(n, c.dimse.check_called_aet); }},
    {"dimse.associations_max",
     [](N n, Config& c) { return take_count(n, 1, 100'000, c.dimse.associations_max); }},
    {"dimse.artim_timeout_s",
     [](N n, Config& c) { return take_seconds(n, c.dimse.artim_timeout); }},
    {"dimse.idle_timeout_s", [](N n, Config& c) { return take_seconds(n, c.dimse.idle_timeout); }},
    {"dimse.dimse_timeout_s",
     [](N n, Config& c) { return take_seconds(n, c.dimse.dimse_timeout); }},
    {"dimse.connect_timeout_s",
     [](N n, Config& c) { return take_seconds(n, c.dimse.connect_timeout); }},

    {"http.listen", [](N n, Config& c) { return take_listener(n, c.http.listener); }},
    {"http.port", [](N n, Config& c) { return take_port(n, c.http.listener.port); }},

    {"store.duplicates",
     [](N n, Config& c) { return take_choice(n, kDuplicates, c.store.duplicates); }},
    {"store.private_sop_classes",
     [](N n, Config& c) { return take_flag(n, c.store.private_sop_classes); }},
    {"store.assumed_character_set",
     [](N n, Config& c) { return take_character_set(n, c.store.assumed_character_set); }},
    {"store.ingest_bytes",
     [](N n, Config& c) { return take_bytes(n, 16u << 20, c.store.ingest_bytes); }},
    {"store.min_free_bytes",
     [](N n, Config& c) { return take_bytes(n, 0, c.store.min_free_bytes.emplace(0)); }},

    {"query.answers_max",
     [](N n, Config& c) { return take_count(n, 1, 100'000'000, c.query.answers_max); }},

    {"limits.reason",
     [](N n, Config&) {
       std::string reason;
       if (auto problem = take_text(n, reason)) return problem;
       return reason.empty() ? Problem{"must say why a limit is raised"} : Problem{};
     }},
    {"limits.sequence_depth_max",
     [](N n, Config& c) { return take_limit(n, c.limits.sequence_depth_max); }},
    {"limits.elements_max", [](N n, Config& c) { return take_limit(n, c.limits.elements_max); }},
    {"limits.sequence_items_max",
     [](N n, Config& c) { return take_limit(n, c.limits.sequence_items_max); }},
    {"limits.value_held_bytes_max",
     [](N n, Config& c) { return take_limit(n, c.limits.value_held_bytes_max); }},
    {"limits.object_bytes_max",
     [](N n, Config& c) { return take_limit(n, c.limits.object_bytes_max); }},
    {"limits.inflated_bytes_max",
     [](N n, Config& c) { return take_limit(n, c.limits.inflated_bytes_max); }},
};

constexpr Key<Peer> kPeerKeys[] = {
    {"aet", [](N n, Peer& p) { return take_aet(n, p.aet); }},
    {"address", [](N n, Peer& p) { return take_host_port(n, p.address); }},
    {"plain", [](N n, Peer& p) { return take_flag(n, p.plain); }},
    {"services", [](N n, Peer& p) { return take_services(n, p.services); }},
    {"assumed_character_set",
     [](N n, Peer& p) { return take_character_set(n, p.assumed_character_set); }},
    {"issuer_of_patient_id", [](N n, Peer& p) { return take_text(n, p.issuer_of_patient_id); }},
    {"associations_max",
     [](N n, Peer& p) { return take_count(n, 1, 100'000, p.associations_max.emplace(0)); }},
    {"answers_max",
     [](N n, Peer& p) { return take_count(n, 1, 100'000'000, p.answers_max.emplace(0)); }},
    {"idle_timeout_s", [](N n, Peer& p) { return take_seconds(n, p.idle_timeout.emplace(0)); }},
    {"dimse_timeout_s", [](N n, Peer& p) { return take_seconds(n, p.dimse_timeout.emplace(0)); }},
};

/// The names as "peer.aet", for messages and known_config_keys().
constexpr std::string_view kPeerKeyNames[] = {"peer.aet",
                                              "peer.address",
                                              "peer.plain",
                                              "peer.services",
                                              "peer.assumed_character_set",
                                              "peer.issuer_of_patient_id",
                                              "peer.associations_max",
                                              "peer.answers_max",
                                              "peer.idle_timeout_s",
                                              "peer.dimse_timeout_s"};
static_assert(std::size(kPeerKeyNames) == std::size(kPeerKeys));

std::uint32_t line_of(const toml::node& node) { return node.source().begin.line; }

/// Known keys below `prefix` ("dimse." or ""), for the message about an unknown one.
std::string keys_below(std::string_view prefix) {
  std::string list;
  for (std::string_view name : file_keys()) {
    if (!name.starts_with(prefix)) continue;
    std::string_view rest = name.substr(prefix.size());
    rest = rest.substr(0, rest.find('.'));
    if (list == rest || list.ends_with(", " + std::string(rest))) continue;
    list += (list.empty() ? "" : ", ") + std::string(rest);
  }
  return list;
}

class Reader {
 public:
  Reader(std::string file, Config& config) : config_(config) { lines_.file = std::move(file); }

  Result<FileLines> read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string name(key.str());
      if (name == "peer") {
        LATENT_TRY_VOID(read_peers(node));
      } else if (is_table_name(name)) {
        LATENT_TRY_VOID(read_table(name, node));
      } else {
        LATENT_TRY_VOID(read_key(name, "", key, node));
      }
    }
    LATENT_TRY_VOID(check_raised_limits());
    return std::move(lines_);
  }

 private:
  Error error(std::uint32_t line, std::string_view key, std::string_view problem) const {
    return file_error(lines_.file, line, key, problem);
  }

  static bool is_table_name(const std::string& name) {
    return std::ranges::any_of(kKeys,
                               [&](const auto& key) { return key.name.starts_with(name + "."); });
  }

  Result<void> read_table(const std::string& name, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr)
      return fail(error(line_of(node), name, "must be a table, written [" + name + "]"));
    for (const auto& [key, value] : *table)
      LATENT_TRY_VOID(read_key(name + "." + std::string(key.str()), name + ".", key, value));
    return {};
  }

  Result<void> read_key(const std::string& name, std::string_view prefix, const toml::key& key,
                        const toml::node& node) {
    const auto* known = std::ranges::find(kKeys, name, &Key<Config>::name);
    if (known == std::end(kKeys))
      return fail(
          error(key.source().begin.line, name, "unknown key; known here: " + keys_below(prefix)));
    lines_.keys[name] = line_of(node);
    if (auto problem = known->take(node, config_))
      return fail(error(line_of(node), name, *problem));
    return {};
  }

  Result<void> read_peers(const toml::node& node) {
    const toml::array* list = node.as_array();
    if (list == nullptr || list->empty() || !list->is_homogeneous(toml::node_type::table))
      return fail(error(line_of(node), "peer", "must be tables, each written [[peer]]"));
    for (const toml::node& element : *list) LATENT_TRY_VOID(read_peer(*element.as_table()));
    return {};
  }

  Result<void> read_peer(const toml::table& table) {
    if (!table.contains("aet"))
      return fail(
          error(line_of(table), "peer.aet", "is missing; every [[peer]] needs its AE title"));
    Peer peer{.aet = config_.dimse.aet};
    for (const auto& [key, node] : table) {
      const std::string name = "peer." + std::string(key.str());
      const auto* known = std::ranges::find(kPeerKeys, key.str(), &Key<Peer>::name);
      if (known == std::end(kPeerKeys))
        return fail(error(key.source().begin.line, name,
                          "unknown key; known here: " + keys_below("peer.")));
      if (auto problem = known->take(node, peer)) return fail(error(line_of(node), name, *problem));
    }
    if (config_.peer(peer.aet) != nullptr)
      return fail(error(line_of(table), "peer.aet", "\"" + peer.aet.str() + "\" is named twice"));
    config_.peers.push_back(std::move(peer));
    lines_.peers.push_back(line_of(table));
    return {};
  }

  Result<void> check_raised_limits() const {
    if (lines_.keys.contains("limits.reason")) return {};
    const Limits standard;
    const Limits& chosen = config_.limits;
    const std::pair<std::string_view, bool> raised[] = {
        {"limits.sequence_depth_max", chosen.sequence_depth_max > standard.sequence_depth_max},
        {"limits.elements_max", chosen.elements_max > standard.elements_max},
        {"limits.sequence_items_max", chosen.sequence_items_max > standard.sequence_items_max},
        {"limits.value_held_bytes_max",
         chosen.value_held_bytes_max > standard.value_held_bytes_max},
        {"limits.object_bytes_max", chosen.object_bytes_max > standard.object_bytes_max},
        {"limits.inflated_bytes_max", chosen.inflated_bytes_max > standard.inflated_bytes_max}};
    for (const auto& [key, is_raised] : raised)
      if (is_raised)
        return fail(error(lines_.keys.find(key)->second, key,
                          "is above the built-in limit; say why in limits.reason"));
    return {};
  }

  Config& config_;
  FileLines lines_;
};

Result<std::string> read_text(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status))
    return fail(ErrorCode::not_found, "configuration: " + file.string() + " does not exist",
                "config");
  if (!std::filesystem::is_regular_file(status))
    return fail(ErrorCode::invalid_input, "configuration: " + file.string() + " is no file",
                "config");
  std::ifstream stream(file, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad())
    return fail(ErrorCode::unavailable,
                "configuration: " + file.string() + " cannot be read: " + std::strerror(errno),
                "config");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kFileBytesMax)
    return fail(ErrorCode::invalid_input,
                "configuration: " + file.string() + " is larger than 1 MiB", "config");
  return text;
}

}  // namespace

Error file_error(std::string_view file, std::uint32_t line, std::string_view key,
                 std::string_view problem) {
  return make_error(ErrorCode::invalid_input,
                    fmt::format("{}:{}: {}: {}", file, line, key, problem), "config");
}

std::vector<std::string_view> file_keys() {
  std::vector<std::string_view> names;
  for (const auto& key : kKeys) names.push_back(key.name);
  names.insert(names.end(), std::begin(kPeerKeyNames), std::end(kPeerKeyNames));
  return names;
}

Result<FileLines> read_config_file(const std::filesystem::path& file, Config& config) {
  LATENT_TRY(const std::string text, read_text(file));
  const toml::parse_result parsed = toml::parse(text, file.string());
  if (!parsed)
    return fail(ErrorCode::invalid_input,
                fmt::format("{}:{}: is not TOML: {}", file.string(),
                            parsed.error().source().begin.line, parsed.error().description()),
                "config");
  return Reader(file.string(), config).read(parsed.table());
}

}  // namespace latent::server::settings::detail
