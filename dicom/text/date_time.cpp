#include "dicom/text/date_time.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <limits>

namespace latent::dicom::text {
namespace {

constexpr Microseconds kSecond = 1'000'000;
constexpr Microseconds kMinute = 60 * kSecond;
constexpr Microseconds kHour = 60 * kMinute;
constexpr Microseconds kDay = 24 * kHour;

/// The first and the last moment that a value of limited precision may mean.
template <class Value>
struct Span {
  Value first{};
  Value last{};
};

std::string_view trimmed(std::string_view text) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!text.empty() && is_padding(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_padding(text.front())) text.remove_prefix(1);
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Exactly `count` digits from the front; -1 when they are not there.
int take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

std::optional<Days> days_of(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 1 || !date.ok()) return std::nullopt;
  return static_cast<Days>(std::chrono::sys_days(date).time_since_epoch().count());
}

/// Behind a seconds field: "." and one to six digits, and nothing else. Digits beyond six are met
/// and cut.
std::optional<Span<Microseconds>> fraction_span(std::string_view text) {
  if (text.empty()) return Span<Microseconds>{0, kSecond - 1};
  if (text.front() != '.' && text.front() != ',') return std::nullopt;
  text.remove_prefix(1);
  if (text.empty() || text.size() > 12) return std::nullopt;
  Microseconds unit = kSecond;
  Microseconds value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    if (unit == 1) continue;
    unit /= 10;
    value += unit * (c - '0');
  }
  return Span<Microseconds>{value, value + unit - 1};
}

/// HH[[:]MM[[:]SS[.F…]]] and nothing behind.
std::optional<Span<Microseconds>> time_span(std::string_view text) {
  const bool has_colons = text.size() > 2 && text[2] == ':';
  const auto take_field = [&](int largest) {
    if (has_colons && !text.empty()) {
      if (text.front() != ':') return -1;
      text.remove_prefix(1);
    }
    const int value = take_digits(text, 2);
    return value > largest ? -1 : value;
  };

  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23) return std::nullopt;
  Microseconds start = hour * kHour;
  if (text.empty()) return Span<Microseconds>{start, start + kHour - 1};
  const int minute = take_field(59);
  if (minute < 0) return std::nullopt;
  start += minute * kMinute;
  if (text.empty()) return Span<Microseconds>{start, start + kMinute - 1};
  const int second = take_field(60);
  if (second < 0) return std::nullopt;
  const auto fraction = fraction_span(text);
  if (!fraction) return std::nullopt;
  if (second == 60) return Span<Microseconds>{start + kMinute - 1, start + kMinute - 1};
  start += second * kSecond;
  return Span<Microseconds>{start + fraction->first, start + fraction->last};
}

/// YYYYMMDD, YYYY.MM.DD (ACR-NEMA) or YYYY-MM-DD.
std::optional<Days> whole_date(std::string_view text) {
  const int year = take_digits(text, 4);
  const char separator = text.empty() ? '\0' : text.front();
  const bool is_separated = separator == '.' || separator == '-';
  if (is_separated) text.remove_prefix(1);
  const int month = take_digits(text, 2);
  if (is_separated) {
    if (text.empty() || text.front() != separator) return std::nullopt;
    text.remove_prefix(1);
  }
  const int day = take_digits(text, 2);
  if (year < 0 || month < 0 || day < 0 || !text.empty()) return std::nullopt;
  return days_of(year, month, day);
}

std::optional<Span<Microseconds>> days_span(std::optional<Days> first, std::optional<Days> behind) {
  if (!first || !behind) return std::nullopt;
  return Span<Microseconds>{*first * kDay, *behind * kDay - 1};
}

/// YYYY[MM[DD[HH…]]] without offset, as if UTC.
std::optional<Span<Microseconds>> local_date_time_span(std::string_view text) {
  const int year = take_digits(text, 4);
  if (year < 1) return std::nullopt;
  if (text.empty()) return days_span(days_of(year, 1, 1), days_of(year + 1, 1, 1));
  const int month = take_digits(text, 2);
  if (month < 1 || month > 12) return std::nullopt;
  if (text.empty()) {
    const auto behind = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
    return days_span(days_of(year, month, 1), behind);
  }
  const auto date = days_of(year, month, take_digits(text, 2));
  if (!date) return std::nullopt;
  if (text.empty()) return days_span(date, *date + 1);
  const auto time = time_span(text);
  if (!time) return std::nullopt;
  return Span<Microseconds>{*date * kDay + time->first, *date * kDay + time->last};
}

std::optional<Span<Microseconds>> date_time_span(std::string_view text, int offset_minutes) {
  if (text.size() > 5 && (text[text.size() - 5] == '+' || text[text.size() - 5] == '-')) {
    const auto offset = parse_utc_offset(text.substr(text.size() - 5));
    if (!offset) return std::nullopt;
    offset_minutes = *offset;
    text.remove_suffix(5);
  }
  auto span = local_date_time_span(text);
  if (!span) return std::nullopt;
  span->first -= offset_minutes * kMinute;
  span->last -= offset_minutes * kMinute;
  return span;
}

/// `read` gives the span of one value. Every hyphen is tried as the one between the ends; query
/// keys are short, and longer ones are refused, so that this stays cheap.
template <class Value, class Read>
std::optional<Range<Value>> parse_range(std::string_view text, Read read) {
  text = trimmed(text);
  if (text.size() < 2 || text.size() > 64) return std::nullopt;
  if (const auto single = read(text)) return Range<Value>{single->first, single->last};
  for (std::size_t at = text.find('-'); at != text.npos; at = text.find('-', at + 1)) {
    const std::string_view left = trimmed(text.substr(0, at));
    const std::string_view right = trimmed(text.substr(at + 1));
    const auto first = read(left);
    const auto last = read(right);
    if ((left.empty() && right.empty()) || (!left.empty() && !first) || (!right.empty() && !last))
      continue;
    Range<Value> range;
    if (first) range.first = first->first;
    if (last) range.last = last->last;
    return range;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Days> parse_date(std::string_view text) { return whole_date(trimmed(text)); }

std::optional<Microseconds> parse_time(std::string_view text) {
  const auto span = time_span(trimmed(text));
  return span ? std::optional(span->first) : std::nullopt;
}

std::optional<Microseconds> parse_date_time(std::string_view text, int offset_minutes) {
  const auto span = date_time_span(trimmed(text), offset_minutes);
  return span ? std::optional(span->first) : std::nullopt;
}

std::optional<int> parse_utc_offset(std::string_view text) {
  text = trimmed(text);
  if (text.size() != 5 || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const int hours = take_digits(text, 2);
  const int minutes = take_digits(text, 2);
  if (hours < 0 || minutes < 0 || minutes > 59) return std::nullopt;
  const int offset = sign * (hours * 60 + minutes);
  return offset >= -12 * 60 && offset <= 14 * 60 ? std::optional(offset) : std::nullopt;
}

std::string format_date(Days days) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string format_time(Microseconds of_day) {
  std::string text =
      fmt::format("{:02}{:02}{:02}", of_day / kHour, of_day / kMinute % 60, of_day / kSecond % 60);
  if (of_day % kSecond == 0) return text;
  text += fmt::format(".{:06}", of_day % kSecond);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

std::optional<Range<Days>> parse_date_range(std::string_view text) {
  return parse_range<Days>(text, [](std::string_view one) -> std::optional<Span<Days>> {
    const auto days = whole_date(one);
    return days ? std::optional(Span<Days>{*days, *days}) : std::nullopt;
  });
}

std::optional<Range<Microseconds>> parse_time_range(std::string_view text) {
  return parse_range<Microseconds>(text, time_span);
}

std::optional<Range<Microseconds>> parse_date_time_range(std::string_view text,
                                                         int offset_minutes) {
  return parse_range<Microseconds>(
      text, [=](std::string_view one) { return date_time_span(one, offset_minutes); });
}

}  // namespace latent::dicom::text
