// One match, and how a face writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/model/tag.h"
#include "dicom/model/vr.h"
#include "retrieval/query/query.h"
#include "security/base/bytes.h"
#include "security/base/result.h"

namespace latent::retrieval::query {

/// Attributes in ascending order of tag. Values are UTF-8 text as they came (numbers too); a
/// zero-length value has no entry in `values`.
struct AnswerAttribute {
  Tag tag;
  Vr vr{};
  std::vector<std::string> values{};
  std::vector<std::vector<AnswerAttribute>> items{};  ///< of a sequence
};
struct Answer {
  std::vector<AnswerAttribute> attributes{};

  /// Null when the attribute is not among them.
  const AnswerAttribute* find(Tag tag) const;
};

/// What the face adds to every answer of C-FIND.
struct AnswerExtras {
  std::string retrieve_ae_title{};               ///< (0008,0054)
  std::string instance_availability = "ONLINE";  ///< (0008,0056), when asked for
};

/// Writes the identifier of a C-FIND answer: query level, (0008,0005) only when a value is not
/// ASCII (a set that can hold all of them), even lengths, tags ascending. Errors: invalid_input
/// (not a syntax that identifiers are written in).
Result<Bytes> encode_answer(const Answer& answer, const Query& query, const AnswerExtras& extras,
                            std::string_view transfer_syntax);

}  // namespace latent::retrieval::query
