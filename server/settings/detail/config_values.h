// One TOML value → one checked field. Each function returns what is wrong, or nothing.
#pragma once

#include <toml++/toml.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/settings/config.h"

namespace latent::server::settings::detail {

using Problem = std::optional<std::string>;

Problem take_text(const toml::node& node, std::string& out);
Problem take_flag(const toml::node& node, bool& out);
Problem take_number(const toml::node& node, std::int64_t lowest, std::int64_t highest,
                    std::int64_t& out);
/// An integer of bytes, or text such as "256 MiB".
Problem take_bytes(const toml::node& node, std::uint64_t lowest, std::uint64_t& out);
Problem take_port(const toml::node& node, std::uint16_t& out);
/// 1 second to 1 day.
Problem take_seconds(const toml::node& node, std::chrono::seconds& out);
Problem take_aet(const toml::node& node, AeTitle& out);
/// A list of numeric addresses.
Problem take_listener(const toml::node& node, Listener& out);
Problem take_host_port(const toml::node& node, std::optional<HostPort>& out);
/// Defined terms of (0008,0005), several joined by backslash (PS3.3 C.12.1.1.2).
Problem take_character_set(const toml::node& node, std::string& out);
Problem take_services(const toml::node& node, std::vector<security::access::Action>& out);

template <class Integer>
Problem take_count(const toml::node& node, std::int64_t lowest, std::int64_t highest,
                   Integer& out) {
  std::int64_t number = 0;
  if (auto problem = take_number(node, lowest, highest, number)) return problem;
  out = static_cast<Integer>(number);
  return {};
}

template <class Value, std::size_t Count>
Problem take_choice(const toml::node& node,
                    const std::pair<std::string_view, Value> (&choices)[Count], Value& out) {
  std::string text;
  if (auto problem = take_text(node, text)) return problem;
  std::string names;
  for (const auto& [name, value] : choices) {
    if (text == name) {
      out = value;
      return {};
    }
    names += (names.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  return "must be one of " + names;
}

}  // namespace latent::server::settings::detail
