// Attributes put in by any order and written in ascending order, as PS3.5 7.1 wants it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string_view>
#include <vector>

#include "dicom/model/tag.h"
#include "dicom/model/vr.h"
#include "dicom/writer/element_writer.h"
#include "security/base/bytes.h"

namespace latent::server::demo::detail {

class DataSet {
 public:
  struct Row {
    dicom::model::Tag tag;
    dicom::model::Vr vr;
    std::string_view text;
  };
  void texts(std::initializer_list<Row> rows);
  void text(dicom::model::Tag tag, dicom::model::Vr vr, std::string_view value);
  void us(dicom::model::Tag tag, std::uint16_t value);
  void ul(dicom::model::Tag tag, std::uint32_t value);
  void sl(dicom::model::Tag tag, std::int32_t value);
  void fd(dicom::model::Tag tag, double value);
  void bytes(dicom::model::Tag tag, dicom::model::Vr vr, Bytes value);
  /// A sequence of this one item.
  void item(dicom::model::Tag tag, DataSet item);

  /// A DICOM file in explicit little endian; SOP class and instance must be there as `identity`
  /// says.
  Bytes file(std::string_view sop_class, std::string_view sop_instance) const;

 private:
  struct Element {
    dicom::model::Vr vr{};
    Bytes value;
    std::vector<DataSet> items;  ///< of a sequence; else empty
  };
  void write(dicom::writer::ElementWriter& writer) const;
  template <class Number>
  void number(dicom::model::Tag tag, dicom::model::Vr vr, Number value);

  std::map<dicom::model::Tag, Element> elements_;
};

}  // namespace latent::server::demo::detail
