// The one SELECT that a page of a search becomes; apart, so that it can be looked at without a
// database (tests/fuzz/identifier_fuzz.cpp).
#pragma once

#include "security/base/result.h"
#include "storage/catalog/search.h"
#include "storage/database/transaction.h"

namespace latent::storage::catalog::detail {

/// Columns: the key, one for each Search::order, one for each Search::returned. Every value of the
/// search is a parameter. Errors: invalid_input (a match that does not fit its attribute).
Result<database::Statement> search_statement(const Search& search, const SearchWindow& window);

}  // namespace latent::storage::catalog::detail
