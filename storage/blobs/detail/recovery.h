// What the start does with the files that the last process left (formats.md §3, "recovery at
// start").
#pragma once

#include <filesystem>

#include "storage/blobs/blob_store.h"

namespace latent::storage::blobs::detail {

/// The number in a segment's file name; nothing for other files.
std::optional<std::uint64_t> segment_number(const std::filesystem::path& path);
/// The segment files of a folder, ascending.
Result<std::vector<std::uint64_t>> segment_numbers(const std::filesystem::path& folder);

/// Brings every unsealed segment of `folder` into a state that is never written again: unfinished
/// large blobs are removed, torn tails cut, the rest sealed. A segment whose damage reaches what
/// rows point to is left untouched and reported.
/// Errors: corrupt "store" (a file of another archive), file errors, the catalog's.
Result<RecoveryReport> recover(const std::filesystem::path& folder, const StoreId& store,
                               const CatalogView& catalog);

}  // namespace latent::storage::blobs::detail
