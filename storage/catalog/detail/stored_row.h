// The columns that make a StoredInstance, and back: used by every statement that reads them.
#pragma once

#include <string_view>
#include <vector>

#include "security/base/result.h"
#include "storage/catalog/stored_instance.h"
#include "storage/database/rows.h"

namespace latent::storage::catalog::detail {

/// In a SELECT over instance, series and study, before any other column.
inline constexpr std::string_view kStoredColumns =
    "instance.sop_instance, instance.sop_class, study.study_uid, series.series_uid,"
    " instance.transfer_syntax, instance.blob, instance.key, instance.segment,"
    " instance.segment_offset, instance.sealed_bytes, instance.digest, instance.plaintext_bytes,"
    " instance.data_set_offset, instance.version,"
    " (extract(epoch FROM instance.received) * 1000000)::bigint";

/// Errors: corrupt, when a row holds what no row of ours can hold.
Result<StoredInstance> stored_instance(const database::Rows& rows, int row);
Result<std::vector<StoredInstance>> stored_instances(const database::Rows& rows);

}  // namespace latent::storage::catalog::detail
