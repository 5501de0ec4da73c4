#include "dicom/network/messages.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/dicom/network/wire.h"

namespace latent::dicom::network::test {
namespace {

/// A command that the table finds in order.
CommandSet proper(const MessageRule& rule) {
  CommandSet command;
  command.set_u16(command::kCommandField, static_cast<std::uint16_t>(rule.field));
  command.set_u16(command::kCommandDataSetType, rule.data_set == DataSetRule::required
                                                    ? command::kSomeDataSet
                                                    : command::kNoDataSet);
  for (const std::uint16_t element : rule.required) {
    if (element == command::kMoveDestination) {
      command.set_text(element, "DEST");
    } else if (element < 0x10 || element == 0x1000 || element == 0x1001) {
      command.set_uid(element, "1.2.3");
    } else {
      command.set_u16(element, 1);
    }
  }
  return command;
}

TEST(Messages, TheTableHoldsElevenPairsAndCancelEachOnce) {
  std::set<std::uint16_t> fields;
  for (const MessageRule& rule : all_messages())
    fields.insert(static_cast<std::uint16_t>(rule.field));
  EXPECT_EQ(all_messages().size(), 23u);
  EXPECT_EQ(fields.size(), 23u);
  for (const std::uint16_t field : fields) {
    EXPECT_TRUE(field == 0x0FFF || fields.contains(field ^ 0x8000)) << field;
  }
}

TEST(Messages, AProperCommandOfEachKindPassesAndLosesThatWithEachRequiredElement) {
  for (const MessageRule& rule : all_messages()) {
    const CommandSet whole = proper(rule);
    EXPECT_FALSE(check(whole)) << rule.name << ": " << check(whole)->comment;
    for (const std::uint16_t element : rule.required) {
      CommandSet lacking = whole;
      lacking.erase(element);
      const auto missing = check(lacking);
      ASSERT_TRUE(missing) << rule.name;
      EXPECT_EQ(missing->status, status::kMistypedArgument);
      EXPECT_EQ(missing->offending, (std::vector<model::Tag>{{0, element}}));

      CommandSet odd = whole;
      odd.set_bytes(element, {});
      EXPECT_TRUE(check(odd)) << rule.name << " with an empty " << element;
    }
  }
}

TEST(Messages, DataSetsAreWantedOrRefusedByTheTable) {
  CommandSet store = proper(*find_message(0x0001));
  store.set_u16(command::kCommandDataSetType, command::kNoDataSet);
  EXPECT_EQ(check(store)->status, status::kMistypedArgument);
  CommandSet echo = proper(*find_message(0x0030));
  echo.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  EXPECT_EQ(check(echo)->status, status::kMistypedArgument);
  CommandSet find_response = proper(*find_message(0x8020));
  find_response.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  EXPECT_FALSE(check(find_response));
}

TEST(Messages, AnUnknownCommandFieldIsAnUnrecognisedOperation) {
  CommandSet command;
  command.set_u16(command::kCommandField, 0x4711);
  EXPECT_EQ(check(command)->status, 0x0211);
  EXPECT_EQ(check(CommandSet())->status, 0x0211);
  EXPECT_EQ(find_message(0x4711), nullptr);
}

TEST(Messages, AnInstanceUidThatIsNoneHasItsOwnStatus) {
  CommandSet store = proper(*find_message(0x0001));
  store.set_text(command::kAffectedSopInstanceUid, "1..2");
  EXPECT_EQ(check(store)->status, status::kInvalidObjectInstance);
}

TEST(Messages, RequestsSurviveARoundTrip) {
  CommandSet store = CStoreRq{7, "1.2.3", "4.5.6", Priority::low, ae("MOVER"), 99}.to_command();
  store.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  const auto read = CStoreRq::from(store);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->message_id, 7);
  EXPECT_EQ(read->sop_class, "1.2.3");
  EXPECT_EQ(read->sop_instance, "4.5.6");
  EXPECT_EQ(read->priority, Priority::low);
  EXPECT_EQ(read->move_originator, ae("MOVER"));
  EXPECT_EQ(read->move_message_id, 99);

  CommandSet move = CMoveRq{8, "1.2", "WHERE TO", Priority::high}.to_command();
  move.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  EXPECT_EQ(CMoveRq::from(move)->destination, "WHERE TO");
  EXPECT_EQ(CMoveRq::from(move)->priority, Priority::high);
  EXPECT_FALSE(CFindRq::from(move));

  CommandSet find = CFindRq{8, "1.2", Priority::medium}.to_command();
  find.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  EXPECT_EQ(CFindRq::from(find)->sop_class, "1.2");
  CommandSet get = CGetRq{9, "1.2", Priority::medium}.to_command();
  get.set_u16(command::kCommandDataSetType, command::kSomeDataSet);
  EXPECT_EQ(CGetRq::from(get)->message_id, 9);

  EXPECT_EQ(CEchoRq::from(CEchoRq{11}.to_command())->message_id, 11);
  EXPECT_EQ(CCancelRq::from(CCancelRq{12}.to_command())->message_id, 12);
  EXPECT_EQ(NActionRq::from(NActionRq{1, "1.2", "3.4", 5}.to_command())->action_type, 5);
  EXPECT_EQ(NActionRq::from(NActionRq{1, "1.2", "3.4", 5}.to_command())->sop_instance, "3.4");
  EXPECT_EQ(NEventReportRq::from(NEventReportRq{1, "1.2", "3.4", 2}.to_command())->event_type, 2);
}

TEST(Messages, AResponseRepeatsWhatTheRequestNamed) {
  const CommandSet store = CStoreRq{7, "1.2.3", "4.5.6", Priority::medium, {}, {}}.to_command();
  CommandSet response = respond_to(
      store, Answer{status::kStoreCannotUnderstand, "(0020,000D) missing", {{0x20, 0xD}}, {}});

  EXPECT_EQ(response.command_field(), 0x8001);
  EXPECT_EQ(response.u16(command::kMessageIdBeingRespondedTo), 7);
  EXPECT_EQ(response.uid(command::kAffectedSopClassUid), "1.2.3");
  EXPECT_EQ(response.uid(command::kAffectedSopInstanceUid), "4.5.6");
  EXPECT_FALSE(response.contains(command::kMessageId));
  const auto read = Response::from(response);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->message_id, 7);
  EXPECT_EQ(read->answer.status, 0xC000);
  EXPECT_EQ(read->answer.comment, "(0020,000D) missing");
  EXPECT_EQ(read->answer.offending, (std::vector<model::Tag>{{0x20, 0xD}}));
  EXPECT_EQ(read->answer.counters, std::nullopt);
}

TEST(Messages, ANormalizedResponseNamesTheRequestedInstanceAsAffected) {
  const CommandSet action = NActionRq{3, "1.2", "3.4", 1}.to_command();
  const CommandSet response = respond_to(action, Answer{});
  EXPECT_EQ(response.command_field(), 0x8130);
  EXPECT_EQ(response.uid(command::kAffectedSopClassUid), "1.2");
  EXPECT_EQ(response.uid(command::kAffectedSopInstanceUid), "3.4");
  EXPECT_EQ(response.u16(command::kActionTypeId), 1);
}

TEST(Messages, RemainingIsCountedInPendingAndCancelOnly) {
  const CommandSet move = CMoveRq{8, "1.2", "DEST", Priority::medium}.to_command();
  const SuboperationCounters counters{5, 3, 2, 1};
  for (const Status status : {status::kPending, status::kCancel}) {
    const auto read = Response::from(respond_to(move, Answer{status, "", {}, counters}));
    EXPECT_EQ(read->answer.counters, counters);
  }
  for (const Status status : {status::kSuccess, status::kRetrieveSomeFailed,
                              status::kRetrieveCannotPerformSuboperations}) {
    const CommandSet response = respond_to(move, Answer{status, "", {}, counters});
    EXPECT_FALSE(response.contains(command::kNumberOfRemainingSuboperations));
    EXPECT_EQ(response.u16(command::kNumberOfCompletedSuboperations), 3);
    EXPECT_EQ(response.u16(command::kNumberOfFailedSuboperations), 2);
    EXPECT_EQ(response.u16(command::kNumberOfWarningSuboperations), 1);
  }
}

TEST(Messages, AnErrorCommentIsCutTo64PrintableCharacters) {
  const CommandSet echo = CEchoRq{1}.to_command();
  const std::string comment = "line\nback\\slash " + std::string(100, 'x');
  const CommandSet response = respond_to(echo, Answer{0x0110, comment, {}, {}});
  const auto text = response.text(command::kErrorComment);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->size(), 64u);
  EXPECT_EQ(text->substr(0, 15), "line?back?slash");
}

TEST(Messages, AFaultAnswersItsRequest) {
  CommandSet store = proper(*find_message(0x0001));
  store.erase(command::kAffectedSopInstanceUid);
  const CommandSet response = respond_to(store, *check(store));
  EXPECT_EQ(response.u16(command::kStatus), 0x0212);
  EXPECT_EQ(response.tags(command::kOffendingElement), (std::vector<model::Tag>{{0, 0x1000}}));
}

TEST(Status, FallsIntoTheCategoriesOfTheStandard) {
  const std::pair<Status, StatusCategory> expected[] = {
      {0x0000, StatusCategory::success}, {0xFF00, StatusCategory::pending},
      {0xFF01, StatusCategory::pending}, {0xFE00, StatusCategory::cancel},
      {0xB000, StatusCategory::warning}, {0xB007, StatusCategory::warning},
      {0x0107, StatusCategory::warning}, {0x0116, StatusCategory::warning},
      {0x0001, StatusCategory::warning}, {0xA700, StatusCategory::failure},
      {0xA801, StatusCategory::failure}, {0xC123, StatusCategory::failure},
      {0x0111, StatusCategory::failure}, {0x1234, StatusCategory::failure},
  };
  for (const auto& [status, category] : expected)
    EXPECT_EQ(category_of(status), category) << status;
  EXPECT_EQ(to_string(status::kRetrieveCannotPerformSuboperations), "A702H failure");
}

}  // namespace
}  // namespace latent::dicom::network::test
