// A query as a search of the catalog, and how its rows become answers.
#pragma once

#include <cstddef>
#include <vector>

#include "retrieval/query/answer.h"
#include "retrieval/query/query.h"
#include "security/base/result.h"
#include "storage/catalog/search.h"

namespace latent::retrieval::query::detail {

/// One attribute of an answer: which cell it is read from.
struct AnswerColumn {
  Tag tag;
  Vr vr{};
  std::size_t cell = 0;
  std::vector<Tag> item_tags{};  ///< of a sequence: what was asked; empty = all
};

struct Translation {
  storage::catalog::Search search;
  std::vector<AnswerColumn> columns;  ///< ascending by tag
  std::vector<Tag> unsupported;
};

/// Errors: invalid_input naming the tag (too many or too long values, an order that cannot be).
Result<Translation> translate(const Query& query);

Answer answer_of(const Translation& translation, std::vector<storage::catalog::SearchCell> hit);

/// The query in words, for the audit event: "STUDY PatientName=DOE* StudyDate=2020-".
std::string as_words(const Query& query);

}  // namespace latent::retrieval::query::detail
