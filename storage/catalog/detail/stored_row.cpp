#include "storage/catalog/detail/stored_row.h"

namespace latent::storage::catalog::detail {

Result<StoredInstance> stored_instance(const database::Rows& rows, int row) {
  const auto sop_instance = InstanceUid::parse(rows.text(row, 0));
  const auto sop_class = SopClassUid::parse(rows.text(row, 1));
  const auto study = StudyUid::parse(rows.text(row, 2));
  const auto series = SeriesUid::parse(rows.text(row, 3));
  const auto transfer_syntax = TransferSyntaxUid::parse(rows.text(row, 4));
  const auto blob = BlobId::from(rows.bytes(row, 5));
  const auto key = KeyId::from(rows.bytes(row, 6));
  const auto digest = Digest::from(rows.bytes(row, 10));
  if (!sop_instance || !sop_class || !study || !series || !transfer_syntax || !blob || !key ||
      !digest)
    return fail(ErrorCode::corrupt, "a row of table instance holds a malformed identifier",
                "catalog");
  const auto number = [&](int column) {
    return static_cast<std::uint64_t>(rows.integer(row, column));
  };
  return StoredInstance{.sop_instance = *sop_instance,
                        .sop_class = *sop_class,
                        .study = *study,
                        .series = *series,
                        .transfer_syntax = *transfer_syntax,
                        .blob = *blob,
                        .key = *key,
                        .location = {.segment = number(7), .offset = number(8), .bytes = number(9)},
                        .digest = *digest,
                        .plaintext_bytes = number(11),
                        .data_set_offset = static_cast<std::uint32_t>(number(12)),
                        .version = static_cast<std::uint32_t>(number(13)),
                        .received_us = rows.integer(row, 14)};
}

Result<std::vector<StoredInstance>> stored_instances(const database::Rows& rows) {
  std::vector<StoredInstance> instances;
  instances.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    LATENT_TRY(auto instance, stored_instance(rows, row));
    instances.push_back(instance);
  }
  return instances;
}

}  // namespace latent::storage::catalog::detail
