// Identifiers: the data sets of C-FIND, C-GET and C-MOVE (PS3.4 C.4).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "retrieval/instances/retrieve_service.h"
#include "security/base/bytes.h"
#include "security/base/identifiers.h"
#include "security/base/limits.h"
#include "security/base/result.h"

namespace latent::server::dimse {

/// Gathers an identifier of bounded length, and hears a longer one out without keeping it.
class IdentifierCollector {
 public:
  explicit IdentifierCollector(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  void add(ByteSpan bytes);
  /// Errors: invalid_input when it was too long.
  Result<Bytes> take();

 private:
  std::size_t bytes_max_;
  Bytes bytes_;
  bool too_long_ = false;
};

struct RetrieveIdentifier {
  std::string level;  ///< "PATIENT", "STUDY", "SERIES" or "IMAGE"
  retrieval::instances::Selection selection{};
  /// What a strict reader would refuse and many peers send; for the log, without values.
  std::vector<std::string> habits{};
};

enum class Root { patient, study };

/// Unique keys of the level and of those above it (PS3.4 C.4.2.2.1); a missing key above is passed
/// over, since the UIDs are unique by themselves. Keys of other kinds are ignored.
/// Errors: invalid_input (not readable, no level, the level's own key missing or malformed).
Result<RetrieveIdentifier> parse_retrieve_identifier(ByteSpan identifier,
                                                     std::string_view transfer_syntax, Root root,
                                                     std::string_view assumed_character_set,
                                                     const Limits& limits);

/// (0008,0058) alone, in the transfer syntax of the context.
Result<Bytes> encode_failed_list(std::span<const InstanceUid> failed,
                                 std::string_view transfer_syntax);

/// A data set that was written in the syntax's own element encoding, made ready to be sent: packed
/// when the syntax is the deflated one (PS3.5 A.5), as it is otherwise. Errors: internal (zlib).
Result<Bytes> pack_for_syntax(Bytes data_set, std::string_view transfer_syntax);

}  // namespace latent::server::dimse
