// Rows of table instance, joined with series and study, as values. Used by the .cpp files of this
// room only.
#pragma once

#include <string_view>
#include <vector>

#include "security/base/result.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/rows.h"

namespace latent::storage::catalog::detail {

/// The select list that stored_instances() reads, from its first column on. The query joins the
/// tables under their own names: FROM instance JOIN series … JOIN study ….
inline constexpr std::string_view kStoredColumns =
    "instance.sop_instance, instance.sop_class, study.study_uid, series.series_uid,"
    " instance.transfer_syntax, instance.blob, instance.key, instance.segment,"
    " instance.segment_offset, instance.sealed_bytes, instance.digest, instance.plaintext_bytes,"
    " instance.data_set_offset, instance.version,"
    " (extract(epoch FROM instance.received) * 1000000)::bigint";
inline constexpr int kStoredColumnCount = 15;

inline constexpr std::string_view kFromInstance =
    " FROM instance JOIN series ON series.id = instance.series"
    " JOIN study ON study.id = series.study";

/// Errors: corrupt, when a row holds what no identifier of ours is.
Result<StoredInstance> stored_instance(const database::Rows& rows, int row);
Result<std::vector<StoredInstance>> stored_instances(const database::Rows& rows);

}  // namespace latent::storage::catalog::detail
