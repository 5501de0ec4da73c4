// ISO 2022 escape sequences that PS3.3 Tables C.12-3 and C.12-4 name.
#pragma once

#include <array>
#include <string_view>

#include "dicom/text/character_set.h"

namespace latent::dicom::text::detail {

inline constexpr char kEscape = '\x1B';

struct Escape {
  std::string_view sequence;  ///< behind ESC
  Repertoire repertoire;
  bool is_g1;
};

inline constexpr std::array kEscapes = {
    Escape{"(B", Repertoire::ascii, false},
    Escape{"(J", Repertoire::jis_roman, false},
    Escape{")I", Repertoire::katakana, true},
    Escape{"-A", Repertoire::latin1, true},
    Escape{"-B", Repertoire::latin2, true},
    Escape{"-C", Repertoire::latin3, true},
    Escape{"-D", Repertoire::latin4, true},
    Escape{"-F", Repertoire::greek, true},
    Escape{"-G", Repertoire::arabic, true},
    Escape{"-H", Repertoire::hebrew, true},
    Escape{"-L", Repertoire::cyrillic, true},
    Escape{"-M", Repertoire::latin5, true},
    Escape{"-T", Repertoire::thai, true},
    Escape{"-b", Repertoire::latin9, true},
    Escape{"$B", Repertoire::jis_kanji, false},
    Escape{"$@", Repertoire::jis_kanji, false},
    Escape{"$(D", Repertoire::jis_extra, false},
    Escape{"$)C", Repertoire::korean, true},
    Escape{"$)A", Repertoire::chinese, true},
    // Half-width katakana on the left, as Japanese mail has it; met in old files.
    Escape{"(I", Repertoire::katakana, false},
};

/// The sequence at the start of `bytes`, which begins with ESC; null when it is none of these.
inline const Escape* escape_at(std::string_view bytes) {
  for (const Escape& escape : kEscapes)
    if (bytes.substr(1).starts_with(escape.sequence)) return &escape;
  return nullptr;
}

}  // namespace latent::dicom::text::detail
