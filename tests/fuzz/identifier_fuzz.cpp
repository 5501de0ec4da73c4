// Arbitrary bytes as a C-FIND identifier, through to the SELECT that PostgreSQL would get. Byte 0
// chooses transfer syntax, information model and negotiated options, byte 1 the assumed character
// set; the rest is the identifier.
//
// What must hold: the SQL is made of words that stand in our own tables, whatever the values are;
// each value is a parameter, each parameter has its place, and each is of a form that PostgreSQL
// takes for its type, since an error there would be an answer that blames the archive.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/text/detail/utf8.h"
#include "retrieval/query/detail/translate.h"
#include "retrieval/query/query.h"
#include "storage/catalog/detail/search_sql.h"
#include "tests/fuzz/fuzz_check.h"

using namespace latent;
using namespace latent::retrieval::query;
using latent::fuzz::fuzz_check;
namespace catalog = latent::storage::catalog;
namespace database = latent::storage::database;

namespace {

/// With every attribute asked for, and as many values as a query may have.
constexpr std::size_t kSqlBytesMax = 64u << 10;
constexpr std::size_t kParametersMax = 1'000;
constexpr std::size_t kWordsBytesMax = 17u << 10;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Every word that may stand in a search: the grammar's, the tables', the columns'.
const std::set<std::string, std::less<>>& vocabulary() {
  static const std::set<std::string, std::less<>> words = [] {
    std::set<std::string, std::less<>> known = {
        "SELECT", "FROM", "WHERE", "AND", "OR", "JOIN", "ON", "AS", "ANY", "IS", "NOT", "NULL",
        "true", "EXISTS", "LIKE", "ORDER", "BY", "ASC", "LIMIT",
        // functions, types, aliases
        "array_to_string", "unnest", "jsonb_array_elements", "text", "bigint", "date", "time",
        "timestamp", "one", "value", "element", "item",
        // tables, and their columns that are no attributes
        "patient", "study", "series", "instance", "id", "studies", "instances", "superseded_at",
        "0"};
    for (const catalog::Attribute& attribute : catalog::attributes()) {
      for (const char* suffix : {"", "_value", "_key"})
        known.insert(std::string(attribute.column) + suffix);
      for (const catalog::ItemAttribute& item : catalog::item_attributes(attribute.tag))
        known.insert(std::string(item.key));
    }
    return known;
  }();
  return words;
}

/// Removes and returns the word in front; empty when none stands there.
std::string_view take_word(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_word(text[length])) ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_date(std::string_view text) {
  return text.size() == 8 && all_digits(text) && text.substr(0, 4) != "0000" &&
         text.substr(4, 2) >= "01" && text.substr(4, 2) <= "12" && text.substr(6) >= "01" &&
         text.substr(6) <= "31";
}
bool is_time(std::string_view text) {
  const std::string_view fraction = text.size() > 6 ? text.substr(6) : std::string_view();
  return text.size() >= 6 && all_digits(text.substr(0, 6)) && text.substr(0, 2) <= "23" &&
         text.substr(2, 2) <= "59" && text.substr(4, 2) <= "59" &&
         (fraction.empty() ||
          (fraction.size() <= 7 && fraction[0] == '.' && all_digits(fraction.substr(1))));
}
bool is_bigint(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return all_digits(text) && text.size() <= 19;
}

void check_parameter(const database::Params::Value& parameter, std::string_view type) {
  fuzz_check(parameter.bytes.has_value() && !parameter.binary, "a query binds text");
  const std::string& value = *parameter.bytes;
  if (type == "date") {
    fuzz_check(is_date(value), "a date is one");
  } else if (type == "time") {
    fuzz_check(is_time(value), "a time is one");
  } else if (type == "timestamp") {
    const std::size_t space = value.find(' ');
    fuzz_check(space != std::string::npos && is_date(value.substr(0, space)) &&
                   is_time(value.substr(space + 1)),
               "a moment is one");
  } else if (type == "bigint") {
    fuzz_check(is_bigint(value), "a number is one");
  } else {
    fuzz_check(type == "text", "no other types are bound");
    fuzz_check(value.find('\0') == std::string::npos, "no NUL, which PostgreSQL cannot take");
    fuzz_check(dicom::text::detail::is_utf8(value), "text is UTF-8");
  }
}

void check_statement(const database::Statement& statement) {
  const auto values = statement.params.values();
  fuzz_check(values.size() <= kParametersMax, "the number of parameters is bounded");
  fuzz_check(statement.sql.size() <= kSqlBytesMax, "the SQL is bounded");
  std::size_t placeholders = 0;
  std::string_view rest = statement.sql;
  while (!rest.empty()) {
    if (is_word(rest.front())) {
      fuzz_check(vocabulary().contains(take_word(rest)), "every word of the SQL is ours");
      continue;
    }
    if (rest.front() == '$') {
      rest.remove_prefix(1);
      ++placeholders;
      fuzz_check(take_word(rest) == std::to_string(placeholders), "placeholders count up");
      fuzz_check(rest.starts_with("::") && placeholders <= values.size(),
                 "each has value and type");
      rest.remove_prefix(2);
      check_parameter(values[placeholders - 1], take_word(rest));
      continue;
    }
    fuzz_check(std::string_view(" ,.()=<>+|&~-:[]'\\").find(rest.front()) != std::string_view::npos,
               "no other characters stand in the SQL");
    rest.remove_prefix(1);
  }
  fuzz_check(placeholders == values.size(), "each parameter has its place");
}

std::string_view transfer_syntax_of(unsigned choice) {
  namespace syntaxes = dicom::model::transfer_syntaxes;
  constexpr std::array kSyntaxes = {syntaxes::kImplicitLittle, syntaxes::kExplicitLittle,
                                    syntaxes::kExplicitBig, syntaxes::kDeflated};
  return kSyntaxes[choice % kSyntaxes.size()];
}

Root root_of(unsigned choice) {
  constexpr std::array kRoots = {Root::study, Root::patient, Root::patient_study_only, Root::study};
  return kRoots[choice % kRoots.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned choice = data[0];
  constexpr std::array kAssumed = {"", "ISO_IR 192", "ISO_IR 100", "GB18030", "\\ISO 2022 IR 87"};
  const Options options{.fuzzy_names = (choice & 16) != 0,
                        .combined_date_time = (choice & 32) != 0,
                        .relational = (choice & 64) != 0};
  const auto query = parse_identifier({reinterpret_cast<const std::byte*>(data) + 2, size - 2},
                                      transfer_syntax_of(choice), root_of(choice / 4), options,
                                      kAssumed[data[1] % kAssumed.size()], Limits{});
  if (!query) {
    fuzz_check(query.error().code == ErrorCode::invalid_input && !query.error().text.empty(),
               "what cannot be read is the peer's fault, and it is told why");
    return 0;
  }
  const std::string words = detail::as_words(*query);
  fuzz_check(words.size() <= kWordsBytesMax && dicom::text::detail::is_utf8(words),
             "the words of the audit event are bounded text");
  const auto translation = detail::translate(*query);
  if (!translation) {
    fuzz_check(
        translation.error().code == ErrorCode::invalid_input && !translation.error().text.empty(),
        "what cannot be asked is the peer's fault, and it is told why");
    return 0;
  }
  const auto statement =
      catalog::detail::search_statement(translation->search, {.after = {}, .hits_max = 100});
  if (!statement) {
    fuzz_check(statement.error().code == ErrorCode::invalid_input,
               "what cannot be matched is the peer's fault");
    return 0;
  }
  check_statement(*statement);
  return 0;
}
