// Instances that become visible: rows of catalog and audit log, committed and synced.
#include <fmt/format.h>

#include "security/audit/event.h"
#include "storage/auditlog/record.h"
#include "storage/catalog/instances.h"
#include "storage/catalog/known_series.h"
#include "tests/benchmarks/benchmarks.h"
#include "tests/benchmarks/database.h"
#include "tests/benchmarks/measure.h"
#include "tests/support/new_instance.h"
#include "tests/support/temporary_directory.h"

namespace latent::benchmarks {
namespace {

namespace catalog = storage::catalog;
using storage::database::Transaction;

constexpr Seconds kAtLeast{3};

/// Series after series of a CT, as one modality sends them.
class Arrivals {
 public:
  std::vector<catalog::NewInstance> next(std::size_t count) {
    constexpr std::uint64_t kOfASeries = 200;
    std::vector<catalog::NewInstance> group;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t series = place_ / kOfASeries;
      group.push_back(
          test::new_instance(fmt::format("1.2.3.{}", series / 3), fmt::format("1.2.4.{}", series),
                             fmt::format("1.2.5.{}", place_), place_,
                             {{{0x0010, 0x0010}, "Phantom^Head"},
                              {{0x0010, 0x0020}, fmt::format("P{}", series / 6)},
                              {{0x0008, 0x0020}, "20260102"},
                              {{0x0008, 0x0060}, "CT"},
                              {{0x0020, 0x0013}, std::to_string(place_ % kOfASeries)}}));
      group.back().sealed_attributes = Bytes(1200, std::byte{7});
      ++place_;
    }
    return group;
  }

 private:
  std::uint64_t place_ = 0;
};

}  // namespace

void measure_inserts() {
  const test::TemporaryDirectory folder;
  Database database(folder / "pg");
  const auto pool = database.pool().with_settings(catalog::insert_session_settings());
  const SystemClock clock;
  const storage::auditlog::Recorder recorder(clock, "0badcafe");
  security::audit::AuditEvent event;
  event.code = security::audit::EventCode::instances_transferred;
  event.what = "store";
  event.actor = "dimse:CT1";

  Table table("benchmark-inserts", "Catalog inserts, committed and synced, one connection",
              {"instances in a group", "instances/s", "p50 ms a group", "p95 ms a group"});
  Arrivals arrivals;
  catalog::KnownSeries known;
  for (const std::size_t size : {1u, 8u, 64u}) {
    const auto times = times_of(
        [&] {
          const auto group = arrivals.next(size);
          auto transaction =
              value_of(Transaction::begin(*pool, deadline_in(std::chrono::seconds(10))));
          value_of(catalog::insert_instances(transaction, group, recorder.statements({&event, 1}),
                                             &known));
          value_of(transaction.commit());
        },
        kAtLeast);
    Seconds all{};
    for (const Seconds one : times) all += one;
    table.row({std::to_string(size), number(static_cast<double>(size * times.size()) / all.count()),
               milliseconds(quantile(times, 0.5)), milliseconds(quantile(times, 0.95))});
  }
  table.print();
}

}  // namespace latent::benchmarks
