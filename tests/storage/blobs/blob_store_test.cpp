#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "security/base/fail_point.h"
#include "security/crypto/crc32c.h"
#include "security/crypto/secret.h"
#include "storage/blobs/blob_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_directory.h"

namespace latent::storage::blobs {
namespace {

using security::crypto::random_id;

constexpr const char* kNode = "00c0ffee";

Bytes payload_of(std::size_t n, unsigned seed) {
  Bytes bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 31 + seed + i / 255);
  return bytes;
}

struct Stored {
  BlobId id{};
  Bytes bytes;
  BlobLocation location{};
};

class BlobStoreTest : public ::testing::Test {
 protected:
  Config config() const {
    Config c;
    c.directory = folder_ / "seg";
    c.node = kNode;
    c.store_id = store_id_;
    c.segment_bytes_max = segment_bytes_max_;
    return c;
  }
  std::unique_ptr<BlobStore> open(const CatalogView& catalog = {}) {
    return BlobStore::open(config(), catalog, clock_).value();
  }
  /// A catalog whose last row is `last`.
  static CatalogView knowing(const BlobLocation& last) {
    CatalogView view;
    view.highest_segment = [last]() -> Result<std::uint64_t> { return last.segment; };
    view.last_in = [last](std::uint64_t segment) -> Result<std::optional<BlobLocation>> {
      return segment == last.segment ? std::optional(last) : std::nullopt;
    };
    return view;
  }
  static std::vector<Stored> append(BlobStore& store, std::initializer_list<std::size_t> sizes) {
    std::vector<Stored> blobs;
    for (std::size_t n : sizes)
      blobs.push_back({random_id<BlobId>(), payload_of(n, static_cast<unsigned>(n)), {}});
    std::vector<ByteSpan> parts;
    for (const Stored& blob : blobs) {  // in two parts each
      parts.push_back(ByteSpan(blob.bytes).first(blob.bytes.size() / 3));
      parts.push_back(ByteSpan(blob.bytes).subspan(blob.bytes.size() / 3));
    }
    std::vector<PendingBlob> pending;
    for (std::size_t i = 0; i < blobs.size(); ++i)
      pending.push_back({blobs[i].id, std::span(parts).subspan(2 * i, 2), std::nullopt});
    const auto locations = store.append(pending).value();
    EXPECT_TRUE(store.sync(locations));
    for (std::size_t i = 0; i < blobs.size(); ++i) blobs[i].location = locations[i];
    return blobs;
  }
  static void expect_readable(BlobStore& store, const std::vector<Stored>& blobs) {
    for (const Stored& blob : blobs) {
      Bytes out(blob.location.bytes);
      ASSERT_TRUE(store.read(blob.location, 0, out));
      EXPECT_EQ(out, blob.bytes);
    }
  }
  std::filesystem::path segment_path(std::uint64_t number) const {
    char name[32];
    std::snprintf(name, sizeof name, "%016llx.seg", static_cast<unsigned long long>(number));
    return folder_ / "seg" / kNode / name;
  }
  /// What a crash leaves: the files as they are now, without a clean stop.
  void crash(std::unique_ptr<BlobStore> store) {
    const auto kept = folder_ / "kept";
    std::filesystem::copy(folder_ / "seg", kept, std::filesystem::copy_options::recursive);
    store.reset();
    std::filesystem::remove_all(folder_ / "seg");
    std::filesystem::rename(kept, folder_ / "seg");
  }
  void overwrite(const std::filesystem::path& path, std::uint64_t offset, ByteSpan bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.flush());
  }
  std::vector<std::string> records(const BlobStore& store, std::uint64_t segment) {
    std::vector<std::string> found;
    EXPECT_TRUE(store.for_each_record(segment, PayloadCheck::crc, [&](const RecordView& r) {
      found.push_back(r.damage.empty() ? std::to_string(r.header.type) : std::string(r.damage));
      return true;
    }));
    return found;
  }

  test::TemporaryDirectory folder_;
  test::ManualClock clock_;
  StoreId store_id_ = random_id<StoreId>();
  std::uint64_t segment_bytes_max_ = 1u << 20;
};

using Found = std::vector<std::string>;

TEST_F(BlobStoreTest, AppendedBlobsReadBackWholeAndInPieces) {
  auto store = open();
  const auto blobs = append(*store, {0, 1, 7, 8, 100, 70'000});
  expect_readable(*store, blobs);

  Bytes out(10);
  ASSERT_TRUE(store->read(blobs[4].location, 50, out));
  EXPECT_TRUE(std::equal(out.begin(), out.end(), blobs[4].bytes.begin() + 50));
  EXPECT_EQ(store->read(blobs[4].location, 91, out).error().where, "range");
  EXPECT_EQ(store->read(blobs[4].location, ~0ull, out).error().where, "range");
  BlobLocation gone = blobs[4].location;
  gone.segment = 99;
  EXPECT_EQ(store->read(gone, 0, out).error().code, ErrorCode::corrupt);
  gone = {blobs[4].location.segment, 1u << 30, 100};
  EXPECT_EQ(store->read(gone, 0, out).error().where, "truncated");
}

TEST_F(BlobStoreTest, AFullSegmentIsSealedCutAndFollowedByANewOne) {
  auto store = open();
  std::vector<Stored> blobs;
  for (int i = 0; i < 5; ++i)
    for (auto& blob : append(*store, {300'000, 100'000})) blobs.push_back(std::move(blob));
  expect_readable(*store, blobs);
  const auto segments = store->segments().value();
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_TRUE(segments[0].sealed);
  EXPECT_TRUE(segments[1].sealed);
  EXPECT_FALSE(segments[2].sealed);
  EXPECT_LT(segments[0].file_bytes, segment_bytes_max_);
  EXPECT_EQ(segments[2].file_bytes, segment_bytes_max_);  // preallocated
  EXPECT_EQ(records(*store, segments[0].number), (Found{"1", "1", "1", "1", "3"}));

  ASSERT_TRUE(store->stop());
  EXPECT_TRUE(store->segments().value()[2].sealed);
  expect_readable(*store, blobs);
}

TEST_F(BlobStoreTest, AGroupLargerThanASegmentStillFits) {
  auto store = open();
  const auto blobs = append(*store, {2'000'000, 10});
  expect_readable(*store, blobs);
  expect_readable(*store, append(*store, {5}));
}

TEST_F(BlobStoreTest, ACleanStopLeavesNothingToRecover) {
  auto store = open();
  const auto blobs = append(*store, {100, 200});
  store.reset();
  store = open(knowing(blobs[1].location));
  EXPECT_EQ(store->recovery().segments_sealed, 0u);
  EXPECT_TRUE(store->recovery().unclaimed.empty());
  expect_readable(*store, blobs);
  EXPECT_GT(append(*store, {1})[0].location.segment, blobs[1].location.segment);
}

TEST_F(BlobStoreTest, AfterACrashBlobsWithoutRowAreReportedAndKept) {
  auto store = open();
  const auto blobs = append(*store, {100, 200, 300});
  crash(std::move(store));

  store = open(knowing(blobs[0].location));

  const RecoveryReport& report = store->recovery();
  EXPECT_EQ(report.segments_sealed, 1u);
  EXPECT_EQ(report.bytes_cut, 0u);
  ASSERT_EQ(report.unclaimed.size(), 2u);
  EXPECT_EQ(report.unclaimed[0].id, blobs[1].id);
  EXPECT_EQ(report.unclaimed[1].location, blobs[2].location);
  expect_readable(*store, blobs);
  EXPECT_EQ(records(*store, blobs[0].location.segment), (Found{"1", "1", "1", "3"}));
}

TEST_F(BlobStoreTest, TornTailBehindTheLastRowIsCutWhereverItTears) {
  auto store = open();
  const auto blobs = append(*store, {100, 200});
  crash(std::move(store));
  const auto path = segment_path(blobs[0].location.segment);
  const auto pristine = folder_ / "pristine";
  std::filesystem::copy(path, pristine);
  const std::uint64_t second = blobs[1].location.offset - kRecordHeaderBytes;

  // Blocks of an unsynced batch may land in any order: each byte of the second record in turn.
  for (std::uint64_t at = second; at < blobs[1].location.offset + 200 + kRecordCrcBytes; at += 13) {
    std::filesystem::copy(pristine, path, std::filesystem::copy_options::overwrite_existing);
    const Bytes damage(4, std::byte{0x5A});
    overwrite(path, at, damage);
    store = open(knowing(blobs[0].location));
    EXPECT_GT(store->recovery().bytes_cut, 0u) << at;
    EXPECT_TRUE(store->recovery().unclaimed.empty()) << at;
    EXPECT_TRUE(store->recovery().damage.empty()) << at;
    expect_readable(*store, {blobs[0]});
    EXPECT_EQ(records(*store, blobs[0].location.segment), (Found{"1", "3"})) << at;
    store.reset();
  }
}

TEST_F(BlobStoreTest, NothingIsCutWhenARowPointsAtTheDamage) {
  auto store = open();
  const auto blobs = append(*store, {100, 200});
  crash(std::move(store));
  const auto path = segment_path(blobs[0].location.segment);
  const auto bytes = std::filesystem::file_size(path);
  overwrite(path, blobs[1].location.offset + 5, Bytes(1, std::byte{0xFF}));

  store = open(knowing(blobs[1].location));

  ASSERT_EQ(store->recovery().damage.size(), 1u);
  EXPECT_EQ(store->recovery().damage[0].word, "crc");
  EXPECT_EQ(store->recovery().damage[0].segment, blobs[1].location.segment);
  EXPECT_EQ(std::filesystem::file_size(path), bytes);
  expect_readable(*store, {blobs[0]});
  EXPECT_GT(append(*store, {1})[0].location.segment, blobs[1].location.segment);
}

TEST_F(BlobStoreTest, NothingIsCutWhenTheFileEndsBeforeTheLastRow) {
  auto store = open();
  const auto blobs = append(*store, {100, 200});
  crash(std::move(store));
  std::filesystem::resize_file(segment_path(blobs[1].location.segment),
                               blobs[1].location.offset - 50);
  store = open(knowing(blobs[1].location));
  ASSERT_EQ(store->recovery().damage.size(), 1u);
  EXPECT_EQ(store->recovery().damage[0].word, "truncated");
}

TEST_F(BlobStoreTest, DamageBeforeTheLastRowIsReportedAndTheRestStaysReadable) {
  auto store = open();
  const auto blobs = append(*store, {100, 200, 300});
  crash(std::move(store));
  overwrite(segment_path(blobs[1].location.segment), blobs[1].location.offset - 30,
            Bytes(1, std::byte{0xEE}));
  store = open(knowing(blobs[2].location));
  ASSERT_EQ(store->recovery().damage.size(), 1u);
  EXPECT_EQ(store->recovery().damage[0].word, "gap");
  expect_readable(*store, {blobs[0], blobs[2]});
  EXPECT_EQ(records(*store, blobs[0].location.segment), (Found{"1", "gap", "1"}));
}

TEST_F(BlobStoreTest, SegmentsOfAnotherArchiveAreRefused) {
  auto store = open();
  append(*store, {100});
  store.reset();
  store_id_ = random_id<StoreId>();
  EXPECT_EQ(BlobStore::open(config(), {}, clock_).error().where, "store");
}

TEST_F(BlobStoreTest, NumbersThatRowsKnowAreNotUsedAgain) {
  CatalogView view;
  view.highest_segment = []() -> Result<std::uint64_t> { return 41; };
  auto store = open(view);
  EXPECT_EQ(append(*store, {1})[0].location.segment, 42u);
}

TEST_F(BlobStoreTest, TombstonesAreGenuineOnlyForTheirBlobAndArchive) {
  const security::crypto::StudyKey key(random_id<KeyId>(), security::crypto::Secret<32>::random());
  const security::crypto::StudyKey other(random_id<KeyId>(),
                                         security::crypto::Secret<32>::random());
  auto store = open();
  const auto blobs = append(*store, {100});
  const std::vector<Tombstone> dead{{blobs[0].id, TombstoneReason::replaced}};
  const auto at = store->append_tombstones(dead, key).value();
  ASSERT_TRUE(store->sync(at));
  Bytes payload(at[0].bytes);
  ASSERT_TRUE(store->read(at[0], 0, payload));
  EXPECT_EQ(load_le<std::uint32_t>(payload, 8), 2u);
  EXPECT_TRUE(tombstone_is_genuine(payload, blobs[0].id, key));
  EXPECT_FALSE(tombstone_is_genuine(payload, random_id<BlobId>(), key));
  EXPECT_FALSE(tombstone_is_genuine(payload, blobs[0].id, other));
  payload[8] ^= std::byte{1};
  EXPECT_FALSE(tombstone_is_genuine(payload, blobs[0].id, key));
  EXPECT_EQ(records(*store, at[0].segment), (Found{"1", "2"}));
}

TEST_F(BlobStoreTest, ALargeBlobHasAFileOfItsOwn) {
  auto store = open();
  const auto small = append(*store, {100});
  const BlobId id = random_id<BlobId>();
  const Bytes bytes = payload_of(20'000'000, 3);
  auto large = store->begin_large(id).value();
  for (std::size_t at = 0; at < bytes.size(); at += 1'000'000)
    ASSERT_TRUE(large->append(ByteSpan(bytes).subspan(at, 1'000'000)));
  EXPECT_EQ(store->segments().value().size(), 1u);  // not listed while it streams
  const Stored stored{id, bytes, large->finish().value()};
  large.reset();
  EXPECT_NE(stored.location.segment, small[0].location.segment);
  EXPECT_TRUE(store->sync(std::span(&stored.location, 1)));
  expect_readable(*store, {stored, small[0]});
  EXPECT_EQ(records(*store, stored.location.segment), (Found{"1", "3"}));
  crash(std::move(store));
  store = open(knowing(stored.location));
  EXPECT_TRUE(store->recovery().damage.empty());
  expect_readable(*store, {stored, small[0]});
}

TEST_F(BlobStoreTest, AnUnfinishedLargeBlobLeavesNothing) {
  auto store = open();
  auto abandoned = store->begin_large(random_id<BlobId>()).value();
  ASSERT_TRUE(abandoned->append(payload_of(1000, 1)));
  abandoned.reset();
  EXPECT_TRUE(store->segments().value().empty());

  auto dying = store->begin_large(random_id<BlobId>()).value();
  ASSERT_TRUE(dying->append(payload_of(1000, 1)));
  const auto kept = folder_ / "kept";
  std::filesystem::copy(folder_ / "seg", kept, std::filesystem::copy_options::recursive);
  dying.reset();
  store.reset();
  std::filesystem::remove_all(folder_ / "seg");
  std::filesystem::rename(kept, folder_ / "seg");
  store = open();
  EXPECT_EQ(store->recovery().unfinished_removed, 1u);
  EXPECT_TRUE(store->segments().value().empty());
}

TEST_F(BlobStoreTest, AppendAndSyncRunSideBySideAcrossRolls) {
  auto store = open();
  constexpr int kGroups = 60;
  std::vector<std::vector<Stored>> groups(kGroups);
  std::atomic<int> appended{0};
  std::atomic<int> synced{0};
  std::thread syncing([&] {
    for (int g = 0; g < kGroups; ++g) {
      appended.wait(g);
      std::vector<BlobLocation> locations;
      for (const Stored& blob : groups[static_cast<std::size_t>(g)])
        locations.push_back(blob.location);
      EXPECT_TRUE(store->sync(locations));
      synced.fetch_add(1);
    }
  });
  for (int g = 0; g < kGroups; ++g) {
    auto& group = groups[static_cast<std::size_t>(g)];
    for (std::size_t n : {50'000u, 10u, 30'000u})
      group.push_back({random_id<BlobId>(), payload_of(n, static_cast<unsigned>(g)), {}});
    std::vector<ByteSpan> parts;
    for (const Stored& blob : group) parts.push_back(blob.bytes);
    std::vector<PendingBlob> pending;
    for (std::size_t i = 0; i < group.size(); ++i)
      pending.push_back(
          {group[i].id, std::span(parts).subspan(i, 1), security::crypto::crc32c(group[i].bytes)});
    const auto locations = store->append(pending).value();
    for (std::size_t i = 0; i < group.size(); ++i) group[i].location = locations[i];
    appended.fetch_add(1);
    appended.notify_one();
  }
  syncing.join();
  EXPECT_EQ(synced, kGroups);
  for (const auto& group : groups) expect_readable(*store, group);
  const auto segments = store->segments().value();
  for (const SegmentInfo& info : segments)
    for (const std::string& found : records(*store, info.number))
      EXPECT_TRUE(found == "1" || found == "3") << found;
}

TEST_F(BlobStoreTest, OnlyAsManyFilesAsAllowedStayOpenForReading) {
  segment_bytes_max_ = 4096;
  Config c = config();
  c.open_files_max = 2;
  auto store = BlobStore::open(c, {}, clock_).value();
  std::vector<Stored> blobs;
  for (int i = 0; i < 8; ++i)
    for (auto& blob : append(*store, {3000})) blobs.push_back(std::move(blob));
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = open_files();
  expect_readable(*store, blobs);
  EXPECT_LE(open_files(), before + 2);
}

TEST_F(BlobStoreTest, RefusesWhenTheDiskHasLessThanTheMinimumFree) {
  Config c = config();
  c.min_free_bytes = 1;
  EXPECT_TRUE(BlobStore::open(c, {}, clock_).value()->check_room());
  c.min_free_bytes = ~0ull;
  auto store = BlobStore::open(c, {}, clock_).value();
  EXPECT_EQ(store->check_room().error().code, ErrorCode::exhausted);
  const Space space = store->space().value();
  EXPECT_GT(space.total_bytes, 0u);
  EXPECT_GE(space.total_bytes, space.free_bytes);
}

/// Runs `work` in a child that dies at the fail point; true when it did.
bool dies_at(const char* point, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("LATENT_FAIL", point, 1);
    fail_point::configure_from_environment();
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST_F(BlobStoreTest, KilledAnywhereTheNextStartFindsWhatWasSyncedAndNothingHalf) {
  std::vector<Stored> blobs;
  {
    auto store = open();
    blobs = append(*store, {100, 5000});
  }
  const auto last = knowing(blobs[1].location);
  for (const char* point :
       {"seg.roll", "append.partial", "append.done", "sync.done", "seg.seal", "recv.partial"}) {
    ASSERT_TRUE(dies_at(point, [&] {
      auto store = open(last);
      append(*store, {700, 800});
      auto large = store->begin_large(random_id<BlobId>()).value();
      (void)large->append(payload_of(1000, 1));
      (void)store->stop();
    })) << point;
    auto store = open(last);
    EXPECT_TRUE(store->recovery().damage.empty()) << point;
    const std::string_view at(point);
    const std::size_t whole = at == "seg.roll" ? 0 : at == "append.partial" ? 1 : 2;
    const bool large_begun = at == "recv.partial" || at == "seg.seal";
    EXPECT_EQ(store->recovery().unclaimed.size(), whole) << point;
    EXPECT_EQ(store->recovery().bytes_cut > 0, std::string_view(point) == "append.partial")
        << point;
    EXPECT_EQ(store->recovery().unfinished_removed, large_begun ? 1u : 0u) << point;
    expect_readable(*store, blobs);
    const auto segments = store->segments().value();
    for (const SegmentInfo& info : segments) {
      EXPECT_TRUE(info.sealed) << point;
      for (const std::string& found : records(*store, info.number))
        EXPECT_TRUE(found == "1" || found == "3") << point << found;
    }
  }
}

}  // namespace
}  // namespace latent::storage::blobs
