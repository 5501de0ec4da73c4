// Instances as the store verb hands them to the catalog, made of a few attributes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "dicom/model/dictionary.h"
#include "storage/catalog/stored_instance.h"

namespace latent::test {

using dicom::model::Tag;

/// Values by tag; text in the character set that (0008,0005) names.
using Attributes = std::map<Tag, std::string>;

inline dicom::scanner::RawValue raw_value(Tag tag, std::string_view value) {
  return {dicom::model::vr_of(tag), Bytes(as_bytes(value).begin(), as_bytes(value).end())};
}

/// `place` makes blob id and location; different for every instance of a test.
inline storage::catalog::NewInstance new_instance(std::string_view study, std::string_view series,
                                                  std::string_view instance, std::uint64_t place,
                                                  const Attributes& attributes = {}) {
  using namespace storage::catalog;
  const auto sop_class = SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").value();
  auto index = std::make_shared<dicom::scanner::DatasetIndex>(
      dicom::scanner::DatasetIndex{.sop_class = sop_class,
                                   .sop_instance = InstanceUid::parse(instance).value(),
                                   .study = StudyUid::parse(study).value(),
                                   .series = SeriesUid::parse(series).value(),
                                   .attributes = {},
                                   .sequences = {},
                                   .pixels = {},
                                   .dataset_bytes = 1000,
                                   .attribute_set = {},
                                   .notes = {}});
  for (const auto& [tag, value] : attributes) index->attributes[tag] = raw_value(tag, value);
  NewInstance made{
      .stored = {.sop_instance = index->sop_instance,
                 .sop_class = sop_class,
                 .study = index->study,
                 .series = index->series,
                 .transfer_syntax = TransferSyntaxUid::parse("1.2.840.10008.1.2.1").value(),
                 .blob = {},
                 .key = {},
                 .location = {.segment = 1 + place / 1000,
                              .offset = 64 + place % 1000 * 4096,
                              .bytes = 2048},
                 .digest = {},
                 .plaintext_bytes = 1500,
                 .data_set_offset = 350,
                 .version = 0,
                 .received_us = 1'700'000'000'000'000 + static_cast<TimeUs>(place)},
      .index = std::move(index),
      .source = "dimse:TEST",
      .assumed_character_set = {},
      .sealed_attributes = {}};
  store_le(made.stored.blob.bytes, 0, place);
  return made;
}

}  // namespace latent::test
