// PS3.6 as look-ups: VR and keyword of a standard tag, and back. Filled once from DCMTK's
// dictionary and extended by our own rows for what its edition does not know; read-only and
// lock-free afterwards.
#pragma once

#include <optional>
#include <string_view>

#include "dicom/model/tag.h"
#include "dicom/model/vr.h"

namespace latent::dicom::model {

struct DictionaryEntry {
  Vr vr{};                   ///< Where the standard allows two ("US or SS", "OB or OW"): see vr_of.
  std::string_view keyword;  ///< "PatientName"; lives as long as the process.
};

/// Loads the table; called once at start so that the first object does not pay for it. Idempotent.
void load_dictionary();
/// False when DCMTK's dictionary file was not readable at load (it comes with the library's own
/// package, libdcmtk17). Implicit VR objects would then be read as UN: `doctor` and the start of
/// the server refuse to go on.
bool is_dictionary_complete();

/// Nothing for private and unknown tags. Repeating groups (50xx, 60xx) are known.
std::optional<DictionaryEntry> find(Tag tag);
std::optional<Tag> find_keyword(std::string_view keyword);
/// The VR that an implicit VR reader takes (PS3.5 A.1): the dictionary's; group length UL; private
/// creator LO; US where the standard says "US or SS"; OW where it says "OB or OW"; else UN.
Vr vr_of(Tag tag);

}  // namespace latent::dicom::model
