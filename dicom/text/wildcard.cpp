#include "dicom/text/wildcard.h"

#include "dicom/text/detail/utf8.h"

namespace latent::dicom::text {

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*?") != std::string_view::npos;
}

std::string like_pattern(std::string_view pattern) {
  std::string like;
  like.reserve(pattern.size() + 8);
  char before = '\0';
  for (const char c : pattern) {
    const bool is_repeated_star = c == '*' && before == '*';
    before = c;
    if (is_repeated_star) continue;
    if (c == '*' || c == '?') {
      like += c == '*' ? '%' : '_';
      continue;
    }
    if (c == '%' || c == '_' || c == '\\') like += '\\';
    like += c;
  }
  return like;
}

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // where the last star was, and
  std::size_t star_text = 0;                  // how far it has eaten
  while (t < text.size()) {
    const bool has_pattern = p < pattern.size();
    const unsigned length = detail::utf8_at(text, t).length;
    if (has_pattern && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (has_pattern && pattern[p] == '?') {
      ++p;
      t += length;
    } else if (has_pattern && pattern.substr(p, length) == text.substr(t, length)) {
      p += length;
      t += length;
    } else if (star != std::string_view::npos) {
      star_text += detail::utf8_at(text, star_text).length;
      p = star + 1;
      t = star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace latent::dicom::text
