// Items of indexed sequences as the JSON text of their column, and back.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/catalog/attributes.h"

namespace latent::storage::catalog::detail {

using Items = std::vector<std::vector<std::pair<Tag, std::string>>>;

/// [{"00400009":"STEP1"},{}]
std::string items_to_json(const Items& items);
/// What items_to_json() or PostgreSQL's jsonb wrote; anything else gives no items.
Items items_from_json(std::string_view json);

}  // namespace latent::storage::catalog::detail
