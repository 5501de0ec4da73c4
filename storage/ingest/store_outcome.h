// What became of one instance that was sent to be stored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dicom/scanner/element_reader.h"
#include "security/base/identifiers.h"
#include "security/base/result.h"

namespace latent::storage::ingest {

/// Why an instance was not taken; each face maps it in one table (DIMSE status, HTTP code).
enum class Reason {
  none,
  not_understood,     ///< the data set is cut, malformed, or lacks an identifying UID
  class_mismatch,     ///< SOP class of the data set is not the one that was announced
  instance_mismatch,  ///< SOP instance of the data set is not the one that was announced
  differs,            ///< another object is already kept under this SOP Instance UID
  no_room,            ///< a limit of disk or memory is reached; later may work
  unavailable,        ///< database or disk does not answer; later may work
  cancelled,          ///< the archive is stopping
};
std::string_view name_of(Reason reason);

struct StoreOutcome {
  enum class Kind { stored, duplicate, new_version, refused };
  Kind kind = Kind::refused;
  Reason reason = Reason::none;  ///< set when refused
  std::string text;              ///< a sentence for the sender; holds no patient's value
  std::optional<StudyUid> study;
  std::optional<InstanceUid> instance;
  std::uint64_t bytes = 0;  ///< of the data set
  std::vector<dicom::scanner::Note> notes;

  bool ok() const { return kind != Kind::refused; }
};

}  // namespace latent::storage::ingest
