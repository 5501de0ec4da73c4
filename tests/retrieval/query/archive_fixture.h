// A catalog with instances in it and the query verb over it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "retrieval/query/query_service.h"
#include "storage/catalog/instances.h"
#include "tests/support/manual_clock.h"
#include "tests/support/new_instance.h"
#include "tests/support/private_database.h"

namespace latent::retrieval::query {

using namespace std::chrono_literals;
using storage::catalog::NewInstance;
using storage::database::Transaction;
using test::Attributes;
using test::new_instance;

class ArchiveFixture : public ::testing::Test {
 protected:
  Transaction begin() {
    auto transaction = Transaction::begin(*pool_, deadline_in(10s));
    if (!transaction) throw std::runtime_error(transaction.error().text);
    return std::move(*transaction);
  }
  void insert(const std::vector<NewInstance>& instances) {
    auto transaction = begin();
    const auto done = storage::catalog::insert_instances(transaction, instances, {});
    if (!done) throw std::runtime_error(done.error().text);
    if (!transaction.commit()) throw std::runtime_error("commit");
  }
  static security::access::Authorisation may_query() {
    using namespace security::access;
    const Policy policy({{.kind = Caller::Kind::peer, .name = {}, .actions = {Action::query}}});
    return policy
        .authorize({.kind = Caller::Kind::peer, .name = "dimse:WS1", .ip = {}}, Action::query)
        .value();
  }
  Result<std::unique_ptr<QueryCursor>> open(Query query, std::stop_token stop = {}) {
    return service_.open(may_query(), std::move(query), std::move(stop));
  }
  std::vector<Answer> answers(Query query) {
    auto cursor = open(std::move(query));
    if (!cursor) throw std::runtime_error(cursor.error().text);
    std::vector<Answer> all;
    while (true) {
      auto answer = (*cursor)->next();
      if (!answer) throw std::runtime_error(answer.error().text);
      if (!*answer) return all;
      all.push_back(std::move(**answer));
    }
  }
  /// First values of one attribute over all answers.
  std::vector<std::string> found(Query query, Tag tag) {
    query.keys.emplace_back().tag = tag;
    std::vector<std::string> values;
    for (const Answer& answer : answers(std::move(query))) {
      const AnswerAttribute* attribute = answer.find(tag);
      values.push_back(attribute == nullptr || attribute->values.empty()
                           ? std::string()
                           : attribute->values.front());
    }
    return values;
  }

  test::PrivateDatabase database_;
  std::unique_ptr<storage::database::Pool> pool_ = database_.open_pool();
  test::ManualClock clock_;
  storage::auditlog::Recorder recorder_{clock_, "0badcafe"};
  QueryService service_{*pool_, recorder_};
};

inline Query query_at(Level level, std::vector<Key> keys = {}) {
  Query query;
  query.level = level;
  query.root = Root::patient;
  query.keys = std::move(keys);
  return query;
}

}  // namespace latent::retrieval::query
