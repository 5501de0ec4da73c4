#include "dicom/model/dictionary.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

// dcmdata asks for this macro and for osconfig.h before its other headers.
#define HAVE_CONFIG_H
#include <dcmtk/config/osconfig.h>
// (kept apart so that the order survives sorting)
#include <dcmtk/dcmdata/dcdicent.h>
#include <dcmtk/dcmdata/dcdict.h>

#include "dicom/model/detail/dictionary_additions.h"
#include "security/base/log.h"

namespace latent::dicom::model {
namespace {

/// A row while loading, and what the sorted keyword list holds.
struct Row {
  std::uint32_t tag = 0;
  Vr vr{};
  std::string keyword;
};

/// Open addressing with linear probing: one or two cache lines a look-up, and no tag of a hostile
/// file can change it. 5 200 rows in 16 384 places.
class Table {
 public:
  Table();

  const Row* find(std::uint32_t tag) const {
    for (std::size_t at = place_of(tag);; at = (at + 1) % kPlaces) {
      if (rows_of_[at] == kFree) return nullptr;
      if (tags_[at] == tag) return &rows_[rows_of_[at]];
    }
  }
  const Row* find_keyword(std::string_view keyword) const {
    const auto at = std::lower_bound(
        by_keyword_.begin(), by_keyword_.end(), keyword,
        [this](std::uint16_t row, std::string_view text) { return rows_[row].keyword < text; });
    return at != by_keyword_.end() && rows_[*at].keyword == keyword ? &rows_[*at] : nullptr;
  }
  bool is_complete() const { return complete_; }

 private:
  static constexpr std::size_t kPlaces = 16384;
  static constexpr std::uint16_t kFree = 0xFFFF;

  static std::size_t place_of(std::uint32_t tag) { return tag * 2654435761u >> 18; }
  static_assert(kPlaces == std::size_t{1} << (32 - 18));

  void take_dcmtk_rows();
  void index();

  std::vector<Row> rows_;
  std::array<std::uint32_t, kPlaces> tags_{};
  std::array<std::uint16_t, kPlaces> rows_of_{};
  std::vector<std::uint16_t> by_keyword_;
  bool complete_ = false;
};

/// DCMTK names "one of several" with VRs of its own in small letters.
Vr vr_from(DcmEVR vr) {
  switch (vr) {
    case EVR_xs:
      return vrs::kUS;  // US or SS
    case EVR_ox:        // OB or OW
    case EVR_px:        // the same for pixel data
    case EVR_lt:
      return vrs::kOW;  // US, SS or OW in a look-up table
    case EVR_up:
      return vrs::kUL;  // offset of a directory record
    default:
      break;
  }
  const char* name = DcmVR(vr).getVRName();
  const Vr known = make_vr(name[0], name[1]);
  return is_known(known) ? known : vrs::kUN;
}

/// Retired rows carry a prefix in DCMTK; the standard's keyword does not.
std::string_view keyword_of(const DcmDictEntry& entry) {
  std::string_view name = entry.getTagName();
  for (std::string_view prefix : {"RETIRED_", "ACR_NEMA_"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return name;
}

/// Repeating rows are kept under one tag: which bits of the tag are fixed, by their first tag.
/// PS3.6 6 and 7: 50xx and 60xx groups, 7Fxx (retired), and (0020,31xx).
std::uint32_t repeating_base(std::uint32_t tag) {
  switch (tag >> 24) {
    case 0x50:
    case 0x60:
    case 0x7F:
      return tag & 0xFF00FFFF;
    default:
      break;
  }
  switch (tag >> 16) {
    case 0x0020:
      return (tag & 0xFF00) == 0x3100 ? 0x00203100 : tag;
    case 0x0028:  // (0028,04xy) and (0028,08xy), retired
      return (tag & 0xFF00) == 0x0400   ? (tag & 0xFFFFFF0F) | 0x10
             : (tag & 0xFF00) == 0x0800 ? tag & 0xFFFFFF0F
                                        : tag;
    case 0x1000:  // (1000,xxxy), retired
      return (tag & 0xFFFF000F) | 0x10;
    case 0x1010:  // (1010,xxxx), retired
      return 0x10100004;
    default:
      return tag;
  }
}

Table::Table() {
  rows_.reserve(6000);
  take_dcmtk_rows();
  for (const detail::Addition& addition : detail::dictionary_additions())
    rows_.push_back({addition.tag, addition.vr, std::string(addition.keyword)});
  index();
}

void Table::take_dcmtk_rows() {
  // Our own instance, read from the path that the library was built with: the global one would also
  // read 3 000 private rows, take a lock on each look-up, and follow DCMDICTPATH of the
  // environment.
  DcmDataDictionary dcmtk(OFFalse, OFFalse);
  std::string_view paths = DCM_DICT_DEFAULT_PATH;
  const std::string path(paths.substr(0, paths.find(ENVIRONMENT_PATH_SEPARATOR)));
  complete_ = dcmtk.loadDictionary(path.c_str(), OFTrue);
  if (!complete_)
    log::error("data dictionary cannot be read; install libdcmtk again", "path", path);

  const auto take = [this](const DcmDictEntry& entry) {
    const Tag tag{entry.getGroup(), entry.getElement()};
    // Item tags have no VR; generic rows (group length, private creator) are rules in vr_of.
    if (tag.is_private() || tag.group == 0xFFFE || entry.getPrivateCreator() != nullptr) return;
    if (entry.getUpperGroup() == 0xFFFF) return;
    rows_.push_back({tag.value(), vr_from(entry.getEVR()), std::string(keyword_of(entry))});
  };
  for (auto at = dcmtk.normalBegin(); at != dcmtk.normalEnd(); ++at) take(**at);
  for (auto at = dcmtk.repeatingBegin(); at != dcmtk.repeatingEnd(); ++at) take(**at);
}

void Table::index() {
  rows_of_.fill(kFree);
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (find(rows_[row].tag) != nullptr) continue;
    std::size_t at = place_of(rows_[row].tag);
    while (rows_of_[at] != kFree) at = (at + 1) % kPlaces;
    tags_[at] = rows_[row].tag;
    rows_of_[at] = static_cast<std::uint16_t>(row);
    by_keyword_.push_back(static_cast<std::uint16_t>(row));
  }
  std::sort(by_keyword_.begin(), by_keyword_.end(),
            [this](std::uint16_t left, std::uint16_t right) {
              return rows_[left].keyword < rows_[right].keyword;
            });
}

const Table& table() {
  static const Table instance;
  return instance;
}

const Row* find_row(Tag tag) {
  if (tag.is_private()) return nullptr;
  const Table& all = table();
  if (const Row* exact = all.find(tag.value())) return exact;
  const std::uint32_t base = repeating_base(tag.value());
  return base == tag.value() ? nullptr : all.find(base);
}

}  // namespace

void load_dictionary() { table(); }

bool is_dictionary_complete() { return table().is_complete(); }

std::optional<DictionaryEntry> find(Tag tag) {
  const Row* row = find_row(tag);
  if (row == nullptr) return std::nullopt;
  return DictionaryEntry{row->vr, row->keyword};
}

std::optional<Tag> find_keyword(std::string_view keyword) {
  const Row* row = table().find_keyword(keyword);
  if (row == nullptr) return std::nullopt;
  return Tag::from(row->tag);
}

Vr vr_of(Tag tag) {
  if (tag.is_group_length()) return vrs::kUL;
  if (tag.is_private()) return tag.is_private_creator() ? vrs::kLO : vrs::kUN;
  const Row* row = find_row(tag);
  return row != nullptr ? row->vr : vrs::kUN;
}

}  // namespace latent::dicom::model
