// The transfer syntaxes as a table (PS3.5 Annex A, PS3.6 Table A-1).
#pragma once

#include <span>
#include <string_view>

#include "security/base/identifiers.h"

namespace latent::dicom::model {

namespace transfer_syntaxes {
inline constexpr std::string_view kImplicitLittle = "1.2.840.10008.1.2";
inline constexpr std::string_view kExplicitLittle = "1.2.840.10008.1.2.1";
inline constexpr std::string_view kDeflated = "1.2.840.10008.1.2.1.99";
inline constexpr std::string_view kExplicitBig = "1.2.840.10008.1.2.2";
}  // namespace transfer_syntaxes

/// How the data set itself is encoded; pixel compression is a matter of `encapsulated`.
enum class Encoding { implicit_little, explicit_little, explicit_big, deflated_explicit_little };

struct TransferSyntax {
  std::string_view uid;
  std::string_view name;
  std::string_view section;  ///< where the standard defines it, for example "PS3.5 A.4.1"
  Encoding encoding = Encoding::explicit_little;
  bool encapsulated = false;
  bool retired = false;
  /// One of the four native syntaxes that we convert into one another on the way out.
  constexpr bool is_native() const {
    return uid == transfer_syntaxes::kImplicitLittle || uid == transfer_syntaxes::kExplicitLittle ||
           uid == transfer_syntaxes::kDeflated || uid == transfer_syntaxes::kExplicitBig;
  }
};

std::span<const TransferSyntax> all_transfer_syntaxes();
/// Null when unknown. An unknown or private syntax is taken as encapsulated explicit little endian
/// (PS3.5 A.4: what every syntax but the native ones is); see `assumed_encoding`.
const TransferSyntax* find_transfer_syntax(std::string_view uid);
Encoding assumed_encoding(std::string_view uid);

}  // namespace latent::dicom::model
