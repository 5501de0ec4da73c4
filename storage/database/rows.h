// What a statement takes and gives. Values are bound as parameters, never pasted into SQL.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "security/base/bytes.h"
#include "security/base/raii.h"

struct pg_result;
extern "C" void PQclear(pg_result*);

namespace latent::storage::database {

/// Parameters $1, $2, … in the order they are added. Owns copies of the values. Their types are
/// inferred by PostgreSQL from the statement, so an array needs a cast there: unnest($1::text[]).
/// PostgreSQL's text cannot hold NUL or broken UTF-8: such a value makes the statement fail
/// (invalid_input, or SQLSTATE 22021), it is never cut.
class Params {
 public:
  Params& text(std::string_view value);
  Params& text(const std::optional<std::string>& value);  ///< NULL when empty
  Params& integer(std::int64_t value);
  Params& integer(std::optional<std::int64_t> value);
  Params& boolean(bool value);
  Params& bytes(ByteSpan value);  ///< bytea
  Params& null();
  /// Arrays for unnest(): text[], bigint[], bytea[]; a missing element is NULL.
  Params& text_array(std::span<const std::optional<std::string>> values);
  Params& integer_array(std::span<const std::optional<std::int64_t>> values);
  Params& bytes_array(std::span<const std::optional<Bytes>> values);

  struct Value {
    std::optional<std::string> bytes;  ///< NULL when missing
    bool binary = false;               ///< bytea and bytea[] go in binary format
  };
  std::span<const Value> values() const { return values_; }

 private:
  std::vector<Value> values_;
};

/// A finished result. Views live as long as the Rows.
class Rows {
 public:
  explicit Rows(pg_result* result) : result_(result) {}
  int size() const;
  bool empty() const { return size() == 0; }
  /// Rows touched by INSERT, UPDATE, DELETE.
  std::int64_t affected() const;
  /// What was done, with its count: "INSERT 0 3", "COMMIT".
  std::string_view command() const;
  bool is_null(int row, int column) const;
  std::string_view text(int row, int column) const;  ///< "" for NULL
  std::optional<std::string> optional_text(int row, int column) const;
  std::int64_t integer(int row, int column) const;  ///< 0 for NULL
  std::optional<std::int64_t> optional_integer(int row, int column) const;
  bool boolean(int row, int column) const;
  Bytes bytes(int row, int column) const;  ///< bytea, decoded

 private:
  std::unique_ptr<pg_result, Deleter<PQclear>> result_;
};

}  // namespace latent::storage::database
