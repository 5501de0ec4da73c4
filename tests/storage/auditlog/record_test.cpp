// Audit rows in a real table, and the independent reader's word on them.
#include "storage/auditlog/record.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "security/audit/sealed_event.h"
#include "storage/auditlog/partitions.h"
#include "storage/auditlog/reader.h"
#include "tests/support/manual_clock.h"
#include "tests/support/private_database.h"
#include "tests/support/shared_data.h"

namespace latent::storage::auditlog {
namespace {

using namespace std::chrono_literals;
using database::Transaction;
using security::audit::AuditEvent;
using security::audit::EventCode;

class RecordTest : public ::testing::Test {
 protected:
  Transaction begin() {
    auto transaction = Transaction::begin(*pool_, deadline_in(5s));
    if (!transaction) throw std::runtime_error(transaction.error().text);
    return std::move(*transaction);
  }
  void record(const std::vector<AuditEvent>& events) {
    auto transaction = begin();
    const auto recorded = recorder_.record(transaction, events);
    ASSERT_TRUE(recorded) << recorded.error().text;
    ASSERT_TRUE(transaction.commit());
  }
  std::vector<StoredEvent> stored(const EventFilter& filter = {}) {
    auto transaction = begin();
    auto events = list_events(transaction, filter);
    if (!events) throw std::runtime_error(events.error().text);
    return *events;
  }
  std::string scalar(std::string_view sql) {
    auto transaction = begin();
    const auto rows = transaction.execute(sql);
    if (!rows) throw std::runtime_error(rows.error().text);
    return std::string(rows->text(0, 0));
  }

  test::PrivateDatabase database_;
  std::unique_ptr<database::Pool> pool_ = database_.open_pool();
  test::ManualClock clock_;
  Recorder recorder_{clock_, "0badcafe"};
};

AuditEvent stored_event() {
  AuditEvent event;
  event.code = EventCode::instances_transferred;
  event.action = security::audit::Action::create;
  event.what = "store";
  event.actor = "dimse:CT1";
  event.actor_ip = "192.0.2.7";
  event.counts = {{"instances", 3}};
  event.study_ref = 5;
  AuditEvent::Subject& subject = event.subject.emplace();
  subject.patient_id = "{\"NULL\",\\}";
  subject.patient_name = "Müller^Jörg=王^小明";
  subject.study_uid = "1.2.3";
  subject.instance_uids = {"1.2.3.1", "1.2.3.2", "1.2.3.3"};
  return event;
}

AuditEvent start_event() {
  AuditEvent event;
  event.what = "start";
  event.actor = "latent";
  return event;
}

TEST_F(RecordTest, AnEventComesBackWithAllItsParts) {
  record({stored_event()});

  const auto events = stored();

  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].code, 110104);
  EXPECT_EQ(events[0].action, 'C');
  EXPECT_EQ(events[0].outcome, 0);
  EXPECT_EQ(events[0].actor, "dimse:CT1");
  EXPECT_EQ(events[0].time_us, test::ManualClock::kStart);
  EXPECT_NE(events[0].core.find("\"actor_ip\":\"192.0.2.7\""), std::string::npos);
  EXPECT_EQ(events[0].core.find("1.2.3"), std::string::npos) << "core names the study";
  EXPECT_EQ(*events[0].subject, security::audit::subject_json(*stored_event().subject));
  EXPECT_EQ(scalar("SELECT host(actor_ip) || ' ' || node || ' ' || study_ref FROM audit_event"),
            "192.0.2.7 0badcafe 5");
}

TEST_F(RecordTest, EventsOfOneTransactionCarryItsXidAndCountUp) {
  record({start_event(), stored_event(), stored_event()});

  EXPECT_EQ(scalar("SELECT count(DISTINCT xid) || ' ' || count(*) FROM audit_event"), "1 3");
  EXPECT_EQ(scalar("SELECT string_agg(core::jsonb->>'n', ',' ORDER BY (core::jsonb->>'n')::int)"
                   " FROM audit_event"),
            "0,1,2");
}

TEST_F(RecordTest, AFailedChangeTakesItsEventWithIt) {
  {
    auto transaction = begin();
    ASSERT_TRUE(recorder_.record(transaction, std::vector{stored_event()}));
    EXPECT_FALSE(transaction.execute("INSERT INTO archive (store_id) VALUES ('too long a name')"));
  }

  EXPECT_TRUE(stored().empty());
}

TEST_F(RecordTest, StatementsTravelWithTheCallersOwn) {
  std::vector<database::Statement> group = {{"INSERT INTO archive (store_id) VALUES ($1)",
                                             database::Params().bytes(Bytes(8, std::byte{7}))}};
  for (auto& statement : recorder_.statements(std::vector{start_event()}))
    group.push_back(std::move(statement));

  auto transaction = begin();
  const auto rows = transaction.execute_all(group);

  ASSERT_TRUE(rows) << rows.error().text;
  EXPECT_EQ(rows->back().affected(), 1);
  ASSERT_TRUE(transaction.commit());
  EXPECT_EQ(stored().size(), 1u);
}

TEST_F(RecordTest, NothingToRecordIsNoStatement) { EXPECT_TRUE(recorder_.statements({}).empty()); }

TEST_F(RecordTest, OddBytesFromAPeerNeverFailTheEvent) {
  AuditEvent event = stored_event();
  event.actor = std::string("dimse:\xFF\0X", 9);
  event.actor_ip = "fe80::1%eth0";
  event.subject->query = std::string("PatientName=\0\xC0\xAF\"", 16);
  AuditEvent without_address = start_event();
  without_address.actor_ip = "control socket";

  record({event, without_address});

  EXPECT_EQ(stored().size(), 2u);
  EXPECT_EQ(scalar("SELECT count(actor_ip) FROM audit_event"), "1");
  EXPECT_EQ(scalar("SELECT host(actor_ip) FROM audit_event WHERE actor_ip IS NOT NULL"), "fe80::1");
}

TEST_F(RecordTest, RowsAreNeverChangedNorRemoved) {
  ASSERT_TRUE(ensure_partitions(*pool_, clock_));
  record({stored_event()});
  clock_.set(test::ManualClock::kStart - 86'400'000'000 * 400);  // lies in the default partition
  record({stored_event()});

  for (const std::string_view sql :
       {"UPDATE audit_event SET outcome = 8",
        "UPDATE audit_event SET subject = NULL, subject_salt = NULL", "DELETE FROM audit_event",
        "TRUNCATE audit_event", "DELETE FROM audit_event_2026_01", "TRUNCATE audit_event_2026_01",
        "UPDATE audit_event_default SET actor = ''", "TRUNCATE audit_event_default",
        "TRUNCATE audit_event CASCADE"}) {
    auto transaction = begin();
    const auto done = transaction.execute(sql);
    ASSERT_FALSE(done) << sql;
    EXPECT_NE(done.error().text.find("never changed or removed"), std::string::npos)
        << sql << ": " << done.error().text;
  }
  EXPECT_EQ(stored().size(), 2u);
}

TEST_F(RecordTest, EachMonthHasItsPartitionAndTheFirstMomentBelongsToIt) {
  ASSERT_TRUE(ensure_partitions(*pool_, clock_));
  ASSERT_TRUE(ensure_partitions(*pool_, clock_)) << "a second time";

  record({start_event()});
  clock_.advance_us(31ll * 86'400'000'000 - 1);  // the last microsecond of January
  record({start_event()});
  clock_.advance_us(1);
  record({start_event()});

  EXPECT_EQ(
      scalar("SELECT string_agg(tableoid::regclass::text, ' ' ORDER BY time_us) FROM audit_event"),
      "audit_event_2026_01 audit_event_2026_01 audit_event_2026_02");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_event'::regclass"),
            "4");
}

TEST_F(RecordTest, RowsThatCameBeforeTheirPartitionStayReadable) {
  record({start_event()});

  EXPECT_TRUE(ensure_partitions(*pool_, clock_));

  record({start_event()});
  EXPECT_EQ(stored().size(), 2u);
  EXPECT_EQ(scalar("SELECT count(*) FROM audit_event_default"), "2");
  EXPECT_EQ(scalar("SELECT to_regclass('audit_event_2026_02') IS NOT NULL"), "t");
}

TEST_F(RecordTest, ListingIsNewestFirstAndFiltered) {
  record({start_event()});
  clock_.advance_us(1);
  record({stored_event()});

  ASSERT_EQ(stored().size(), 2u);
  EXPECT_EQ(stored()[0].code, 110104);
  EventFilter filter;
  filter.newest = 1;
  EXPECT_EQ(stored(filter).size(), 1u);
  filter = {};
  filter.study_ref = 5;
  EXPECT_EQ(stored(filter).size(), 1u);
  filter = {};
  filter.code = 110100;
  ASSERT_EQ(stored(filter).size(), 1u);
  EXPECT_EQ(stored(filter)[0].actor, "latent");
  filter = {};
  filter.since_us = clock_.now_us() + 1;
  EXPECT_TRUE(stored(filter).empty());
}

/// formats/reader.py is the independent reader of the at-rest formats.
class PythonReader {
 public:
  PythonReader(const std::filesystem::path& reader, const test::TemporaryDirectory& folder)
      : reader_(reader), folder_(folder) {
    std::ofstream(folder_ / "verify.py") << R"(
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
try:
    import reader
except ImportError:
    sys.exit(77)
class Log: pass
log = Log()
log.entries = [bytes.fromhex(line) for line in open(sys.argv[2])]
log.size = len(log.entries)
opened, erased = reader.verify_events(log, open(sys.argv[3], encoding="utf-8"))
sys.exit(0 if opened == log.size and erased == 0 else 1)
)";
  }
  /// The exit status: 0 verified, 77 no python3 with its cryptography module.
  int verify(const std::vector<StoredEvent>& events, const std::vector<std::string>& leaves) const {
    std::ofstream lines(folder_ / "events.jsonl"), hex(folder_ / "leaves.txt");
    for (std::size_t i = 0; i < events.size(); ++i) {
      const StoredEvent& event = events[i];
      lines << "{\"index\":" << i << ",\"core\":" << event.core << ",\"core_salt\":\""
            << to_hex(event.core_salt) << "\",\"subject\":" << event.subject.value_or("null")
            << ",\"subject_salt\":\"" << to_hex(event.subject_salt.value_or(Bytes())) << "\"}\n";
      hex << leaves[i] << '\n';
    }
    lines.close();
    hex.close();
    const std::string command = "python3 '" + (folder_ / "verify.py").string() + "' '" +
                                reader_.parent_path().string() + "' '" +
                                (folder_ / "leaves.txt").string() + "' '" +
                                (folder_ / "events.jsonl").string() + "' 2>/dev/null";
    return WEXITSTATUS(std::system(command.c_str()));
  }

 private:
  std::filesystem::path reader_;
  const test::TemporaryDirectory& folder_;
};

std::string leaf_hex(const StoredEvent& event) {
  security::audit::SealedEvent sealed;
  sealed.stamp.id = event.id;
  sealed.stamp.time_us = event.time_us;
  sealed.core = event.core;
  std::copy(event.core_salt.begin(), event.core_salt.end(), sealed.core_salt.begin());
  sealed.subject = event.subject;
  if (event.subject_salt)
    std::copy(event.subject_salt->begin(), event.subject_salt->end(),
              sealed.subject_salt.emplace().begin());
  return to_hex(security::audit::leaf_of(static_cast<EventCode>(event.code), sealed));
}

TEST_F(RecordTest, TheIndependentReaderVerifiesWhatTheTableHolds) {
  const auto reader = test::shared_file("formats/reader.py");
  if (!reader) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  AuditEvent odd = stored_event();
  odd.actor_ip.reset();
  odd.outcome = security::audit::Outcome::major_failure;
  odd.counts = {{"bytes", 9'007'199'254'740'991}, {"Z", 0}, {"a", -1}};
  odd.subject->query =
      std::string("\"\\/\b\f\n\r\t\0\x1f\x7f \xE2\x80\xA8 \xF0\x9F\xA9\xBB \xFF", 26);
  odd.subject->file_names = {"", "ü.dcm"};
  odd.subject->detail = "(0010,0010) differs";
  record({start_event(), stored_event(), odd});
  std::vector<StoredEvent> events = stored();
  std::vector<std::string> leaves;
  for (const StoredEvent& event : events) leaves.push_back(leaf_hex(event));
  const test::TemporaryDirectory folder;
  const PythonReader python(*reader, folder);

  const int verdict = python.verify(events, leaves);

  if (verdict == 77) GTEST_SKIP() << "needs python3 with the module cryptography";
  EXPECT_EQ(verdict, 0);
  for (StoredEvent& event : events) {
    const std::string genuine = event.core;
    event.core.replace(event.core.find("\"n\":"), 5, "\"n\":9");
    EXPECT_NE(python.verify(events, leaves), 0) << "an edited core was accepted";
    event.core = genuine;
  }
}

}  // namespace
}  // namespace latent::storage::auditlog
