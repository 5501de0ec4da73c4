// From the raw attributes of an object to the cells of its catalog rows: text in UTF-8, dates and
// times also as real types, names also folded (see the head of migration 0002).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/scanner/dataset_index.h"
#include "dicom/text/character_set.h"
#include "storage/catalog/attributes.h"

namespace latent::storage::catalog::detail {

/// A column of the table of one level that is filled from data sets. An attribute has one or two.
struct Column {
  std::string name;
  std::string type;       ///< of the parameter that carries it: "text", "date", …
  std::string attribute;  ///< column of the value as it came; `name` itself, or that of a typed one
  bool is_list = false;   ///< text[]: the parameter holds the values with '\\' between them

  /// From a parameter of that type to the column's: of("$7") for one row, of("n.name") for many.
  std::string of(std::string_view parameter) const;
};
/// In the order in which cells_of() gives them. Built once; read-only.
const std::vector<Column>& columns_of(Level level);

/// A value as PostgreSQL reads it from text; nothing = NULL.
using Cell = std::optional<std::string>;
using Cells = std::vector<Cell>;

/// The cells of one level. Never fails: what cannot be read as its type has no typed value.
Cells cells_of(const dicom::scanner::DatasetIndex& index, const dicom::text::CharacterSet& set,
               Level level);

/// The folded form of a name, any multiplicity: "yamada^tarou^=山田^太郎^", values divided by '\'.
std::string name_key(std::string_view name);

/// Values of one element: decoded, outer spaces cut, each at most `bytes_max` long.
std::vector<std::string> decode_values(std::string_view raw, Vr vr,
                                       const dicom::text::CharacterSet& set, std::size_t bytes_max);

}  // namespace latent::storage::catalog::detail
