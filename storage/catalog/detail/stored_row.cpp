#include "storage/catalog/detail/stored_row.h"

namespace latent::storage::catalog::detail {

Result<StoredInstance> stored_instance(const database::Rows& rows, int row) {
  const auto instance = InstanceUid::parse(rows.text(row, 0));
  const auto sop_class = SopClassUid::parse(rows.text(row, 1));
  const auto study = StudyUid::parse(rows.text(row, 2));
  const auto series = SeriesUid::parse(rows.text(row, 3));
  const auto syntax = TransferSyntaxUid::parse(rows.text(row, 4));
  const auto blob = BlobId::from(rows.bytes(row, 5));
  const auto key = KeyId::from(rows.bytes(row, 6));
  const auto digest = Digest::from(rows.bytes(row, 10));
  if (!instance || !sop_class || !study || !series || !syntax || !blob || !key || !digest)
    return fail(ErrorCode::corrupt, "catalog: an instance row holds values that are none of ours",
                "catalog");
  return StoredInstance{.sop_instance = *instance,
                        .sop_class = *sop_class,
                        .study = *study,
                        .series = *series,
                        .transfer_syntax = *syntax,
                        .blob = *blob,
                        .key = *key,
                        .location = {.segment = static_cast<std::uint64_t>(rows.integer(row, 7)),
                                     .offset = static_cast<std::uint64_t>(rows.integer(row, 8)),
                                     .bytes = static_cast<std::uint64_t>(rows.integer(row, 9))},
                        .digest = *digest,
                        .plaintext_bytes = static_cast<std::uint64_t>(rows.integer(row, 11)),
                        .data_set_offset = static_cast<std::uint32_t>(rows.integer(row, 12)),
                        .version = static_cast<std::uint32_t>(rows.integer(row, 13)),
                        .received_us = rows.integer(row, 14)};
}

Result<std::vector<StoredInstance>> stored_instances(const database::Rows& rows) {
  std::vector<StoredInstance> instances;
  instances.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    LATENT_TRY(auto instance, stored_instance(rows, row));
    instances.push_back(std::move(instance));
  }
  return instances;
}

}  // namespace latent::storage::catalog::detail
