#include "tests/support/dicom_objects.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "dicom/model/dictionary.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/scanner/dataset_index.h"
#include "dicom/scanner/part10.h"
#include "dicom/writer/convert_native.h"
#include "dicom/writer/element_writer.h"
#include "dicom/writer/file_meta.h"

namespace latent::test {
namespace {

using dicom::model::Tag;
namespace tags = dicom::model::tags;
namespace syntaxes = dicom::model::transfer_syntaxes;

constexpr std::size_t kMadePixelBytes = 256;

Bytes bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

/// What the scanner finds; it is judged elsewhere, here it saves a parser.
void fill_identity(DicomObject& object) {
  dicom::scanner::DatasetScanner scanner(object.transfer_syntax, Limits{}, {});
  if (!scanner.feed(object.data_set)) return;
  const auto index = scanner.finish();
  if (!index) return;
  object.sop_class = index->sop_class.str();
  object.sop_instance = index->sop_instance.str();
  object.study = index->study.str();
  object.series = index->series.str();
  object.is_complete = true;
}

}  // namespace

DicomObject read_object(const std::filesystem::path& file) {
  const Bytes bytes = bytes_of(file);
  dicom::scanner::Part10Reader reader{Limits{}};
  auto complete = reader.feed(bytes);
  if (complete && !*complete) {
    const auto finished = reader.finish();
    if (!finished) throw std::runtime_error(file.string() + ": " + finished.error().text);
  } else if (!complete) {
    throw std::runtime_error(file.string() + ": " + complete.error().text);
  }
  DicomObject object;
  object.file = file;
  object.sop_class = reader.meta().sop_class;
  object.sop_instance = reader.meta().sop_instance;
  object.transfer_syntax = reader.meta().transfer_syntax;
  object.data_set.assign(bytes.begin() + static_cast<std::ptrdiff_t>(reader.meta().data_set_offset),
                         bytes.end());
  fill_identity(object);
  return object;
}

DicomObject make_object(std::string_view study, std::string_view series, std::string_view instance,
                        const Attributes& attributes) {
  const auto us = [](std::uint16_t value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  DicomObject object;
  const auto given_class = attributes.find(tags::kSopClassUid);
  object.sop_class = given_class == attributes.end() ? std::string("1.2.840.10008.5.1.4.1.1.7")
                                                     : given_class->second;
  object.sop_instance = instance;
  object.study = study;
  object.series = series;
  object.transfer_syntax = syntaxes::kExplicitLittle;
  object.is_complete = true;
  std::string pixels(kMadePixelBytes, '\0');
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<char>(i);
  Attributes all = attributes;
  all.insert({{tags::kSopClassUid, object.sop_class},
              {tags::kSopInstanceUid, object.sop_instance},
              {tags::kStudyDate, "20260101"},
              {tags::kStudyTime, "101112"},
              {tags::kAccessionNumber, ""},
              {tags::kModality, "OT"},
              {Tag{0x0008, 0x0064}, "WSD"},
              {tags::kPatientName, "Made^Up"},
              {tags::kPatientId, "MADE-UP"},
              {tags::kPatientBirthDate, "19700101"},
              {tags::kPatientSex, "O"},
              {tags::kStudyInstanceUid, object.study},
              {tags::kSeriesInstanceUid, object.series},
              {Tag{0x0020, 0x0010}, "1"},
              {Tag{0x0020, 0x0011}, "1"},
              {Tag{0x0020, 0x0013}, "1"},
              {Tag{0x0028, 0x0002}, us(1)},
              {Tag{0x0028, 0x0004}, "MONOCHROME2"},
              {tags::kRows, us(16)},
              {tags::kColumns, us(16)},
              {tags::kBitsAllocated, us(8)},
              {Tag{0x0028, 0x0101}, us(8)},
              {Tag{0x0028, 0x0102}, us(7)},
              {tags::kPixelRepresentation, us(0)},
              {tags::kPixelData, pixels}});
  dicom::writer::ElementWriter writer(dicom::model::Encoding::explicit_little, object.data_set);
  for (const auto& [tag, value] : all)
    writer.element(tag, tag == tags::kPixelData ? dicom::model::vrs::kOB : dicom::model::vr_of(tag),
                   as_bytes(value));
  return object;
}

DicomObject convert_native(const DicomObject& object, std::string_view transfer_syntax) {
  DicomObject converted = object;
  converted.transfer_syntax = transfer_syntax;
  converted.data_set.clear();
  dicom::writer::NativeConverter converter(object.transfer_syntax, transfer_syntax, Limits{});
  const auto fed = converter.feed(object.data_set, converted.data_set);
  const auto finished = fed ? converter.finish(converted.data_set) : fed;
  if (!finished) throw std::runtime_error("convert: " + finished.error().text);
  return converted;
}

DicomObject encapsulate(const DicomObject& object, std::string_view transfer_syntax) {
  DicomObject encapsulated = object;
  encapsulated.transfer_syntax = transfer_syntax;
  constexpr std::size_t kHeadBytes = 12;
  const Bytes pixels(object.data_set.end() - kMadePixelBytes, object.data_set.end());
  encapsulated.data_set.resize(object.data_set.size() - kMadePixelBytes - kHeadBytes);
  dicom::writer::ElementWriter writer(dicom::model::Encoding::explicit_little,
                                      encapsulated.data_set);
  writer.begin_fragments(tags::kPixelData);
  writer.fragment({});
  writer.fragment(pixels);
  writer.end_fragments();
  return encapsulated;
}

void write_file(const DicomObject& object, const std::filesystem::path& file) {
  const Bytes head = dicom::writer::file_head({.sop_class = object.sop_class,
                                               .sop_instance = object.sop_instance,
                                               .transfer_syntax = object.transfer_syntax,
                                               .source_ae_title = {}});
  std::filesystem::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream << as_text(head) << as_text(object.data_set);
  if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

Bytes encode_identifier(const Attributes& attributes) {
  Bytes bytes;
  dicom::writer::ElementWriter writer(dicom::model::Encoding::implicit_little, bytes);
  for (const auto& [tag, value] : attributes)
    writer.element(tag, dicom::model::vr_of(tag), as_bytes(value));
  return bytes;
}

Attributes decode_identifier(ByteSpan bytes) {
  Attributes attributes;
  std::size_t at = 0;
  std::size_t open_sequences = 0;
  while (at < bytes.size()) {
    if (bytes.size() - at < 8) throw std::runtime_error("an identifier ends inside an element");
    const Tag tag{load_le<std::uint16_t>(bytes, at), load_le<std::uint16_t>(bytes, at + 2)};
    const auto length = load_le<std::uint32_t>(bytes, at + 4);
    at += 8;
    if (tag == tags::kSequenceDelimitation) {
      --open_sequences;
    } else if (length == 0xFFFFFFFF) {
      if (tag != tags::kItem) ++open_sequences;
    } else if (tag != tags::kItem && tag != tags::kItemDelimitation) {
      if (length > bytes.size() - at) throw std::runtime_error("an identifier claims too much");
      std::string value(as_text(bytes.subspan(at, length)));
      while (!value.empty() && (value.back() == ' ' || value.back() == '\0')) value.pop_back();
      if (open_sequences == 0) attributes[tag] = value;
      at += length;
    }
  }
  return attributes;
}

std::string value_of(const Attributes& attributes, Tag tag) {
  const auto found = attributes.find(tag);
  return found == attributes.end() ? std::string() : found->second;
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : "\\") + value;
  return text;
}

}  // namespace latent::test
