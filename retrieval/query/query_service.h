// The query verb: one way to find for every face (C-FIND, the command line, later QIDO).
//
// open() authorises nothing by itself (it takes the proof). It sends the audit event with the query
// as asked on its way, looks for the first page meanwhile, and returns when the event is committed:
// only then are there answers, page by page: memory is one page whatever matches.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "retrieval/query/answer.h"
#include "retrieval/query/query.h"
#include "security/access/authorize.h"
#include "security/base/result.h"
#include "storage/auditlog/record.h"
#include "storage/auditlog/shared_commit.h"
#include "storage/database/pool.h"

namespace latent::retrieval::query {

/// Not thread safe. Holds no connection between two pages.
class QueryCursor {
 public:
  virtual ~QueryCursor() = default;
  /// The next match; nothing at the end. Errors: unavailable, cancelled.
  virtual Result<std::optional<Answer>> next() = 0;
  /// Keys that were asked for and are not supported: neither matched nor returned (C-FIND then
  /// answers FF01).
  virtual const std::vector<Tag>& unsupported() const = 0;
};

/// Thread safe; what it is given outlives it.
class QueryService {
 public:
  QueryService(storage::database::Pool& pool, const storage::auditlog::Recorder& recorder);

  /// Errors: unavailable; invalid_input (a value that cannot be matched, naming the tag).
  Result<std::unique_ptr<QueryCursor>> open(const security::access::Authorisation& authorisation,
                                            Query query, std::stop_token stop) const;

 private:
  storage::database::Pool& pool_;
  /// Mutable, since a query changes nothing of what the service is.
  mutable storage::auditlog::SharedCommit audit_;
};

}  // namespace latent::retrieval::query
