#include "server/dimse/status_map.h"

#include <gtest/gtest.h>

namespace latent::server::dimse {
namespace {

using dicom::network::category_of;
using dicom::network::StatusCategory;
using storage::ingest::Reason;
using storage::ingest::StoreOutcome;

StoreOutcome refused(Reason reason) {
  StoreOutcome outcome;
  outcome.kind = StoreOutcome::Kind::refused;
  outcome.reason = reason;
  return outcome;
}

TEST(StatusMap, WhatIsKeptIsSuccessHoweverOftenItComes) {
  for (const auto kind : {StoreOutcome::Kind::stored, StoreOutcome::Kind::duplicate,
                          StoreOutcome::Kind::new_version}) {
    StoreOutcome outcome;
    outcome.kind = kind;
    EXPECT_EQ(store_status(outcome), 0x0000);
  }
}

TEST(StatusMap, StoreStatusesSayWhetherSendingAgainHelps) {
  // PS3.4 B.2.3: A7xx may be sent again, A9xx and Cxxx will not get better.
  EXPECT_EQ(store_status(refused(Reason::no_room)) & 0xFF00, 0xA700);
  EXPECT_EQ(store_status(refused(Reason::unavailable)) & 0xFF00, 0xA700);
  EXPECT_EQ(store_status(refused(Reason::cancelled)) & 0xFF00, 0xA700);
  EXPECT_EQ(store_status(refused(Reason::class_mismatch)), 0xA900);
  EXPECT_EQ(store_status(refused(Reason::instance_mismatch)), 0xA901);
  EXPECT_EQ(store_status(refused(Reason::not_understood)), 0xC000);
  EXPECT_EQ(store_status(refused(Reason::differs)), 0xC111);
}

TEST(StatusMap, NoRefusalIsEverASuccess) {
  for (const auto reason :
       {Reason::none, Reason::not_understood, Reason::class_mismatch, Reason::instance_mismatch,
        Reason::differs, Reason::no_room, Reason::unavailable, Reason::cancelled}) {
    EXPECT_EQ(category_of(store_status(refused(reason))), StatusCategory::failure);
  }
}

TEST(StatusMap, EveryErrorOfAQueryOrRetrieveHasAFinalStatus) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    const auto error = static_cast<ErrorCode>(code);
    const auto expected =
        error == ErrorCode::cancelled ? StatusCategory::cancel : StatusCategory::failure;
    EXPECT_EQ(category_of(find_status(error)), expected) << name_of(error);
    EXPECT_EQ(category_of(retrieve_status(error)), expected) << name_of(error);
  }
  EXPECT_EQ(find_status(ErrorCode::exhausted), 0xA700);
  EXPECT_EQ(find_status(ErrorCode::invalid_input), 0xA900);
  EXPECT_EQ(retrieve_status(ErrorCode::unavailable), 0xA701);
}

}  // namespace
}  // namespace latent::server::dimse
