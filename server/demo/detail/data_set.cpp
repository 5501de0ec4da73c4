#include "server/demo/detail/data_set.h"

#include <cstring>
#include <utility>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/writer/file_meta.h"

namespace latent::server::demo::detail {

using dicom::model::Tag;
using dicom::model::Vr;
namespace vrs = dicom::model::vrs;

void DataSet::texts(std::initializer_list<Row> rows) {
  for (const Row& row : rows) text(row.tag, row.vr, row.text);
}

void DataSet::text(Tag tag, Vr vr, std::string_view value) {
  const ByteSpan raw = as_bytes(value);
  bytes(tag, vr, Bytes(raw.begin(), raw.end()));
}

template <class Number>
void DataSet::number(Tag tag, Vr vr, Number value) {
  Bytes raw(sizeof value);
  std::memcpy(raw.data(), &value, sizeof value);
  bytes(tag, vr, std::move(raw));
}
void DataSet::us(Tag tag, std::uint16_t value) { number(tag, vrs::kUS, value); }
void DataSet::ul(Tag tag, std::uint32_t value) { number(tag, vrs::kUL, value); }
void DataSet::sl(Tag tag, std::int32_t value) { number(tag, vrs::kSL, value); }
void DataSet::fd(Tag tag, double value) { number(tag, vrs::kFD, value); }

void DataSet::bytes(Tag tag, Vr vr, Bytes value) {
  elements_[tag] = Element{.vr = vr, .value = std::move(value), .items = {}};
}

void DataSet::item(Tag tag, DataSet item) {
  Element& element = elements_[tag];
  element.vr = vrs::kSQ;
  element.items.push_back(std::move(item));
}

void DataSet::write(dicom::writer::ElementWriter& writer) const {
  for (const auto& [tag, element] : elements_) {
    if (element.items.empty()) {
      writer.element(tag, element.vr, element.value);
      continue;
    }
    writer.begin_sequence(tag);
    for (const DataSet& item : element.items) {
      writer.begin_item();
      item.write(writer);  // our own data, two levels at most
      writer.end_item();
    }
    writer.end_sequence();
  }
}

Bytes DataSet::file(std::string_view sop_class, std::string_view sop_instance) const {
  Bytes out =
      dicom::writer::file_head({.sop_class = sop_class,
                                .sop_instance = sop_instance,
                                .transfer_syntax = dicom::model::transfer_syntaxes::kExplicitLittle,
                                .source_ae_title = {}});
  dicom::writer::ElementWriter writer(dicom::model::Encoding::explicit_little, out);
  write(writer);
  return out;
}

}  // namespace latent::server::demo::detail
