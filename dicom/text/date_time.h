// DA, TM and DT as values, and the ranges that a query makes of them (PS3.5 6.2, PS3.4 C.2.2.2.5).
//
// Reading is tolerant of what real objects hold ("2004.03.12", "2004-03-12", "10:11:12", padding);
// what is no date or time gives nothing, never a guess. No locale, no time zone data base.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace latent::dicom::text {

/// Days since 1970-01-01 in the Gregorian calendar; years 1 to 9999.
using Days = std::int32_t;
/// Microseconds, since midnight (TM) or since 1970-01-01 00:00 UTC (DT).
using Microseconds = std::int64_t;

std::optional<Days> parse_date(std::string_view text);
/// A partial time ("10", "1011") gives its first moment. Second 60 (a leap second) is read as
/// 59.999999, so that a time never leaves its day.
std::optional<Microseconds> parse_time(std::string_view text);
/// First moment of a DT value. Without "&ZZXX" it is local to `offset_minutes`, for example that of
/// (0008,0201).
std::optional<Microseconds> parse_date_time(std::string_view text, int offset_minutes = 0);
/// "+0100" → 60; from -1200 to +1400 (PS3.5 6.2 DT).
std::optional<int> parse_utc_offset(std::string_view text);

std::string format_date(Days days);            ///< "20040312"
std::string format_time(Microseconds of_day);  ///< "101112" or "101112.5", zeros cut from the end

/// Both ends belong to the range; an absent end is open.
template <class Value>
struct Range {
  std::optional<Value> first;
  std::optional<Value> last;
  friend bool operator==(const Range&, const Range&) = default;
};

/// "a-b", "a-", "-b" or a single value. A partial value fills to its whole unit: TM "10-11" is
/// 10:00:00.000000 to 11:59:59.999999. Nothing for nonsense; a range whose ends are exchanged
/// contains nothing and is given as it is.
std::optional<Range<Days>> parse_date_range(std::string_view text);
std::optional<Range<Microseconds>> parse_time_range(std::string_view text);
/// A hyphen may also start an offset: the first reading that makes sense is taken, a single value
/// with offset before a range.
std::optional<Range<Microseconds>> parse_date_time_range(std::string_view text,
                                                         int offset_minutes = 0);

}  // namespace latent::dicom::text
