// The data folder: one archive process at a time, and the node's name in it.
#pragma once

#include <filesystem>
#include <string>

#include "security/base/raii.h"
#include "security/base/result.h"

namespace latent::server::archive::detail {

/// Makes the folder when missing (mode 0700) and holds its lock as long as the descriptor lives.
/// Errors: refused, when another process has it.
Result<FileDescriptor> lock_folder(const std::filesystem::path& data_dir);

/// The eight hexadecimal digits in DIR/node, drawn on first start. Errors: corrupt.
Result<std::string> node_name(const std::filesystem::path& data_dir);

}  // namespace latent::server::archive::detail
