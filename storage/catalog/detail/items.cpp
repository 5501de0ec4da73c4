#include "storage/catalog/detail/items.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace latent::storage::catalog::detail {

std::string items_to_json(const Items& items) {
  nlohmann::json array = nlohmann::json::array();
  for (const auto& item : items) {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& [tag, value] : item) object[fmt::format("{:08X}", tag.value())] = value;
    array.push_back(std::move(object));
  }
  return array.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Items items_from_json(std::string_view json) {
  Items items;
  const auto array = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!array.is_array()) return items;
  for (const auto& object : array) {
    auto& item = items.emplace_back();
    if (!object.is_object()) continue;
    for (const auto& [key, value] : object.items()) {
      std::uint32_t tag = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), tag, 16);
      if (error == std::errc() && value.is_string())
        item.emplace_back(Tag::from(tag), value.get<std::string>());
    }
    std::ranges::sort(item);
  }
  return items;
}

}  // namespace latent::storage::catalog::detail
