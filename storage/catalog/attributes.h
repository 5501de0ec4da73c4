// The attributes that the catalog indexes: one table, from which come the scanner's list of wanted
// tags, the columns of migration 0002, and what a query may match and return.
//
// Sources: PS3.4 Tables C.6-1 to C.6-4 (keys of the query models), PS3.18 Tables 10.6.1-5 and
// 10.6.3-3 to 10.6.3-5 (QIDO). Read-only data; every function may be called from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dicom/model/tag.h"
#include "dicom/model/vr.h"

namespace latent::storage::catalog {

using dicom::model::Tag;
using dicom::model::Vr;

enum class Level : std::uint8_t { patient, study, series, image };
/// "PATIENT" "STUDY" "SERIES" "IMAGE", as (0008,0052) says it.
std::string_view name_of(Level level);

/// How a value lies in its column, which decides how it can be matched.
enum class Kind : std::uint8_t {
  text,       ///< text: single value, wildcard
  texts,      ///< text[]: any value matches
  uid,        ///< text: list of UIDs
  uids,       ///< text[]: list of UIDs, any value matches
  date,       ///< text, `_value` date: single value, range
  time,       ///< text, `_value` time: single value, range
  date_time,  ///< text, `_value` timestamp: single value, range
  number,     ///< text, `_value` bigint (IS)
  integer,    ///< integer or bigint: counters and US
  name,       ///< text, `_key` folded (PN, any multiplicity)
  sequence,   ///< jsonb: array of items, each an object {"GGGGEEEE": "value"}
};

/// Where the value comes from when an instance is inserted.
enum class Origin : std::uint8_t {
  data_set,  ///< the attribute of that tag
  kept,      ///< kept or known by the catalog itself: counters, unions, UIDs of the rows
  summed,    ///< numbers of instances of a study or patient: summed over its series when asked for
};

struct Attribute {
  Tag tag;
  Vr vr{};
  Level level{};
  Kind kind{};
  std::string_view column;
  Origin origin = Origin::data_set;
};

/// An attribute of the items of an indexed sequence.
struct ItemAttribute {
  Tag sequence;
  Tag tag;
  Vr vr{};
  std::string_view key;  ///< in the JSON object, for example "00400009"
};

/// All of them, ascending by tag.
std::span<const Attribute> attributes();
/// Null when the catalog does not index it.
const Attribute* find_attribute(Tag tag);
/// Of one sequence, ascending by tag; empty when it is not indexed.
std::span<const ItemAttribute> item_attributes(Tag sequence);

/// What the scanner shall keep, ascending: every attribute of origin data_set.
std::span<const Tag> wanted_tags();

}  // namespace latent::storage::catalog
