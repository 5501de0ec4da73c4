#include "server/settings/detail/config_values.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace latent::server::settings::detail {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a decimal number";
    case toml::node_type::boolean:
      return "true/false";
    default:
      return "a date or time";
  }
}

Problem wrong_type(const toml::node& node, std::string_view wanted) {
  return fmt::format("must be {}, is {}", wanted, type_name(node));
}

bool is_numeric_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

/// "256 MiB" → bytes; nothing when it is not a number and a unit, or does not fit.
std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  constexpr std::pair<std::string_view, unsigned> kUnits[] = {
      {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  for (const auto& [name, shift] : kUnits) {
    if (unit != name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
    return number << shift;
  }
  return std::nullopt;
}

}  // namespace

Problem take_text(const toml::node& node, std::string& out) {
  const auto* text = node.as_string();
  if (text == nullptr) return wrong_type(node, "text");
  if (text->get().find('\0') != std::string::npos) return "must not hold a NUL character";
  out = text->get();
  return {};
}

Problem take_flag(const toml::node& node, bool& out) {
  const auto* flag = node.as_boolean();
  if (flag == nullptr) return wrong_type(node, "true or false");
  out = flag->get();
  return {};
}

Problem take_number(const toml::node& node, std::int64_t lowest, std::int64_t highest,
                    std::int64_t& out) {
  const auto* number = node.as_integer();
  if (number == nullptr) return wrong_type(node, "an integer");
  if (number->get() < lowest || number->get() > highest)
    return fmt::format("must lie between {} and {}, is {}", lowest, highest, number->get());
  out = number->get();
  return {};
}

Problem take_bytes(const toml::node& node, std::uint64_t lowest, std::uint64_t& out) {
  std::optional<std::uint64_t> bytes;
  if (const auto* number = node.as_integer(); number != nullptr && number->get() >= 0)
    bytes = static_cast<std::uint64_t>(number->get());
  if (const auto* text = node.as_string()) bytes = parse_bytes(text->get());
  if (!bytes) return "must be a number of bytes or text such as \"256 MiB\"";
  if (*bytes < lowest) return fmt::format("must be at least {} bytes, is {}", lowest, *bytes);
  out = *bytes;
  return {};
}

Problem take_port(const toml::node& node, std::uint16_t& out) {
  return take_count(node, 1, 65535, out);
}

Problem take_seconds(const toml::node& node, std::chrono::seconds& out) {
  std::int64_t seconds = 0;
  if (auto problem = take_number(node, 1, 86'400, seconds)) return problem;
  out = std::chrono::seconds(seconds);
  return {};
}

Problem take_aet(const toml::node& node, AeTitle& out) {
  std::string text;
  if (auto problem = take_text(node, text)) return problem;
  const auto aet = AeTitle::parse(text);
  if (!aet) return "must be an AE title: 1 to 16 printable ASCII characters without backslash";
  out = *aet;
  return {};
}

Problem take_listener(const toml::node& node, Listener& out) {
  const auto* list = node.as_array();
  if (list == nullptr) return wrong_type(node, "a list of addresses");
  std::vector<std::string> addresses;
  for (const toml::node& element : *list) {
    std::string address;
    if (auto problem = take_text(element, address)) return problem;
    if (!is_numeric_address(address))
      return "\"" + address + "\" is no numeric address such as \"127.0.0.1\" or \"::1\"";
    if (std::ranges::find(addresses, address) != addresses.end())
      return "names \"" + address + "\" twice";
    addresses.push_back(std::move(address));
  }
  if (addresses.empty()) return "must name at least one address";
  out.addresses = std::move(addresses);
  out.addresses_are_default = false;
  return {};
}

Problem take_host_port(const toml::node& node, std::optional<HostPort>& out) {
  std::string text;
  if (auto problem = take_text(node, text)) return problem;
  out = parse_host_port(text);
  if (!out) return "must be HOST:PORT, for example \"192.0.2.7:104\" or \"[2001:db8::7]:104\"";
  return {};
}

Problem take_character_set(const toml::node& node, std::string& out) {
  // PS3.3 C.12.1.1.2, tables C.12-2 to C.12-5.
  constexpr std::string_view kTerms[] = {"",
                                         "ISO_IR 6",
                                         "ISO_IR 100",
                                         "ISO_IR 101",
                                         "ISO_IR 109",
                                         "ISO_IR 110",
                                         "ISO_IR 144",
                                         "ISO_IR 127",
                                         "ISO_IR 126",
                                         "ISO_IR 138",
                                         "ISO_IR 148",
                                         "ISO_IR 203",
                                         "ISO_IR 13",
                                         "ISO_IR 166",
                                         "ISO_IR 192",
                                         "GB18030",
                                         "GBK",
                                         "ISO 2022 IR 6",
                                         "ISO 2022 IR 100",
                                         "ISO 2022 IR 101",
                                         "ISO 2022 IR 109",
                                         "ISO 2022 IR 110",
                                         "ISO 2022 IR 144",
                                         "ISO 2022 IR 127",
                                         "ISO 2022 IR 126",
                                         "ISO 2022 IR 138",
                                         "ISO 2022 IR 148",
                                         "ISO 2022 IR 203",
                                         "ISO 2022 IR 13",
                                         "ISO 2022 IR 166",
                                         "ISO 2022 IR 87",
                                         "ISO 2022 IR 159",
                                         "ISO 2022 IR 149",
                                         "ISO 2022 IR 58"};
  std::string text;
  if (auto problem = take_text(node, text)) return problem;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find('\\', from), text.size());
    const std::string term = text.substr(from, to - from);
    if (std::ranges::find(kTerms, term) == std::end(kTerms))
      return "\"" + term + "\" is no defined term of Specific Character Set";
    from = to + 1;
  }
  out = text;
  return {};
}

Problem take_services(const toml::node& node, std::vector<security::access::Action>& out) {
  using security::access::Action;
  constexpr std::pair<std::string_view, Action> kServices[] = {{"echo", Action::echo},
                                                               {"store", Action::store},
                                                               {"find", Action::query},
                                                               {"get", Action::retrieve},
                                                               {"move", Action::move}};
  const auto* list = node.as_array();
  if (list == nullptr) return wrong_type(node, "a list of services");
  std::vector<Action> services;
  for (const toml::node& element : *list) {
    Action service{};
    if (auto problem = take_choice(element, kServices, service)) return problem;
    services.push_back(service);
  }
  out = std::move(services);
  return {};
}

}  // namespace latent::server::settings::detail
