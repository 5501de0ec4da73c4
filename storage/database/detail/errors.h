// SQLSTATE → Error. What the server says is cleaned of values first: its messages may quote a
// parameter, and Error texts are logged.
#pragma once

#include <string>
#include <string_view>

#include "security/base/error.h"

namespace latent::storage::database {

inline constexpr std::string_view kWhere = "database";

ErrorCode code_of(std::string_view sqlstate);
/// The server's primary message without what may be a value: messages of class 22 (data
/// exceptions) quote the datum, so they are cut at the colon and their quotations are blanked.
std::string without_values(std::string_view sqlstate, std::string_view message);

}  // namespace latent::storage::database
