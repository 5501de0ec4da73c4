// One fixed event, spelled out byte by byte: what is written today must verify in ten years.
#include "security/audit/sealed_event.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace latent::security::audit {
namespace {

void counting(MutableByteSpan out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i);
}

EventStamp fixed_stamp() {
  EventStamp stamp;
  counting(stamp.id.bytes);
  stamp.time_us = 1'790'000'000'000'000;
  stamp.node = "0badcafe";
  stamp.sequence = 7;
  return stamp;
}

AuditEvent fixed_event() {
  AuditEvent event;
  event.code = EventCode::instances_transferred;
  event.action = Action::create;
  event.outcome = Outcome::minor_failure;
  event.what = "store";
  event.actor = "dimse:CT1";
  event.counts = {{"instances", 2}, {"bytes", 1048576}};
  AuditEvent::Subject& subject = event.subject.emplace();
  subject.patient_id = "P\"1";
  subject.patient_name = "Müller^Jörg";
  subject.study_uid = "1.2.3";
  subject.instance_uids = {"1.2.3.1", "1.2.3.2"};
  event.patient_ref = 41;
  return event;
}

TEST(SealedEvent, CoreHoldsWhatNamesNoPatient) {
  EXPECT_EQ(core_json(fixed_event(), fixed_stamp()),
            R"({"action":"C","actor":"dimse:CT1","actor_ip":null,"code":110104,)"
            R"("counts":{"bytes":1048576,"instances":2},"id":"000102030405060708090a0b0c0d0e0f",)"
            R"("n":7,"node":"0badcafe","outcome":4,"time_us":1790000000000000,"v":1,)"
            R"("what":"store"})");
}

TEST(SealedEvent, SubjectHoldsOnlyWhatIsThere) {
  EXPECT_EQ(subject_json(*fixed_event().subject),
            R"({"instance_uids":["1.2.3.1","1.2.3.2"],"patient_id":"P\"1",)"
            R"("patient_name":"Müller^Jörg","study_uid":"1.2.3"})");
  EXPECT_EQ(subject_json({}), "{}");
}

// Expected by python3: hmac.new(bytes(range(32)), JSON, "sha256").hexdigest().
TEST(SealedEvent, CommitmentIsHmacSha256UnderTheSalt) {
  Salt salt;
  counting(salt);
  EXPECT_EQ(commitment(salt, R"({"v":1})").hex(),
            "0eb532c50e075d71e18454cc33194be4df85629b9cd859abb198db2cee5adeb7");
}

TEST(SealedEvent, LeafLiesAsTheFormatSays) {
  const SealedEvent sealed = seal_event(fixed_event(), fixed_stamp(), counting);

  const Leaf leaf = leaf_of(EventCode::instances_transferred, sealed);

  EXPECT_EQ(to_hex(ByteSpan(leaf).first(30)),
            "0001"
            "0001ae18"
            "00065bfeda25e000"
            "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(to_hex(ByteSpan(leaf).subspan(30, 32)),
            commitment(sealed.core_salt, sealed.core).hex());
  EXPECT_EQ(to_hex(ByteSpan(leaf).subspan(62, 32)),
            commitment(*sealed.subject_salt, *sealed.subject).hex());
  EXPECT_EQ(to_hex(ByteSpan(leaf).subspan(94)), "0000");
}

TEST(SealedEvent, WithoutSubjectItsCommitmentIsZero) {
  AuditEvent event = fixed_event();
  event.subject.reset();

  const SealedEvent sealed = seal_event(event, fixed_stamp(), counting);
  const Leaf leaf = leaf_of(event.code, sealed);

  EXPECT_FALSE(sealed.subject || sealed.subject_salt);
  EXPECT_TRUE(
      std::all_of(leaf.begin() + 62, leaf.end(), [](std::byte b) { return b == std::byte{}; }));
}

TEST(SealedEvent, TwoSealingsOfOneEventHaveDifferentSalts) {
  const SealedEvent a = seal_event(fixed_event(), fixed_stamp());
  const SealedEvent b = seal_event(fixed_event(), fixed_stamp());

  EXPECT_EQ(a.core, b.core);
  EXPECT_NE(a.core_salt, b.core_salt);
  EXPECT_NE(*a.subject_salt, *b.subject_salt);
  EXPECT_NE(a.core_salt, *a.subject_salt);
}

}  // namespace
}  // namespace latent::security::audit
