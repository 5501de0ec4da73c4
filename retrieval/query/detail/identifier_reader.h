// The elements of a C-FIND identifier, still encoded: top level, and the first level of sequences.
#pragma once

#include <optional>
#include <vector>

#include "dicom/model/tag.h"
#include "dicom/model/vr.h"
#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::retrieval::query::detail {

struct RawKey {
  dicom::model::Tag tag;
  dicom::model::Vr vr{};
  Bytes value{};                                ///< numbers little endian
  std::optional<dicom::model::Tag> sequence{};  ///< in whose item it stands
  bool is_sequence = false;                     ///< then `value` is empty
};

/// In the order of the identifier. Deeper sequences show as one key without a value. Errors:
/// invalid_input (unreadable, longer than Limits::identifier_bytes_max, a key more than once).
Result<std::vector<RawKey>> read_identifier(ByteSpan identifier, std::string_view transfer_syntax,
                                            const Limits& limits);

}  // namespace latent::retrieval::query::detail
