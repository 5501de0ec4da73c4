#include "retrieval/instances/retrieve_service.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/data_sets.h"
#include "tests/support/store_bench.h"

namespace latent::retrieval::instances {
namespace {

using dicom::model::Encoding;
using test::data_set;
using test::ObjectSpec;
constexpr std::string_view kExplicit = "1.2.840.10008.1.2.1";
constexpr std::string_view kImplicit = "1.2.840.10008.1.2";

class RetrieveBench : public test::StoreBench {
 public:
  RetrieveService service_for_reading{*pool, *blobs, *keys, recorder, Limits{}};

  Result<RetrievePlan> plan(const Selection& selection) {
    return service_for_reading.plan(test::authorised(security::access::Action::retrieve), selection,
                                    "get");
  }
  Result<Bytes> pull(const StoredInstance& instance, std::string_view syntax, Form form) {
    LATENT_TRY(auto stream, service_for_reading.open(instance, syntax, form));
    Bytes whole;
    while (true) {
      LATENT_TRY(const bool more, stream->next(whole));
      if (!more) return whole;
    }
  }
};

Selection of_study(const char* uid) {
  return {.patient_id = {}, .studies = {*StudyUid::parse(uid)}, .series = {}, .instances = {}};
}

TEST(RetrieveService, GivesBackTheVeryBytesThatCame) {
  RetrieveBench bench;
  ObjectSpec spec;
  spec.pixel_bytes = 300'000;
  const Bytes object = data_set(spec);
  bench.store(object);

  const auto plan = bench.plan(of_study("1.2.3"));
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->instances.size(), 1u);
  EXPECT_EQ(*bench.pull(plan->instances[0], kExplicit, Form::data_set), object);
}

TEST(RetrieveService, TheEventOfThePlanIsCommittedBeforeAByteIsGiven) {
  RetrieveBench bench;
  bench.store(data_set({}));

  const auto plan = bench.plan(of_study("1.2.3"));
  ASSERT_TRUE(plan);
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE code = 110102"), 1);

  ASSERT_TRUE(bench.service_for_reading.finish(*plan, {.completed = 1, .failed = 0, .bytes = 100}));
  EXPECT_EQ(bench.count("SELECT count(*) FROM audit_event WHERE code = 110104 AND action = 'R'"),
            1);
}

TEST(RetrieveService, ConvertsBetweenNativeSyntaxesOnTheWay) {
  RetrieveBench bench;
  bench.store(data_set({}, Encoding::implicit_little), std::string(kImplicit));
  const auto plan = bench.plan(of_study("1.2.3"));

  EXPECT_EQ(*bench.pull(plan->instances[0], kExplicit, Form::data_set), data_set({}));
}

TEST(RetrieveService, AFileComesWithAZeroedPreambleUnlessAskedVerbatim) {
  RetrieveBench bench;
  storage::ingest::StoreRequest request;
  request.transfer_syntax = kExplicit;
  request.file_head = Bytes(128, std::byte{'M'});
  append(request.file_head, as_bytes("DICM"));
  const Bytes head = request.file_head;
  bench.send(data_set({}), std::move(request), 1000);
  const auto plan = bench.plan(of_study("1.2.3"));

  const Bytes clean = *bench.pull(plan->instances[0], kExplicit, Form::part10);
  const Bytes verbatim = *bench.pull(plan->instances[0], kExplicit, Form::verbatim);

  EXPECT_EQ(Bytes(clean.begin(), clean.begin() + 128), Bytes(128));
  EXPECT_EQ(Bytes(verbatim.begin(), verbatim.begin() + 132), head);
  EXPECT_EQ(Bytes(clean.begin() + 132, clean.end()), data_set({}));
}

TEST(RetrieveService, SelectsByEveryUniqueKeyAndAnEmptySelectionIsAnError) {
  RetrieveBench bench;
  for (int i = 0; i < 6; ++i) {
    ObjectSpec spec;
    spec.study = i < 3 ? "1.2.3" : "1.2.4";
    spec.series = spec.study + ".1";
    spec.instance = spec.series + "." + std::to_string(i);
    spec.patient_id = i < 3 ? "P1" : "P2";
    bench.store(data_set(spec));
  }

  EXPECT_EQ(bench.plan({.patient_id = "P2", .studies = {}, .series = {}, .instances = {}})
                ->instances.size(),
            3u);
  EXPECT_EQ(bench
                .plan({.patient_id = {},
                       .studies = {},
                       .series = {*SeriesUid::parse("1.2.3.1")},
                       .instances = {}})
                ->instances.size(),
            3u);
  EXPECT_EQ(bench
                .plan({.patient_id = {},
                       .studies = {},
                       .series = {},
                       .instances = {*InstanceUid::parse("1.2.3.1.0")}})
                ->instances.size(),
            1u);
  EXPECT_TRUE(bench.plan(of_study("9.9"))->instances.empty());
  EXPECT_EQ(bench.plan({}).error().code, ErrorCode::invalid_input);
}

TEST(RetrieveService, ADamagedBlobEndsInAnErrorNeverInOtherBytes) {
  RetrieveBench bench;
  ObjectSpec spec;
  spec.pixel_bytes = 200'000;
  bench.store(data_set(spec));
  const auto plan = bench.plan(of_study("1.2.3"));
  const StoredInstance& instance = plan->instances[0];
  const auto segments = std::filesystem::recursive_directory_iterator(bench.folder / "seg");
  for (const auto& entry : segments) {
    if (!entry.is_regular_file()) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(instance.location.offset + 100'000));
    file.put('!');
  }

  const auto pulled = bench.pull(instance, kExplicit, Form::data_set);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().where, "auth");
}

}  // namespace
}  // namespace latent::retrieval::instances
