// One element header, taken from bytes: which tag, which VR, how long. Pure functions, no state.
// Knows what real equipment writes where a VR should stand; decides nothing about nesting.
#pragma once

#include <cstdint>

#include "dicom/model/tag.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/model/vr.h"
#include "security/base/bytes.h"

namespace latent::dicom::scanner::detail {

/// How headers are written. Wider than model::Encoding: the inside of a UN sequence and the old GE
/// syntax need pairs of their own.
struct Syntax {
  bool explicit_vr = true;
  bool big_endian = false;
  friend bool operator==(const Syntax&, const Syntax&) = default;
};
Syntax syntax_of(model::Encoding encoding);

inline constexpr std::size_t kHeadBytesMin = 8;
inline constexpr std::size_t kHeadBytesMax = 12;

struct DecodedHead {
  enum class Status { need_more, ok, bad };
  Status status = Status::need_more;
  model::Tag tag;
  model::Vr vr{};
  std::uint32_t length = 0;
  unsigned head_bytes = kHeadBytesMin;
  bool implicit_form = false;  ///< no VR was written
  const char* note = nullptr;  ///< static text, or null when all is as it should be
};

/// `need_more` below 8 bytes, or below 12 for an explicit VR of the long form; `bad` when no
/// element can stand here.
DecodedHead decode_head(ByteSpan bytes, Syntax syntax);

/// True when 8 bytes are without doubt an element of the standard in `syntax`: tag in the
/// dictionary, VR the dictionary's, length sane. Random bytes pass once in a million times.
bool is_certain_head(ByteSpan bytes, Syntax syntax);

/// The syntax of a data set (or item) that begins with `bytes` (at least 8): the declared one
/// unless only another one reads them (equipment that sends explicit VR as implicit, and the
/// reverse).
Syntax detect_syntax(ByteSpan bytes, Syntax declared);

}  // namespace latent::dicom::scanner::detail
