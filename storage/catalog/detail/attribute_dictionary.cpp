#include "storage/catalog/detail/attribute_dictionary.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace latent::storage::catalog::detail {
namespace {

/// One element. Numbers are written "f:0.6" (FD), "u:512" (US, SS), "u2:1" (UL); "ITEM" and "END"
/// open an item, and close it together with its sequence.
struct Row {
  std::uint32_t tag;
  std::string_view vr;
  std::string_view value;
};

// clang-format off
constexpr Row kRows[] = {
    // other
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.1"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.6.1"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.3.1"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88."},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.128"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.66.4"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.481."},
    {0x00080060, "CS", "DX"},
    {0x00080060, "CS", "CR"},
    {0x00080060, "CS", "US"},
    {0x00080060, "CS", "SR"},
    {0x00080060, "CS", "PT"},
    {0x00080060, "CS", "SEG"},
    {0x00080064, "CS", "WSD"},
    {0x00080068, "CS", "FOR PRESENTATION"},
    {0x00082111, "ST", "Lossy compression"},
    {0x00082142, "IS", "1"},
    {0x00082143, "IS", "1"},
    {0x00082144, "IS", "30"},
    {0x00181063, "DS", "33.333"},
    {0x00186011, "SQ", ""},
    {0, "ITEM", ""},
    {0x00186012, "US", "u:1"},
    {0x00186014, "US", "u:1"},
    {0x00186024, "US", "u:3"},
    {0x00186026, "US", "u:3"},
    {0x0018602C, "FD", "f:0.01"},
    {0x0018602E, "FD", "f:0.01"},
    {0, "END", ""},
    {0x00280002, "US", "u:3"},
    {0x00280004, "CS", "YBR_FULL_422"},
    {0x00280004, "CS", "PALETTE COLOR"},
    {0x00280004, "CS", "MONOCHROME1"},
    {0x00280004, "CS", "RGB"},
    {0x00280006, "US", "u:0"},
    {0x00280008, "IS", "1"},
    {0x00280034, "IS", "1\\1"},
    {0x00280100, "US", "u:8"},
    {0x00280101, "US", "u:8"},
    {0x00280102, "US", "u:7"},
    {0x00280103, "US", "u:0"},
    {0x00280301, "CS", "NO"},
    {0x00281040, "CS", "LIN"},
    {0x00281041, "SS", "u:1"},
    {0x00282110, "CS", "01"},
    {0x00282112, "DS", "10"},
    {0x00282114, "CS", "ISO_10918_1"},
    {0x00540081, "US", "u:1"},
    {0x00541102, "CS", "DECY"},
    {0x20500020, "CS", "IDENTITY"},
    {0x0040A040, "CS", "CONTAINER"},
    {0x0040A043, "SQ", ""},
    {0, "ITEM", ""},
    {0x00080100, "SH", "121071"},
    {0x00080102, "SH", "DCM"},
    {0x00080104, "LO", "Finding"},
    {0, "END", ""},
    {0x0040A050, "CS", "SEPARATE"},
    {0x0040A491, "CS", "COMPLETE"},
    {0x0040A493, "CS", "UNVERIFIED"},
    {0x0040A730, "SQ", ""},
    {0, "ITEM", ""},
    {0x0040A010, "CS", "CONTAINS"},
    {0x0040A040, "CS", "TEXT"},
    {0x0040A043, "SQ", ""},
    {0, "ITEM", ""},
    {0x00080100, "SH", "113"},
    {0x00080102, "SH", "SRT"},
    {0x00080102, "SH", "SCT"},
    {0x00080102, "SH", "UCUM"},
    {0x00080104, "LO", "millimeter"},
    {0, "END", ""},
    {0, "END", ""},
    {0x52009229, "SQ", ""},
    {0, "ITEM", ""},
    {0x00289110, "SQ", ""},
    {0, "ITEM", ""},
    {0x00180050, "DS", "1"},
    {0x00280030, "DS", "1\\1"},
    {0, "END", ""},
    {0x00209116, "SQ", ""},
    {0, "ITEM", ""},
    {0x00200037, "DS", "1\\0\\0\\0\\1\\0"},
    {0, "END", ""},
    {0, "END", ""},
    {0x52009230, "SQ", ""},
    {0, "ITEM", ""},
    {0x00209111, "SQ", ""},
    {0, "ITEM", ""},
    {0x00209157, "UL", "u2:1"},
    {0, "END", ""},
    {0x00209113, "SQ", ""},
    {0, "ITEM", ""},
    {0x00200032, "DS", "-125\\-125\\0"},
    {0, "END", ""},
    {0, "END", ""},
    // MR
    {0x00080005, "CS", "ISO_IR 100"},
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\M_FFE\\M\\FFE"},
    {0x00080008, "CS", "DERIVED\\PRIMARY\\DIFFUSION\\ADC"},
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\M\\ND\\NORM"},
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\OTHER"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4.1"},
    {0x00080018, "UI", "1.3.12.2.1107.5.2."},
    {0x00080060, "CS", "MR"},
    {0x00081090, "LO", "Achieva"},
    {0x00081090, "LO", "SIGNA"},
    {0x00081090, "LO", "Skyra"},
    {0x00180020, "CS", "GR"},
    {0x00180020, "CS", "SE"},
    {0x00180020, "CS", "EP"},
    {0x00180021, "CS", "SK\\SP\\OSP"},
    {0x00180021, "CS", "NONE"},
    {0x00180022, "CS", "PFP"},
    {0x00180022, "CS", "FAST_GEMS"},
    {0x00180023, "CS", "2D"},
    {0x00180023, "CS", "3D"},
    {0x00180024, "SH", "*tse2d1_9"},
    {0x00180025, "CS", "N"},
    {0x00180050, "DS", "1"},
    {0x00180080, "DS", "2000"},
    {0x00180081, "DS", "90"},
    {0x00180083, "DS", "1"},
    {0x00180084, "DS", "63.6"},
    {0x00180084, "DS", "123.2"},
    {0x00180085, "SH", "1H"},
    {0x00180086, "IS", "1"},
    {0x00180087, "DS", "1.5"},
    {0x00180087, "DS", "3"},
    {0x00180088, "DS", "1"},
    {0x00180089, "IS", "256"},
    {0x00180091, "IS", "1"},
    {0x00180093, "DS", "100"},
    {0x00180094, "DS", "100"},
    {0x00180095, "DS", "130"},
    {0x00181000, "LO", "0"},
    {0x00181020, "LO", "syngo MR"},
    {0x00181030, "LO", "T1 T2 FLAIR"},
    {0x00181250, "SH", "BODY"},
    {0x00181251, "SH", "Body"},
    {0x00181312, "CS", "ROW"},
    {0x00181312, "CS", "COL"},
    {0x00181314, "DS", "90"},
    {0x00181315, "CS", "N"},
    {0x00181316, "DS", "0.1"},
    {0x00181318, "DS", "0"},
    {0x00185100, "CS", "HFS"},
    {0x00190010, "LO", "SIEMENS MR HEADER"},
    {0x00190010, "LO", "GEMS_ACQU_01"},
    {0x00210010, "LO", "GEMS_RELA_01"},
    {0x00230010, "LO", "GEMS_STDY_01"},
    {0x00250010, "LO", "GEMS_SERS_01"},
    {0x00270010, "LO", "GEMS_IMAG_01"},
    {0x00290010, "LO", "SIEMENS CSA HEADER"},
    {0x00290011, "LO", "SIEMENS MEDCOM HEADER2"},
    {0x00290010, "LO", "SIEMENS MEDCOM HEADER"},
    {0x00430010, "LO", "GEMS_PARM_01"},
    {0x00450010, "LO", "GEMS_HELIOS_01"},
    {0x00090010, "LO", "GEMS_IDEN_01"},
    {0x20010010, "LO", "Philips Imaging DD 001"},
    {0x20010090, "LO", "Philips Imaging DD 129"},
    {0x20050010, "LO", "Philips MR Imaging DD 001"},
    {0x200B0010, "LO", "Philips RAD Imaging DD 001"},
    {0x70050010, "LO", "TOSHIBA_MEC_CT3"},
    {0x01E10010, "LO", "ELSCINT1"},
    {0x00290010, "LO", "SPI-P Release 1"},
    {0x00280010, "US", "u:256"},
    {0x00280011, "US", "u:256"},
    {0x00280100, "US", "u:16"},
    {0x00280101, "US", "u:12"},
    {0x00280102, "US", "u:11"},
    {0x00280103, "US", "u:0"},
    {0x00280106, "US", "u:0"},
    {0x00281050, "DS", "600"},
    {0x00281051, "DS", "1200"},
    {0x00281055, "LO", "Algo1"},
    // CT last: zstd reaches the end of a dictionary with the shortest distances.
    {0x00080005, "CS", "ISO_IR 192"},
    {0x00080005, "CS", "ISO_IR 100"},
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER"},
    {0x00080008, "CS", "DERIVED\\SECONDARY\\MPR"},
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL\\HELIX"},
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"},
    {0x00080012, "DA", "20200101"},
    {0x00080013, "TM", "120000.000000"},
    {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"},
    {0x00080018, "UI", "1.3.12.2.1107.5.1.4."},
    {0x00080018, "UI", "1.2.840.113619.2."},
    {0x00080018, "UI", "1.3.46.670589.33.1."},
    {0x00080018, "UI", "1.2.826.0.1.3680043.8.498."},
    {0x00080018, "UI", "2.25."},
    {0x00080020, "DA", "2021"},
    {0x00080021, "DA", "2021"},
    {0x00080022, "DA", "2021"},
    {0x00080023, "DA", "2021"},
    {0x00080030, "TM", "1"},
    {0x00080031, "TM", "1"},
    {0x00080032, "TM", "1"},
    {0x00080033, "TM", "1"},
    {0x00080050, "SH", ""},
    {0x00080060, "CS", "CT"},
    {0x00080070, "LO", "Canon Medical Systems"},
    {0x00080070, "LO", "Philips Medical Systems"},
    {0x00080070, "LO", "GE MEDICAL SYSTEMS"},
    {0x00080070, "LO", "TOSHIBA"},
    {0x00080070, "LO", "Philips"},
    {0x00080070, "LO", "SIEMENS"},
    {0x00080080, "LO", "Hospital"},
    {0x00080081, "ST", ""},
    {0x00080090, "PN", ""},
    {0x00081010, "SH", "CT"},
    {0x00081030, "LO", "CT Head Thorax Abdomen"},
    {0x0008103E, "LO", "Axial"},
    {0x00081040, "LO", "Radiology"},
    {0x00081050, "PN", ""},
    {0x00081060, "PN", ""},
    {0x00081070, "PN", ""},
    {0x00081090, "LO", "SOMATOM Definition"},
    {0x00081090, "LO", "LightSpeed VCT"},
    {0x00081090, "LO", "Brilliance 64"},
    {0x00081090, "LO", "Sensation 64"},
    {0x00081111, "SQ", ""},
    {0x00081140, "SQ", ""},
    {0, "ITEM", ""},
    {0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"},
    {0x00081155, "UI", "1.2.840.10008.3.1.2.3.3"},
    {0, "END", ""},
    {0x00082112, "SQ", ""},
    {0, "ITEM", ""},
    {0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"},
    {0x00081155, "UI", "1.3.12.2.1107.5.1.4."},
    {0, "END", ""},
    {0x00100010, "PN", "^"},
    {0x00100020, "LO", "0"},
    {0x00100030, "DA", "19"},
    {0x00100040, "CS", "M"},
    {0x00100040, "CS", "F"},
    {0x00100040, "CS", "O"},
    {0x00101010, "AS", "0"},
    {0x00101010, "AS", "050Y"},
    {0x00101020, "DS", "1."},
    {0x00101030, "DS", "7"},
    {0x001021B0, "LT", ""},
    {0x00104000, "LT", ""},
    {0x00180010, "LO", ""},
    {0x00180015, "CS", "HEAD"},
    {0x00180015, "CS", "CHEST"},
    {0x00180015, "CS", "ABDOMEN"},
    {0x00180022, "CS", "HELICAL MODE"},
    {0x00180022, "CS", "AXIAL MODE"},
    {0x00180050, "DS", "1.25"},
    {0x00180050, "DS", "5"},
    {0x00180060, "DS", "120"},
    {0x00180088, "DS", "5"},
    {0x00180090, "DS", "500"},
    {0x00181000, "LO", "000"},
    {0x00181020, "LO", "syngo CT"},
    {0x00181030, "LO", "Head Thorax Abdomen"},
    {0x00181100, "DS", "500"},
    {0x00181110, "DS", "1085.6"},
    {0x00181110, "DS", "949.075012"},
    {0x00181111, "DS", "595"},
    {0x00181111, "DS", "541"},
    {0x00181120, "DS", "0"},
    {0x00181130, "DS", "150"},
    {0x00181140, "CS", "CW"},
    {0x00181150, "IS", "500"},
    {0x00181151, "IS", "200"},
    {0x00181152, "IS", "100"},
    {0x00181160, "SH", "BODY FILTER"},
    {0x00181160, "SH", "WEDGE_3"},
    {0x00181160, "SH", "FLAT"},
    {0x00181170, "IS", "24"},
    {0x00181190, "DS", "1.2"},
    {0x00181190, "DS", "0.7"},
    {0x00181200, "DA", "2021"},
    {0x00181201, "TM", "0"},
    {0x00181210, "SH", "STANDARD"},
    {0x00181210, "SH", "H31s"},
    {0x00181210, "SH", "B30f"},
    {0x00185100, "CS", "HFS"},
    {0x00185100, "CS", "FFS"},
    {0x00189305, "FD", "f:0"},
    {0x00189306, "FD", "f:0.6"},
    {0x00189307, "FD", "f:38.4"},
    {0x00189309, "FD", "f:0"},
    {0x00189310, "FD", "f:0"},
    {0x00189311, "FD", "f:1"},
    {0x00189345, "FD", "f:0"},
    {0x0020000D, "UI", "1.2.840.113619.2."},
    {0x0020000D, "UI", "1.3.12.2.1107.5.1.4."},
    {0x0020000E, "UI", "1.2.840.113619.2."},
    {0x0020000E, "UI", "1.3.12.2.1107.5.1.4."},
    {0x00200010, "SH", "1"},
    {0x00200011, "IS", "2"},
    {0x00200012, "IS", "1"},
    {0x00200013, "IS", "1"},
    {0x00200020, "CS", "L\\P"},
    {0x00200032, "DS", "-125.000000\\-125.000000\\100.000000"},
    {0x00200032, "DS", "-250\\-250\\-100.5"},
    {0x00200037, "DS", "1.000000\\0.000000\\0.000000\\0.000000\\1.000000\\0.000000"},
    {0x00200037, "DS", "1\\0\\0\\0\\1\\0"},
    {0x00200052, "UI", "1.2.840.113619.2."},
    {0x00200052, "UI", "1.3.12.2.1107.5.1.4."},
    {0x00200060, "CS", ""},
    {0x00201040, "LO", "SN"},
    {0x00201040, "LO", ""},
    {0x00201041, "DS", "-100.5"},
    {0x00204000, "LT", ""},
    {0x00280002, "US", "u:1"},
    {0x00280004, "CS", "MONOCHROME2"},
    {0x00280010, "US", "u:512"},
    {0x00280011, "US", "u:512"},
    {0x00280030, "DS", "0.976562\\0.976562"},
    {0x00280030, "DS", "0.488281\\0.488281"},
    {0x00280030, "DS", "0.48828125\\0.48828125"},
    {0x00280100, "US", "u:16"},
    {0x00280101, "US", "u:16"},
    {0x00280102, "US", "u:15"},
    {0x00280103, "US", "u:1"},
    {0x00280106, "US", "u:0"},
    {0x00280107, "US", "u:4095"},
    {0x00280120, "US", "u:63536"},
    {0x00280100, "US", "u:16"},
    {0x00280101, "US", "u:12"},
    {0x00280102, "US", "u:11"},
    {0x00280103, "US", "u:0"},
    {0x00281050, "DS", "40"},
    {0x00281051, "DS", "400"},
    {0x00281050, "DS", "40\\700"},
    {0x00281051, "DS", "400\\4000"},
    {0x00281052, "DS", "-1024"},
    {0x00281053, "DS", "1"},
    {0x00281054, "LO", "HU"},
    {0x00281055, "LO", "WINDOW1\\WINDOW2"},
    {0x00282110, "CS", "00"},
    {0x00321032, "PN", ""},
    {0x00321033, "LO", ""},
    {0x00321060, "LO", "CT"},
    {0x00321064, "SQ", ""},
    {0, "ITEM", ""},
    {0x00080100, "SH", ""},
    {0x00080102, "SH", ""},
    {0x00080103, "SH", ""},
    {0x00080104, "LO", ""},
    {0, "END", ""},
    {0x00400002, "DA", "2021"},
    {0x00400003, "TM", "1"},
    {0x00400004, "DA", "2021"},
    {0x00400005, "TM", "1"},
    {0x00400244, "DA", "2021"},
    {0x00400245, "TM", "1"},
    {0x00400253, "SH", ""},
    {0x00400254, "LO", "CT"},
    {0x00400260, "SQ", ""},
    {0, "ITEM", ""},
    {0x00080100, "SH", ""},
    {0x00080102, "SH", ""},
    {0x00080104, "LO", ""},
    {0, "END", ""},
    {0x00400275, "SQ", ""},
    {0, "ITEM", ""},
    {0x00400007, "LO", ""},
    {0x00400008, "SQ", ""},
    {0, "ITEM", ""},
    {0, "END", ""},
    {0x00400009, "SH", ""},
    {0x00401001, "SH", ""},
    {0, "END", ""},
    {0x7FE00010, "BULK", ""},
};
// clang-format on

/// As scanner/attribute_set.h numbers them in its version 1.
constexpr std::array<std::string_view, 34> kVrTable = {
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT",
    "OB", "OD", "OF", "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST",
    "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"};
constexpr std::byte kItem{0}, kItemEnd{1}, kSequenceEnd{2}, kSequence{3}, kBulk{5};
constexpr std::uint8_t kFirstElement = 0x10;

void append_number(Bytes& to, std::string_view value) {
  const std::string_view digits = value.substr(value.find(':') + 1);
  if (value.starts_with("f:")) {
    double number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    append_le(to, std::bit_cast<std::uint64_t>(number));
    return;
  }
  std::uint32_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (value.starts_with("u2:")) {
    append_le(to, number);
  } else {
    append_le(to, static_cast<std::uint16_t>(number));
  }
}

bool is_number(std::string_view value) {
  return value.starts_with("f:") || value.starts_with("u:") || value.starts_with("u2:");
}

void append_element(Bytes& to, const Row& row) {
  const auto place = std::ranges::find(kVrTable, row.vr) - kVrTable.begin();
  to.push_back(static_cast<std::byte>(kFirstElement + place));
  append_be(to, row.tag);
  Bytes value;
  if (is_number(row.value)) {
    append_number(value, row.value);
  } else {
    append(value, as_bytes(row.value));
    if (value.size() % 2 != 0) value.push_back(row.vr == "UI" ? std::byte{0} : std::byte{' '});
  }
  to.push_back(static_cast<std::byte>(value.size()));  // all are shorter than 128
  append(to, value);
}

Bytes build() {
  Bytes bytes;
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    const Row& row = kRows[i];
    if (row.vr == "ITEM") {
      bytes.push_back(kItem);
    } else if (row.vr == "END") {
      bytes.push_back(kItemEnd);
      bytes.push_back(kSequenceEnd);
    } else if (row.vr == "SQ") {
      bytes.push_back(kSequence);
      append_be(bytes, row.tag);
      append(bytes, as_bytes(row.vr));
      const bool is_empty = i + 1 == std::size(kRows) || kRows[i + 1].vr != "ITEM";
      if (is_empty) bytes.push_back(kSequenceEnd);
    } else if (row.vr == "BULK") {
      bytes.push_back(kBulk);
      append_be(bytes, row.tag);
      append(bytes, as_bytes("OW"));
    } else {
      append_element(bytes, row);
    }
  }
  return bytes;
}

}  // namespace

const Bytes& attribute_dictionary_1() {
  static const Bytes kDictionary = build();
  return kDictionary;
}

}  // namespace latent::storage::catalog::detail
