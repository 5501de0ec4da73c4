// The head that makes a data set a file (PS3.10 7.1): zeroed preamble, "DICM", group 0002.
#pragma once

#include <string_view>

#include "security/base/bytes.h"
#include "security/base/identifiers.h"

namespace latent::dicom::writer {

/// Names this implementation in files and associations (PS3.7 D.3.3.2). Derived from a UUID
/// (PS3.5 B.2) that was made once for the project.
inline constexpr std::string_view kImplementationClassUid =
    "2.25.325778952658479997390302094509538598575";
inline constexpr std::string_view kImplementationVersionName = "LATENT_0_1";

struct FileIdentity {
  std::string_view sop_class;  ///< borrowed for the call
  std::string_view sop_instance;
  std::string_view transfer_syntax;
  std::string_view source_ae_title;  ///< left out when empty
};

/// All bytes in front of the data set; the group length is exact. The preamble is zero, whatever
/// the object came with (security.md §5, CVE-2019-11687).
Bytes file_head(const FileIdentity& identity);

}  // namespace latent::dicom::writer
