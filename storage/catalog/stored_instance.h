// What the catalog keeps of one instance: where its sealed bytes lie and what they are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dicom/scanner/dataset_index.h"
#include "security/base/clock.h"
#include "security/base/identifiers.h"
#include "storage/blobs/blob_store.h"

namespace latent::storage::catalog {

/// The part of a row that retrieving needs; cheap to copy.
struct StoredInstance {
  InstanceUid sop_instance;
  SopClassUid sop_class;
  StudyUid study;
  SeriesUid series;
  TransferSyntaxUid transfer_syntax;
  BlobId blob;
  KeyId key;
  blobs::BlobLocation location;
  Digest digest;                      ///< SHA-256 of the data set as received
  std::uint64_t plaintext_bytes = 0;  ///< of the whole Part 10 file in the blob
  std::uint32_t data_set_offset = 0;  ///< where the data set begins in it
  std::uint32_t version = 0;
  TimeUs received_us = 0;
};

/// An instance whose bytes are durable and that now becomes visible.
struct NewInstance {
  StoredInstance stored;
  std::shared_ptr<const dicom::scanner::DatasetIndex> index;
  std::string source;  ///< "dimse:CT1", "import:root"
  std::string
      assumed_character_set;  ///< for devices that send none; empty = the standard's default
  Bytes sealed_attributes;    ///< index->attribute_set, compressed and sealed (attribute_blob.h)
};

}  // namespace latent::storage::catalog
