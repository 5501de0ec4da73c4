#include "storage/catalog/detail/name_pattern.h"

#include <algorithm>

#include "dicom/text/person_name.h"

namespace latent::storage::catalog::detail {
namespace {

constexpr std::string_view kAnyText = R"([^=\\]*)";
/// A component ends before its ^, which `?` does not stand for.
constexpr std::string_view kAnyCharacter = R"([^=^\\])";
constexpr std::string_view kEnd = R"(($|[=\\]))";

/// In PostgreSQL's advanced regular expressions a backslash before an ASCII letter or digit means
/// something, before anything else it only quotes.
void append_literal(std::string& regex, char c) {
  const auto byte = static_cast<unsigned char>(c);
  const bool is_word =
      byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  if (!is_word) regex += '\\';
  regex += c;
}

/// One group, folded, as it stands in a key: with '^' at its end. Empty = any.
std::string group_regex(std::string_view group) {
  std::string key = dicom::text::collation_key(group);
  while (key.ends_with("^*^*")) key.resize(key.size() - 2);
  if (std::ranges::all_of(key, [](char c) { return c == '*'; })) return {};
  std::string regex;
  for (const char c : key) {
    if (c == '*') {
      if (!regex.ends_with(kAnyText)) regex += kAnyText;
    } else if (c == '?') {
      regex += kAnyCharacter;
    } else {
      append_literal(regex, c);
    }
  }
  if (!key.ends_with('*')) regex += R"(\^)";
  return regex;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

std::string name_regex(std::string_view name) {
  const auto groups = split(name, '=');
  if (groups.size() == 1) {
    const std::string group = group_regex(name);
    return group.empty() ? group : R"((^|[=\\]))" + group + std::string(kEnd);
  }
  // A group that may be anything needs no text of its own unless a later one is asked for.
  std::string regex;
  std::string waiting;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string group = group_regex(groups[i]);
    if (i != 0) waiting += '=';
    if (group.empty()) {
      waiting += kAnyText;
    } else {
      regex += waiting + group;
      waiting.clear();
    }
  }
  return regex.empty() ? regex : R"((^|\\))" + regex + std::string(kEnd);
}

std::vector<std::string> word_regexes(std::string_view name) {
  std::vector<std::string> regexes;
  for (std::string_view word : dicom::text::name_words(name)) {
    while (word.ends_with('*')) word.remove_suffix(1);
    std::string regex = R"((^|[ ^=,\\]))";
    const std::size_t start = regex.size();
    for (const char c : word) {
      if (c == '*') {
        regex += R"([^ ^=,\\]*)";
      } else if (c == '?') {
        regex += R"([^ ^=,\\])";
      } else {
        append_literal(regex, c);
      }
    }
    if (regex.size() != start) regexes.push_back(std::move(regex));
  }
  return regexes;
}

}  // namespace latent::storage::catalog::detail
