// Person names as regular expressions over the folded key of column `x_key`: the form that
// the trigram index serves and that keeps `*` inside one component group of one value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace latent::storage::catalog::detail {

/// Matches the keys of names that `name` (DICOM wild cards, groups divided by '=') means. Nothing
/// when it means every name.
std::string name_regex(std::string_view name);

/// One expression for each word of `name`; all must match. Empty when there is no word.
std::vector<std::string> word_regexes(std::string_view name);

}  // namespace latent::storage::catalog::detail
