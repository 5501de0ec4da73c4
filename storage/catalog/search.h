// Finding rows of one level by conditions on indexed attributes, page by page. The conditions are
// values; the SQL they become is made here and nowhere else, with every value bound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dicom/text/date_time.h"
#include "security/base/clock.h"
#include "security/base/result.h"
#include "storage/catalog/attributes.h"
#include "storage/database/pool.h"

namespace latent::storage::catalog {

using dicom::text::Days;
using dicom::text::Microseconds;
using dicom::text::Range;

/// One of these values, byte by byte.
struct OneOf {
  std::vector<std::string> values;
};
/// `*` and `?` (PS3.4 C.2.2.2.4).
struct Pattern {
  std::string pattern;
};
/// A person: without regard to case and accents; `*`, `?` and component groups divided by '='.
/// Without '=' any of the three groups may match. Fuzzy adds names in which each word of `name`
/// begins some word, in any order.
struct Name {
  std::string name;
  bool fuzzy = false;
};
struct DateRange {
  Range<Days> range;
};
struct TimeRange {
  Range<Microseconds> range;
};
struct DateTimeRange {
  Range<Microseconds> range;
};
/// A date attribute and a time attribute as one moment (PS3.4 C.2.2.2.5.2). Without a known time
/// the whole day counts.
struct CombinedRange {
  const Attribute* time = nullptr;
  Range<Microseconds> range;  ///< since 1970-01-01
};
struct Number {
  std::int64_t value = 0;
};
using Match =
    std::variant<OneOf, Pattern, Name, DateRange, TimeRange, DateTimeRange, CombinedRange, Number>;

/// True when any of `any_of` holds. An attribute of a level below the search's holds when one row
/// below satisfies all such conditions together. Conditions on items of one sequence hold together
/// in one item.
struct Condition {
  const Attribute* attribute = nullptr;
  const ItemAttribute* item = nullptr;  ///< of the sequence `attribute`; OneOf and Pattern only
  std::vector<Match> any_of;
};

struct SearchOrder {
  const Attribute* attribute = nullptr;  ///< one value, not below the search's level
  bool descending = false;
};

struct Search {
  Level level = Level::study;
  std::vector<Condition> conditions;       ///< all must hold
  std::optional<Range<TimeUs>> received;   ///< arrival, UTC: of the instance, else of the study
  std::vector<const Attribute*> returned;  ///< not below the search's level
  std::vector<SearchOrder> order;          ///< then in order of arrival, which is total
};

/// One attribute of one hit.
struct SearchCell {
  std::vector<std::string> values;
  std::vector<std::vector<std::pair<Tag, std::string>>> items;  ///< of a sequence
};
/// Where a page ended.
struct SearchPlace {
  std::vector<std::optional<std::string>> order;
  std::string key;
};
struct SearchPage {
  std::vector<std::vector<SearchCell>> hits;  ///< cells in the order of Search::returned
  std::optional<SearchPlace> end;             ///< nothing when there are no more hits
};

struct SearchWindow {
  std::optional<SearchPlace> after;
  std::uint64_t skip = 0;
  std::uint64_t hits_max = 500;
};

/// What came after the page before is found even if rows were added meanwhile, each once. One round
/// trip. `deadline` bounds the wait for a connection. Errors: invalid_input (a match that does not
/// fit its attribute), otherwise as Transaction::run_at_once.
Result<SearchPage> search(database::Pool& pool, Deadline deadline, const Search& search,
                          const SearchWindow& window);

}  // namespace latent::storage::catalog
