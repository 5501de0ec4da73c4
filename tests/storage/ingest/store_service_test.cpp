#include "storage/ingest/store_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/data_sets.h"
#include "tests/support/store_bench.h"

namespace latent::storage::ingest {
namespace {

using test::data_set;
using test::ObjectSpec;
using test::StoreBench;
using Kind = StoreOutcome::Kind;
using dicom::model::Encoding;

std::string uid(int number) { return "1.2.3.4." + std::to_string(number); }

TEST(StoreService, AnAcknowledgedInstanceIsInCatalogAuditLogAndSegment) {
  StoreBench bench;

  const StoreOutcome outcome = bench.store(data_set({}));

  EXPECT_EQ(outcome.kind, Kind::stored) << outcome.text;
  EXPECT_EQ(outcome.instance->text(), "1.2.3.4.5");
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance WHERE superseded_at IS NULL"), 1);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE code = 110104"), 1);
  EXPECT_EQ(bench.count("SELECT count(*) FROM study_key WHERE study_uid = '1.2.3'"), 1);
}

TEST(StoreService, TheSameBytesAgainAreADuplicateAndNoSecondCopy) {
  StoreBench bench;
  const Bytes object = data_set({});
  ASSERT_EQ(bench.store(object).kind, Kind::stored);

  EXPECT_EQ(bench.store(object).kind, Kind::duplicate);
  EXPECT_EQ(bench.store(object, "1.2.840.10008.1.2.1", 1).kind, Kind::duplicate);

  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 1);
  EXPECT_EQ(bench.count("SELECT sum(instances) FROM series"), 1);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE core LIKE '%duplicate%'"), 2);
}

TEST(StoreService, TheSameContentInAnotherNativeSyntaxIsADuplicate) {
  StoreBench bench;
  ASSERT_EQ(bench.store(data_set({})).kind, Kind::stored);

  EXPECT_EQ(bench.store(data_set({}, Encoding::implicit_little), "1.2.840.10008.1.2").kind,
            Kind::duplicate);
  EXPECT_EQ(bench.store(data_set({}, Encoding::explicit_big), "1.2.840.10008.1.2.2").kind,
            Kind::duplicate);
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 1);
}

TEST(StoreService, AChangedHeaderBecomesANewVersionAndTheOldOneIsKept) {
  StoreBench bench;
  ASSERT_EQ(bench.store(data_set({})).kind, Kind::stored);
  ObjectSpec corrected;
  corrected.description = "neck";

  EXPECT_EQ(bench.store(data_set(corrected)).kind, Kind::new_version);

  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 2);
  EXPECT_EQ(bench.count("SELECT version FROM instance WHERE superseded_at IS NULL"), 1);
  EXPECT_EQ(bench.count("SELECT sum(instances) FROM series"), 1);
}

TEST(StoreService, OtherPixelsUnderTheSameUidAreRefusedAndAudited) {
  StoreBench bench;
  ASSERT_EQ(bench.store(data_set({})).kind, Kind::stored);
  ObjectSpec other;
  other.pixel = 8;

  const StoreOutcome outcome = bench.store(data_set(other));

  EXPECT_EQ(outcome.kind, Kind::refused);
  EXPECT_EQ(outcome.reason, Reason::differs);
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 1);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE outcome = 4"), 1);
}

TEST(StoreService, TheSameUidUnderAnotherStudyNeverMovesTheFirstAndRaisesAnAlert) {
  StoreBench bench;
  ASSERT_EQ(bench.store(data_set({})).kind, Kind::stored);
  ObjectSpec stray;
  stray.study = "9.9.9";

  EXPECT_EQ(bench.store(data_set(stray)).reason, Reason::differs);

  EXPECT_EQ(bench.count("SELECT series.instances FROM series JOIN study ON study.id = study AND "
                        "study_uid = '1.2.3'"),
            1);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE code = 110113"), 1);
}

TEST(StoreService, TheSameUidUnderAStudyThatBeganHereIsFoundByTheIndexAlone) {
  StoreBench bench;
  ASSERT_EQ(bench.store(data_set({})).kind, Kind::stored);
  ObjectSpec other;
  other.study = "9.9.9";
  other.instance = uid(77);
  ASSERT_EQ(bench.store(data_set(other)).kind, Kind::stored);
  ObjectSpec stray;
  stray.study = "9.9.9";  // known to lack the first one's UID, so nothing is looked up

  EXPECT_EQ(bench.store(data_set(stray)).reason, Reason::differs);

  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 2);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE code = 110113"), 1);
  EXPECT_EQ(bench.store(data_set(other)).kind, Kind::duplicate);
}

TEST(StoreService, KeepFirstRefusesAChangedHeaderAndReplaceTakesOtherPixels) {
  ObjectSpec changed;
  changed.description = "neck";
  Config keep_first;
  keep_first.duplicates = DuplicatePolicy::keep_first;
  StoreBench first(keep_first);
  ASSERT_EQ(first.store(data_set({})).kind, Kind::stored);
  EXPECT_EQ(first.store(data_set(changed)).reason, Reason::differs);

  changed.pixel = 9;
  Config replace;
  replace.duplicates = DuplicatePolicy::replace;
  StoreBench second(replace);
  ASSERT_EQ(second.store(data_set({})).kind, Kind::stored);
  EXPECT_EQ(second.store(data_set(changed)).kind, Kind::new_version);
}

TEST(StoreService, ACutDataSetIsRefusedWithASentenceAndLeavesNothing) {
  StoreBench bench;
  const Bytes whole = data_set({});

  for (std::size_t length : {std::size_t{0}, std::size_t{5}, std::size_t{200}, whole.size() - 1}) {
    const StoreOutcome outcome = bench.store(ByteSpan(whole).first(length));
    EXPECT_EQ(outcome.reason, Reason::not_understood) << length;
    EXPECT_FALSE(outcome.text.empty());
  }

  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 0);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE outcome = 4"), 4);
}

TEST(StoreService, AnnouncedUidsMustBeThoseOfTheDataSet) {
  StoreBench bench;
  const auto outcome =
      bench.store(data_set({}), "1.2.840.10008.1.2.1", 4096, InstanceUid::parse("7.7"));
  EXPECT_EQ(outcome.reason, Reason::instance_mismatch);

  StoreRequest request;
  request.transfer_syntax = "1.2.840.10008.1.2.1";
  request.expected_class = SopClassUid::parse("1.2.840.10008.5.1.4.1.1.4");
  EXPECT_EQ(bench.send(data_set({}), std::move(request), 100).reason, Reason::class_mismatch);
}

TEST(StoreService, AnAssumedIssuerIsPartOfThePatientsIdentityAndNotOfTheBytes) {
  StoreBench bench;
  StoreRequest request;
  request.transfer_syntax = "1.2.840.10008.1.2.1";
  request.assumed_issuer = "WARD-7";
  ASSERT_EQ(bench.send(data_set({}), std::move(request), 4096).kind, Kind::stored);
  ObjectSpec elsewhere;
  elsewhere.study = "1.2.9";
  elsewhere.instance = "1.2.9.1";
  ASSERT_EQ(bench.store(data_set(elsewhere)).kind, Kind::stored);

  EXPECT_EQ(bench.count("SELECT count(*) FROM patient"), 2);
  EXPECT_EQ(bench.count("SELECT count(*) FROM patient WHERE issuer = 'WARD-7'"), 1);
  EXPECT_EQ(bench.store(data_set({})).kind, Kind::duplicate);  // the same bytes as ever
}

TEST(StoreService, AnImportIsAuditedAsImport) {
  StoreBench bench;
  using security::access::Action;
  using security::access::Caller;
  const security::access::Policy policy({{Caller::Kind::local_user, "", {Action::import_}}});
  StoreRequest request;
  request.transfer_syntax = "1.2.840.10008.1.2.1";
  request.on_room = [] {};
  auto incoming = bench.service->begin(
      policy.authorize({Caller::Kind::local_user, "cli:root", {}}, Action::import_).value(),
      std::move(request));
  incoming->feed(data_set({}));
  std::promise<StoreOutcome> outcome;
  incoming->finish([&outcome](StoreOutcome told) { outcome.set_value(std::move(told)); });

  EXPECT_EQ(outcome.get_future().get().kind, Kind::stored);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE code = 110107"), 1);
}

TEST(StoreService, AnAbandonedInstanceLeavesNothing) {
  StoreBench bench;
  StoreRequest request;
  request.transfer_syntax = "1.2.840.10008.1.2.1";
  request.on_room = [] {};
  auto incoming = bench.service->begin(test::authorised(security::access::Action::store), request);
  const Bytes object = data_set({});
  incoming->feed(ByteSpan(object).first(300));
  incoming.reset();

  EXPECT_EQ(bench.store(object).kind, Kind::stored);
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 1);
}

TEST(StoreService, AKeyWhoseRowPostgresqlForgotInACrashGetsItAgainWithTheFirstInstance) {
  StoreBench bench;
  const Bytes object = data_set({});
  std::promise<void> key_is_there;
  StoreRequest request;
  request.transfer_syntax = "1.2.840.10008.1.2.1";
  request.on_room = [&] { key_is_there.set_value(); };
  auto incoming = bench.service->begin(test::authorised(security::access::Action::store), request);
  ASSERT_EQ(incoming->feed(object), Feed::wait);
  key_is_there.get_future().wait();

  // The key's own transaction was not waited for.
  auto crash = database::Transaction::begin(*bench.pool, deadline_in(std::chrono::seconds(5)));
  ASSERT_TRUE(crash->execute("DELETE FROM study_key WHERE study_uid = '1.2.3'"));
  ASSERT_TRUE(crash->commit());
  std::promise<StoreOutcome> outcome;
  incoming->finish([&outcome](StoreOutcome told) { outcome.set_value(std::move(told)); });

  EXPECT_EQ(outcome.get_future().get().kind, Kind::stored);
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance JOIN study_key ON key_id = key"), 1);
}

TEST(StoreService, FinishMayFollowAtOnceWhenTheKeyIsStillBeingMade) {
  StoreBench bench;
  StoreRequest request;
  request.transfer_syntax = "1.2.840.10008.1.2.1";
  request.on_room = [] {};
  auto incoming = bench.service->begin(test::authorised(security::access::Action::store), request);
  ASSERT_EQ(incoming->feed(data_set({})), Feed::wait);  // a new study has no key yet

  std::promise<StoreOutcome> outcome;
  incoming->finish([&outcome](StoreOutcome told) { outcome.set_value(std::move(told)); });
  incoming.reset();

  EXPECT_EQ(outcome.get_future().get().kind, Kind::stored);
}

TEST(StoreService, ALargeObjectGoesToAFileOfItsOwn) {
  StoreBench bench;
  ObjectSpec large;
  large.pixel_bytes = 20u << 20;

  EXPECT_EQ(bench.store(data_set(large), "1.2.840.10008.1.2.1", 60'000).kind, Kind::stored);

  EXPECT_EQ(bench.count("SELECT count(*) FROM instance WHERE sealed_bytes > 20971520"), 1);
  EXPECT_EQ(bench.blobs->segments()->size(), 1u);  // no small one was opened
  EXPECT_EQ(bench.store(data_set(large), "1.2.840.10008.1.2.1", 60'000).kind, Kind::duplicate);
}

TEST(StoreService, AShortBudgetSendsObjectsToFilesInsteadOfRefusingThem) {
  Config tight;
  tight.ingest_bytes_max = 1u << 20;
  StoreBench bench(tight);
  ObjectSpec medium;
  medium.pixel_bytes = 3u << 20;

  EXPECT_EQ(bench.store(data_set(medium)).kind, Kind::stored);
}

TEST(StoreService, SixteenSendersOfOneStudyAreAllCountedOnce) {
  StoreBench bench;
  constexpr int kSenders = 16, kEach = 20;
  std::atomic<int> stored{0};
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender)
    senders.emplace_back([&, sender] {
      for (int i = 0; i < kEach; ++i) {
        ObjectSpec spec;
        spec.instance = uid(1000 * sender + i);
        spec.series = "1.2.3." + std::to_string(sender % 4);
        stored += bench.store(data_set(spec)).kind == Kind::stored ? 1 : 0;
      }
    });
  for (std::thread& sender : senders) sender.join();

  EXPECT_EQ(stored, kSenders * kEach);
  EXPECT_EQ(bench.count("SELECT sum(instances) FROM series"), kSenders * kEach);
  EXPECT_EQ(bench.count("SELECT series FROM study"), 4);
  EXPECT_EQ(bench.count("SELECT count(*) FROM patient"), 1);
}

TEST(StoreService, EightSendersOfOneInstanceMakeOneCopyAndNoFailure) {
  StoreBench bench;
  std::atomic<int> stored{0}, duplicate{0};
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 8; ++sender)
    senders.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        ObjectSpec spec;
        spec.instance = uid(i);
        const auto kind = bench.store(data_set(spec)).kind;
        stored += kind == Kind::stored ? 1 : 0;
        duplicate += kind == Kind::duplicate ? 1 : 0;
      }
    });
  for (std::thread& sender : senders) sender.join();

  EXPECT_EQ(stored, 5);
  EXPECT_EQ(duplicate, 35);
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), 5);
}

TEST(StoreService, ManyHeadersOfOneInstanceAtOnceAreServedInTurnAndNoneIsRefused) {
  StoreBench bench;
  constexpr int kSenders = 12;
  std::atomic<int> stored{0}, versions{0};
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender)
    senders.emplace_back([&, sender] {
      ObjectSpec spec;
      spec.description = "header " + std::to_string(sender);
      const StoreOutcome outcome = bench.store(data_set(spec));
      EXPECT_NE(outcome.kind, Kind::refused) << outcome.text;
      stored += outcome.kind == Kind::stored ? 1 : 0;
      versions += outcome.kind == Kind::new_version ? 1 : 0;
    });
  for (std::thread& sender : senders) sender.join();

  EXPECT_EQ(stored, 1);
  EXPECT_EQ(versions, kSenders - 1);
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance"), kSenders);
  EXPECT_EQ(bench.count("SELECT count(*) FROM instance WHERE superseded_at IS NULL"), 1);
}

TEST(StoreService, WithoutRoomTheSenderIsHeardOutAndRefused) {
  StoreBench bench;
  bench.service.reset();
  bench.blobs.reset();
  bench.blobs = blobs::BlobStore::open({.directory = bench.folder / "seg",
                                        .node = "0a0b0c0d",
                                        .store_id = bench.store_id,
                                        .min_free_bytes = ~std::uint64_t{0}},
                                       {}, bench.clock)
                    .value();
  Config config;
  config.store_id = bench.store_id;
  bench.service = std::make_unique<StoreService>(config, *bench.pool, *bench.blobs, *bench.keys,
                                                 bench.recorder, bench.clock);

  EXPECT_EQ(bench.store(data_set({})).reason, Reason::no_room);
}

}  // namespace
}  // namespace latent::storage::ingest
