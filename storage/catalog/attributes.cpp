#include "storage/catalog/attributes.h"

#include <algorithm>
#include <array>
#include <vector>

namespace latent::storage::catalog {
namespace {

using namespace dicom::model::vrs;
using enum Level;
using enum Kind;

constexpr auto kKept = Origin::kept;
constexpr auto kSummed = Origin::summed;

// clang-format off
constexpr Attribute kAttributes[] = {
    {{0x0008, 0x0008}, kCS, image,   texts,     "image_type"},
    {{0x0008, 0x0016}, kUI, image,   uid,       "sop_class", kKept},
    {{0x0008, 0x0018}, kUI, image,   uid,       "sop_instance", kKept},
    {{0x0008, 0x0020}, kDA, study,   date,      "study_date"},
    {{0x0008, 0x0021}, kDA, series,  date,      "series_date"},
    {{0x0008, 0x0022}, kDA, image,   date,      "acquisition_date"},
    {{0x0008, 0x0023}, kDA, image,   date,      "content_date"},
    {{0x0008, 0x002A}, kDT, image,   date_time, "acquisition_date_time"},
    {{0x0008, 0x0030}, kTM, study,   time,      "study_time"},
    {{0x0008, 0x0031}, kTM, series,  time,      "series_time"},
    {{0x0008, 0x0032}, kTM, image,   time,      "acquisition_time"},
    {{0x0008, 0x0033}, kTM, image,   time,      "content_time"},
    {{0x0008, 0x0050}, kSH, study,   text,      "accession_number"},
    {{0x0008, 0x0060}, kCS, series,  text,      "modality"},
    {{0x0008, 0x0061}, kCS, study,   texts,     "modalities", kKept},
    {{0x0008, 0x0062}, kUI, study,   uids,      "sop_classes", kKept},
    {{0x0008, 0x0070}, kLO, series,  text,      "manufacturer"},
    {{0x0008, 0x0080}, kLO, series,  text,      "institution"},
    {{0x0008, 0x0090}, kPN, study,   name,      "referring_physician"},
    {{0x0008, 0x0201}, kSH, study,   text,      "timezone_offset"},
    {{0x0008, 0x1010}, kSH, series,  text,      "station"},
    {{0x0008, 0x1030}, kLO, study,   text,      "study_description"},
    {{0x0008, 0x1032}, kSQ, study,   sequence,  "procedure_codes"},
    {{0x0008, 0x103E}, kLO, series,  text,      "series_description"},
    {{0x0008, 0x1040}, kLO, series,  text,      "department"},
    {{0x0008, 0x1048}, kPN, study,   name,      "physicians_of_record"},
    {{0x0008, 0x1050}, kPN, series,  name,      "performing_physicians"},
    {{0x0008, 0x1060}, kPN, study,   name,      "reading_physicians"},
    {{0x0008, 0x1070}, kPN, series,  name,      "operators"},
    {{0x0008, 0x1080}, kLO, study,   texts,     "admitting_diagnoses"},
    {{0x0008, 0x1090}, kLO, series,  text,      "manufacturer_model"},
    {{0x0008, 0x3002}, kUI, image,   uid,       "transfer_syntax", kKept},
    {{0x0010, 0x0010}, kPN, patient, name,      "patient_name"},
    {{0x0010, 0x0020}, kLO, patient, text,      "patient_id"},
    {{0x0010, 0x0021}, kLO, patient, text,      "issuer"},
    {{0x0010, 0x0030}, kDA, patient, date,      "birth_date"},
    {{0x0010, 0x0032}, kTM, patient, time,      "birth_time"},
    {{0x0010, 0x0040}, kCS, patient, text,      "sex"},
    {{0x0010, 0x1000}, kLO, patient, texts,     "other_patient_ids"},
    {{0x0010, 0x1001}, kPN, patient, name,      "other_patient_names"},
    {{0x0010, 0x1010}, kAS, study,   text,      "patient_age"},
    {{0x0010, 0x1020}, kDS, study,   text,      "patient_size"},
    {{0x0010, 0x1030}, kDS, study,   text,      "patient_weight"},
    {{0x0010, 0x2160}, kSH, patient, text,      "ethnic_group"},
    {{0x0010, 0x2180}, kSH, study,   text,      "occupation"},
    {{0x0010, 0x21B0}, kLT, study,   text,      "additional_history"},
    {{0x0010, 0x4000}, kLT, patient, text,      "patient_comments"},
    {{0x0018, 0x0015}, kCS, series,  text,      "body_part"},
    {{0x0018, 0x1000}, kLO, series,  text,      "device_serial_number"},
    {{0x0018, 0x1030}, kLO, series,  text,      "protocol_name"},
    {{0x0018, 0x5100}, kCS, series,  text,      "patient_position"},
    {{0x0020, 0x000D}, kUI, study,   uid,       "study_uid", kKept},
    {{0x0020, 0x000E}, kUI, series,  uid,       "series_uid", kKept},
    {{0x0020, 0x0010}, kSH, study,   text,      "study_id"},
    {{0x0020, 0x0011}, kIS, series,  number,    "series_number"},
    {{0x0020, 0x0012}, kIS, image,   number,    "acquisition_number"},
    {{0x0020, 0x0013}, kIS, image,   number,    "instance_number"},
    {{0x0020, 0x0052}, kUI, series,  uid,       "frame_of_reference_uid"},
    {{0x0020, 0x0060}, kCS, series,  text,      "laterality"},
    {{0x0020, 0x1200}, kIS, patient, integer,   "studies", kKept},
    {{0x0020, 0x1202}, kIS, patient, integer,   "series", kKept},
    {{0x0020, 0x1204}, kIS, patient, integer,   "instances", kSummed},
    {{0x0020, 0x1206}, kIS, study,   integer,   "series", kKept},
    {{0x0020, 0x1208}, kIS, study,   integer,   "instances", kSummed},
    {{0x0020, 0x1209}, kIS, series,  integer,   "instances", kKept},
    {{0x0028, 0x0008}, kIS, image,   number,    "number_of_frames"},
    {{0x0028, 0x0010}, kUS, image,   integer,   "image_rows"},
    {{0x0028, 0x0011}, kUS, image,   integer,   "image_columns"},
    {{0x0028, 0x0100}, kUS, image,   integer,   "bits_allocated"},
    {{0x0040, 0x0244}, kDA, series,  date,      "performed_step_date"},
    {{0x0040, 0x0245}, kTM, series,  time,      "performed_step_time"},
    {{0x0040, 0x0253}, kSH, series,  text,      "performed_step_id"},
    {{0x0040, 0x0254}, kLO, series,  text,      "performed_step_description"},
    {{0x0040, 0x0275}, kSQ, series,  sequence,  "request_attributes"},
    {{0x0040, 0xA043}, kSQ, image,   sequence,  "concept_name"},
    {{0x0040, 0xA491}, kCS, image,   text,      "completion_flag"},
    {{0x0040, 0xA493}, kCS, image,   text,      "verification_flag"},
    {{0x0042, 0x0010}, kST, image,   text,      "document_title"},
    {{0x0070, 0x0080}, kCS, image,   text,      "content_label"},
    {{0x0070, 0x0081}, kLO, image,   text,      "content_description"},
    {{0x0070, 0x0084}, kPN, image,   name,      "content_creator"},
};

constexpr ItemAttribute kItemAttributes[] = {
    {{0x0008, 0x1032}, {0x0008, 0x0100}, kSH, "00080100"},
    {{0x0008, 0x1032}, {0x0008, 0x0102}, kSH, "00080102"},
    {{0x0008, 0x1032}, {0x0008, 0x0104}, kLO, "00080104"},
    {{0x0040, 0x0275}, {0x0008, 0x0050}, kSH, "00080050"},
    {{0x0040, 0x0275}, {0x0032, 0x1060}, kLO, "00321060"},
    {{0x0040, 0x0275}, {0x0040, 0x0007}, kLO, "00400007"},
    {{0x0040, 0x0275}, {0x0040, 0x0009}, kSH, "00400009"},
    {{0x0040, 0x0275}, {0x0040, 0x1001}, kSH, "00401001"},
    {{0x0040, 0xA043}, {0x0008, 0x0100}, kSH, "00080100"},
    {{0x0040, 0xA043}, {0x0008, 0x0102}, kSH, "00080102"},
    {{0x0040, 0xA043}, {0x0008, 0x0104}, kLO, "00080104"},
};
// clang-format on

constexpr bool by_tag(const Attribute& a, const Attribute& b) { return a.tag < b.tag; }
static_assert(std::ranges::is_sorted(kAttributes, by_tag));

constexpr bool by_sequence(const ItemAttribute& a, const ItemAttribute& b) {
  return a.sequence < b.sequence || (a.sequence == b.sequence && a.tag < b.tag);
}
static_assert(std::ranges::is_sorted(kItemAttributes, by_sequence));

constexpr bool is_wanted(const Attribute& attribute) {
  return attribute.origin == Origin::data_set;
}
constexpr auto kWanted = [] {
  std::array<Tag, std::ranges::count_if(kAttributes, is_wanted)> tags{};
  std::size_t count = 0;
  for (const Attribute& attribute : kAttributes)
    if (is_wanted(attribute)) tags[count++] = attribute.tag;
  return tags;
}();

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case patient:
      return "PATIENT";
    case study:
      return "STUDY";
    case series:
      return "SERIES";
    case image:
      return "IMAGE";
  }
  return "IMAGE";
}

std::span<const Attribute> attributes() { return kAttributes; }

const Attribute* find_attribute(Tag tag) {
  const auto found = std::ranges::lower_bound(kAttributes, tag, {}, &Attribute::tag);
  return found != std::end(kAttributes) && found->tag == tag ? &*found : nullptr;
}

std::span<const ItemAttribute> item_attributes(Tag sequence) {
  // Not equal_range(), whose subrange clang 14 cannot make of an array.
  return {std::ranges::lower_bound(kItemAttributes, sequence, {}, &ItemAttribute::sequence),
          std::ranges::upper_bound(kItemAttributes, sequence, {}, &ItemAttribute::sequence)};
}

std::span<const Tag> wanted_tags() { return kWanted; }

}  // namespace latent::storage::catalog
