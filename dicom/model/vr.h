// Value representations (PS3.5 Table 6.2-1) and how their lengths are written (PS3.5 7.1.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace latent::dicom::model {

/// The two letters as a number, so that any pair a peer sends can be carried along.
enum class Vr : std::uint16_t {};

constexpr Vr make_vr(char first, char second) {
  return static_cast<Vr>(static_cast<unsigned char>(first) << 8 |
                         static_cast<unsigned char>(second));
}
/// For logs and JSON; only meaningful for known VRs.
struct VrText {
  char letters[2];
  constexpr operator std::string_view() const { return {letters, 2}; }  // NOLINT
};
constexpr VrText text_of(Vr vr) {
  return {{static_cast<char>(static_cast<unsigned>(vr) >> 8),
           static_cast<char>(static_cast<unsigned>(vr) & 0xFF)}};
}

namespace vrs {
inline constexpr Vr kAE = make_vr('A', 'E'), kAS = make_vr('A', 'S'), kAT = make_vr('A', 'T'),
                    kCS = make_vr('C', 'S'), kDA = make_vr('D', 'A'), kDS = make_vr('D', 'S'),
                    kDT = make_vr('D', 'T'), kFD = make_vr('F', 'D'), kFL = make_vr('F', 'L'),
                    kIS = make_vr('I', 'S'), kLO = make_vr('L', 'O'), kLT = make_vr('L', 'T'),
                    kOB = make_vr('O', 'B'), kOD = make_vr('O', 'D'), kOF = make_vr('O', 'F'),
                    kOL = make_vr('O', 'L'), kOV = make_vr('O', 'V'), kOW = make_vr('O', 'W'),
                    kPN = make_vr('P', 'N'), kSH = make_vr('S', 'H'), kSL = make_vr('S', 'L'),
                    kSQ = make_vr('S', 'Q'), kSS = make_vr('S', 'S'), kST = make_vr('S', 'T'),
                    kSV = make_vr('S', 'V'), kTM = make_vr('T', 'M'), kUC = make_vr('U', 'C'),
                    kUI = make_vr('U', 'I'), kUL = make_vr('U', 'L'), kUN = make_vr('U', 'N'),
                    kUR = make_vr('U', 'R'), kUS = make_vr('U', 'S'), kUT = make_vr('U', 'T'),
                    kUV = make_vr('U', 'V');
}  // namespace vrs

/// True for the 34 VRs of the standard.
bool is_known(Vr vr);
/// Explicit VR encodings give these a 4-byte length behind two reserved bytes (PS3.5 Table 7.1-1).
bool has_long_length(Vr vr);
/// Bytes of one number in the value (1, 2, 4, 8), by which byte order is swapped; 1 for text.
/// AT counts as 2: it is two 16-bit numbers.
unsigned swap_unit(Vr vr);
/// Text in the character set of (0008,0005): LO LT PN SH ST UC UT (PS3.5 6.1.2.3).
bool uses_character_set(Vr vr);
/// The character that fills a value to even length: NUL for UI and binary, space for other text.
char padding_of(Vr vr);

}  // namespace latent::dicom::model
