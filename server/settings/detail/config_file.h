// Reads the TOML file into a Config, key by key from one table. Private to this room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/settings/config.h"

namespace latent::server::settings::detail {

/// Where things stand in the file, for rules that look at more than one key.
struct FileLines {
  std::string file;
  std::map<std::string, std::uint32_t, std::less<>> keys;  ///< "dimse.listen" → 12
  std::vector<std::uint32_t> peers;  ///< first line of each [[peer]], in the order of Config::peers
};

/// Overwrites in `config` what the file names.
Result<FileLines> read_config_file(const std::filesystem::path& file, Config& config);

std::vector<std::string_view> file_keys();

/// "latent.toml:12: dimse.port: …" as an Error.
Error file_error(std::string_view file, std::uint32_t line, std::string_view key,
                 std::string_view problem);

}  // namespace latent::server::settings::detail
