// What somebody wants to find, free of any protocol: C-FIND identifiers, QIDO parameters and the
// command line become the same Query (PS3.4 C.2.2.2, C.4.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "security/base/bytes.h"
#include "security/base/limits.h"
#include "security/base/result.h"
#include "storage/catalog/attributes.h"

namespace latent::retrieval::query {

using dicom::model::Tag;
using dicom::model::Vr;
using storage::catalog::Level;

/// The information model asked (PS3.4 C.6.1, C.6.2; the last one is retired but met).
enum class Root : std::uint8_t { patient, study, patient_study_only };

/// One matching key. Its kind (universal, single value, list of UID, wildcard, range) follows from
/// VR and values. Values are UTF-8 without outer spaces; none at all = universal: return only.
struct Key {
  Tag tag;
  std::vector<std::string> values{};
  std::optional<Tag> sequence{};  ///< the key stands in an item of this sequence
};

/// What was negotiated for the class (PS3.4 C.5.1.1.1), or asked by a parameter.
struct Options {
  bool fuzzy_names = false;
  bool combined_date_time = false;
  bool relational = false;
};

struct Order {
  Tag tag;
  bool descending = false;
};

struct Query {
  Level level = Level::study;
  Root root = Root::study;
  std::vector<Key> keys{};  ///< matching and return keys, in ascending order of tag
  Options options{};
  std::optional<std::uint64_t> limit{};
  std::uint64_t offset = 0;
  std::vector<Order> order{};  ///< ties are broken by UID: the order is always total
  /// Habits of real peers that were met while reading, without values: for the log.
  std::vector<std::string> habits{};
};

/// Reads a C-FIND identifier. Keys are decoded by its (0008,0005), or `assumed_character_set`.
/// Errors: invalid_input naming the tag: unreadable, no or unknown (0008,0052), a level that the
/// root does not have, a unique key of an upper level missing where the query is hierarchical
/// (tolerated when the lower keys are unique by themselves, then it is a habit).
Result<Query> parse_identifier(ByteSpan identifier, std::string_view transfer_syntax, Root root,
                               const Options& options, std::string_view assumed_character_set,
                               const Limits& limits);

/// The same from "Keyword=value" texts (`latent find`; later QIDO): UTF-8, keyword or GGGGEEEE,
/// `Sequence.Keyword` for a path. Returns the level's usual attributes besides the keys given.
/// Errors: invalid_input naming the keyword.
Result<Query> parse_parameters(Level level, const std::vector<std::string>& parameters);

}  // namespace latent::retrieval::query
