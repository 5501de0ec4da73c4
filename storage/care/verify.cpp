#include "storage/care/verify.h"

#include <map>
#include <unordered_map>
#include <vector>

#include "security/crypto/sealed_stream.h"
#include "storage/catalog/instances.h"

namespace latent::storage::care {
namespace {

using catalog::StoredInstance;
using security::crypto::SealedReader;
using RowsByOffset = std::unordered_map<std::uint64_t, StoredInstance>;

class Verifier {
 public:
  Verifier(blobs::BlobStore& blobs, keyring::KeyRing& keys, const StoreId& store_id,
           const VerifyCalls& calls, std::stop_token stop)
      : blobs_(blobs), keys_(keys), store_id_(store_id), calls_(calls), stop_(std::move(stop)) {}

  bool stopped() const { return stop_.stop_requested(); }
  const VerifyReport& report() const { return report_; }

  /// Walks the records of one segment against the rows that point into it.
  void check_segment(std::uint64_t segment, RowsByOffset rows) {
    const auto walked = blobs_.for_each_record(segment, blobs::PayloadCheck::crc,
                                               [&](const blobs::RecordView& record) {
                                                 check_record(segment, record, rows);
                                                 return !stopped();
                                               });
    if (!walked)
      add({walked.error().where, segment, 0, "", "segment cannot be read: " + walked.error().text});
    for (const auto& [offset, row] : rows)
      if (!stopped())
        add({"row", segment, offset, row.blob.hex(), "a row points at a record that is not there"});
    ++report_.segments;
    if (calls_.on_progress) calls_.on_progress(report_);
  }

  /// A row of a segment whose file is gone, or that came after the list of files was made.
  void check_missing(const RowsByOffset& rows) {
    for (const auto& [offset, row] : rows) check_blob(row);
  }

 private:
  void check_record(std::uint64_t segment, const blobs::RecordView& record, RowsByOffset& rows) {
    if (record.damage == "torn" || record.damage == "gap") {
      // Behind the last row this is what a crash leaves; rows that lie in it are found below.
      if (!rows.empty())
        add({std::string(record.damage), segment, record.offset, "", "records end in damage here"});
      return;
    }
    const auto type = static_cast<blobs::RecordType>(record.header.type);
    if (type == blobs::RecordType::tombstone) ++report_.tombstones;
    if (type != blobs::RecordType::blob) return;
    const auto row = rows.find(record.payload_offset());
    if (row == rows.end()) {
      ++report_.unowned_blobs;
      report_.unowned_bytes += record.header.payload_bytes;
      return;
    }
    if (!record.damage.empty())
      add({std::string(record.damage), segment, record.offset, row->second.blob.hex(),
           "the record's checksum does not fit"});
    check_blob(row->second);
    rows.erase(row);
  }

  void check_blob(const StoredInstance& row) {
    if (const auto opened = open_and_verify(row); !opened) {
      add({opened.error().where, row.location.segment, row.location.offset, row.blob.hex(),
           opened.error().text});
      return;
    }
    ++report_.instances;
    report_.bytes += row.plaintext_bytes;
  }

  Result<void> open_and_verify(const StoredInstance& row) {
    const auto read_at = [this, location = row.location](std::uint64_t offset,
                                                         MutableByteSpan out) {
      return blobs_.read(location, offset, out);
    };
    const auto key_of = [this](const KeyId& id) { return keys_.by_id(id); };
    LATENT_TRY(auto blob, SealedReader::open(read_at, row.location.bytes, key_of, store_id_));
    if (blob.head().blob_id != row.blob)
      return fail(ErrorCode::corrupt, "another blob lies where the row points", "row");
    if (blob.manifest().digest != row.digest || blob.length() != row.plaintext_bytes)
      return fail(ErrorCode::corrupt, "the sealed digest or length is not the row's", "row");
    return blob.verify();
  }

  void add(Finding finding) {
    ++report_.findings;
    if (calls_.on_finding) calls_.on_finding(finding);
  }

  blobs::BlobStore& blobs_;
  keyring::KeyRing& keys_;
  const StoreId store_id_;
  const VerifyCalls& calls_;
  const std::stop_token stop_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify(database::Pool& pool, blobs::BlobStore& blobs, keyring::KeyRing& keys,
                            const StoreId& store_id, const VerifyCalls& calls,
                            std::stop_token stop) {
  Verifier verifier(blobs, keys, store_id, calls, stop);
  // Files first, rows second: a record that gets its row in between is then owned, and a segment
  // that comes in between is not looked at.
  LATENT_TRY(const auto files, blobs.segments());
  std::map<std::uint64_t, bool> unseen;
  for (const blobs::SegmentInfo& file : files) unseen[file.number] = true;

  std::uint64_t current = 0;
  RowsByOffset rows;
  const auto finish_segment = [&] {
    if (current == 0) return;
    if (unseen.erase(current) > 0)
      verifier.check_segment(current, std::move(rows));
    else
      verifier.check_missing(rows);
    rows.clear();
  };
  LATENT_TRY_VOID(catalog::for_each_instance(pool, [&](const StoredInstance& row) {
    if (row.location.segment != current) {
      finish_segment();
      current = row.location.segment;
    }
    rows.emplace(row.location.offset, row);
    return !verifier.stopped();
  }));
  finish_segment();
  for (const auto& [segment, exists] : unseen)
    if (!verifier.stopped()) verifier.check_segment(segment, {});
  if (verifier.stopped()) return fail(ErrorCode::cancelled, "verify was stopped", "verify");
  return verifier.report();
}

}  // namespace latent::storage::care
