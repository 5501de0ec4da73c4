#include "storage/database/rows.h"

#include <libpq-fe.h>

#include <charconv>

namespace latent::storage::database {
namespace {

constexpr std::uint32_t kOidBytea = 17;  // pg_type.dat; fixed for ever by PostgreSQL

/// An array literal quotes every element, so that no content (braces, commas, the word NULL, outer
/// spaces) can be taken for syntax (PostgreSQL manual 8.15.6).
void append_quoted(std::string& literal, std::string_view element) {
  literal += '"';
  for (char c : element) {
    if (c == '"' || c == '\\') literal += '\\';
    literal += c;
  }
  literal += '"';
}

void append_int32(std::string& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(value >> shift & 0xFF);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c - 'a' + 10;  // bytea_output = hex writes lower case
}

}  // namespace

Params& Params::text(std::string_view value) {
  values_.push_back({std::string(value), false});
  return *this;
}

Params& Params::text(const std::optional<std::string>& value) {
  return value ? text(std::string_view(*value)) : null();
}

Params& Params::integer(std::int64_t value) {
  values_.push_back({std::to_string(value), false});
  return *this;
}

Params& Params::integer(std::optional<std::int64_t> value) {
  return value ? integer(*value) : null();
}

Params& Params::boolean(bool value) {
  values_.push_back({std::string(value ? "t" : "f"), false});
  return *this;
}

Params& Params::bytes(ByteSpan value) {
  values_.push_back({std::string(as_text(value)), true});
  return *this;
}

Params& Params::null() {
  values_.push_back({std::nullopt, false});
  return *this;
}

Params& Params::text_array(std::span<const std::optional<std::string>> values) {
  std::string literal = "{";
  for (const auto& value : values) {
    if (literal.size() > 1) literal += ',';
    if (value) {
      append_quoted(literal, *value);
    } else {
      literal += "NULL";
    }
  }
  literal += '}';
  values_.push_back({std::move(literal), false});
  return *this;
}

Params& Params::integer_array(std::span<const std::optional<std::int64_t>> values) {
  std::string literal = "{";
  for (const auto& value : values) {
    if (literal.size() > 1) literal += ',';
    literal += value ? std::to_string(*value) : "NULL";
  }
  literal += '}';
  values_.push_back({std::move(literal), false});
  return *this;
}

/// Binary array format (array_recv in PostgreSQL's arrayfuncs.c): number of dimensions, "has
/// NULLs", element type; per dimension its length and lower bound; per element length and bytes.
Params& Params::bytes_array(std::span<const std::optional<Bytes>> values) {
  std::string wire;
  std::size_t size = 20;
  std::uint32_t has_null = 0;
  for (const auto& value : values) {
    size += 4 + (value ? value->size() : 0);
    if (!value) has_null = 1;
  }
  wire.reserve(size);
  append_int32(wire, values.empty() ? 0 : 1);
  append_int32(wire, has_null);
  append_int32(wire, kOidBytea);
  if (!values.empty()) {
    append_int32(wire, static_cast<std::uint32_t>(values.size()));
    append_int32(wire, 1);
  }
  for (const auto& value : values) {
    append_int32(wire, value ? static_cast<std::uint32_t>(value->size()) : 0xFFFFFFFFu);
    if (value) wire += as_text(*value);
  }
  values_.push_back({std::move(wire), true});
  return *this;
}

int Rows::size() const { return PQntuples(result_.get()); }

std::int64_t Rows::affected() const {
  const std::string_view count = PQcmdTuples(result_.get());
  std::int64_t value = 0;
  std::from_chars(count.data(), count.data() + count.size(), value);
  return value;
}

std::string_view Rows::command() const { return PQcmdStatus(result_.get()); }

bool Rows::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::optional<std::string> Rows::optional_text(int row, int column) const {
  if (is_null(row, column)) return std::nullopt;
  return std::string(text(row, column));
}

std::int64_t Rows::integer(int row, int column) const {
  const std::string_view digits = text(row, column);
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::optional<std::int64_t> Rows::optional_integer(int row, int column) const {
  if (is_null(row, column)) return std::nullopt;
  return integer(row, column);
}

bool Rows::boolean(int row, int column) const { return text(row, column) == "t"; }

Bytes Rows::bytes(int row, int column) const {
  std::string_view hex = text(row, column);
  if (!hex.starts_with("\\x")) return {};
  hex.remove_prefix(2);
  Bytes bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
  return bytes;
}

}  // namespace latent::storage::database
