// The table of messages and the check of incoming commands against it.
#include "dicom/network/messages.h"

#include <algorithm>
#include <array>

namespace latent::dicom::network {

namespace {

using Field = CommandField;
using Elements = std::span<const std::uint16_t>;

// Priority (0000,0700) is mandatory in the standard's C-STORE, C-FIND, C-GET and C-MOVE; it steers
// nothing here and some senders leave it out, so its absence is no fault.
constexpr std::array kAffected{command::kAffectedSopClassUid, command::kMessageId};
constexpr std::array kStore{command::kAffectedSopClassUid, command::kMessageId,
                            command::kAffectedSopInstanceUid};
constexpr std::array kMove{command::kAffectedSopClassUid, command::kMessageId,
                           command::kMoveDestination};
constexpr std::array kEvent{command::kAffectedSopClassUid, command::kMessageId,
                            command::kAffectedSopInstanceUid, command::kEventTypeId};
constexpr std::array kRequested{command::kRequestedSopClassUid, command::kMessageId,
                                command::kRequestedSopInstanceUid};
constexpr std::array kAction{command::kRequestedSopClassUid, command::kMessageId,
                             command::kRequestedSopInstanceUid, command::kActionTypeId};
constexpr std::array kCancel{command::kMessageIdBeingRespondedTo};
constexpr std::array kReply{command::kMessageIdBeingRespondedTo, command::kStatus};

constexpr auto kForbidden = DataSetRule::forbidden;
constexpr auto kRequired = DataSetRule::required;
constexpr auto kOptional = DataSetRule::optional;

constexpr MessageRule kMessages[] = {
    {Field::c_store_rq, "C-STORE-RQ", "PS3.7 9.3.1.1", kStore, kRequired},
    {Field::c_store_rsp, "C-STORE-RSP", "PS3.7 9.3.1.2", kReply, kForbidden},
    {Field::c_find_rq, "C-FIND-RQ", "PS3.7 9.3.2.1", kAffected, kRequired},
    {Field::c_find_rsp, "C-FIND-RSP", "PS3.7 9.3.2.2", kReply, kOptional},
    {Field::c_cancel_rq, "C-CANCEL-RQ", "PS3.7 9.3.2.3", kCancel, kForbidden},
    {Field::c_get_rq, "C-GET-RQ", "PS3.7 9.3.3.1", kAffected, kRequired},
    {Field::c_get_rsp, "C-GET-RSP", "PS3.7 9.3.3.2", kReply, kOptional},
    {Field::c_move_rq, "C-MOVE-RQ", "PS3.7 9.3.4.1", kMove, kRequired},
    {Field::c_move_rsp, "C-MOVE-RSP", "PS3.7 9.3.4.2", kReply, kOptional},
    {Field::c_echo_rq, "C-ECHO-RQ", "PS3.7 9.3.5.1", kAffected, kForbidden},
    {Field::c_echo_rsp, "C-ECHO-RSP", "PS3.7 9.3.5.2", kReply, kForbidden},
    {Field::n_event_report_rq, "N-EVENT-REPORT-RQ", "PS3.7 10.3.1.1", kEvent, kOptional},
    {Field::n_event_report_rsp, "N-EVENT-REPORT-RSP", "PS3.7 10.3.1.2", kReply, kOptional},
    {Field::n_get_rq, "N-GET-RQ", "PS3.7 10.3.2.1", kRequested, kForbidden},
    {Field::n_get_rsp, "N-GET-RSP", "PS3.7 10.3.2.2", kReply, kOptional},
    {Field::n_set_rq, "N-SET-RQ", "PS3.7 10.3.3.1", kRequested, kRequired},
    {Field::n_set_rsp, "N-SET-RSP", "PS3.7 10.3.3.2", kReply, kOptional},
    {Field::n_action_rq, "N-ACTION-RQ", "PS3.7 10.3.4.1", kAction, kOptional},
    {Field::n_action_rsp, "N-ACTION-RSP", "PS3.7 10.3.4.2", kReply, kOptional},
    {Field::n_create_rq, "N-CREATE-RQ", "PS3.7 10.3.5.1", kAffected, kOptional},
    {Field::n_create_rsp, "N-CREATE-RSP", "PS3.7 10.3.5.2", kReply, kOptional},
    {Field::n_delete_rq, "N-DELETE-RQ", "PS3.7 10.3.6.1", kRequested, kForbidden},
    {Field::n_delete_rsp, "N-DELETE-RSP", "PS3.7 10.3.6.2", kReply, kForbidden},
};

bool is_uid_element(std::uint16_t element) {
  return element == command::kAffectedSopClassUid || element == command::kRequestedSopClassUid ||
         element == command::kAffectedSopInstanceUid ||
         element == command::kRequestedSopInstanceUid;
}
bool is_instance_element(std::uint16_t element) {
  return element == command::kAffectedSopInstanceUid ||
         element == command::kRequestedSopInstanceUid;
}
bool is_well_formed(const CommandSet& command, std::uint16_t element) {
  if (is_uid_element(element)) return command.uid(element).has_value();
  // Any text will do here: one that is no AE title is a destination that nobody knows.
  if (element == command::kMoveDestination) return command.text(element).has_value();
  return command.u16(element).has_value();
}

Fault fault(Status status, std::uint16_t element, std::string comment) {
  return {status, {model::Tag{0, element}}, std::move(comment)};
}

std::optional<Fault> check_element(const CommandSet& command, const MessageRule& rule,
                                   std::uint16_t element) {
  const std::string name = std::string(rule.name) + ": " + model::to_string({0, element});
  if (!command.contains(element))
    return fault(status::kMistypedArgument, element, name + " is missing");
  if (is_well_formed(command, element)) return std::nullopt;
  // PS3.7 C.5.11: a SOP Instance UID that breaks the rules for UIDs has a status of its own.
  return fault(
      is_instance_element(element) ? status::kInvalidObjectInstance : status::kMistypedArgument,
      element, name + " is malformed");
}

}  // namespace

std::span<const MessageRule> all_messages() { return kMessages; }

const MessageRule* find_message(std::uint16_t command_field) {
  const auto* at =
      std::ranges::find(kMessages, static_cast<Field>(command_field), &MessageRule::field);
  return at == std::end(kMessages) ? nullptr : at;
}

std::optional<Fault> check(const CommandSet& command) {
  const MessageRule* rule = find_message(command.command_field());
  if (rule == nullptr)
    return fault(status::kUnrecognizedOperation, command::kCommandField, "no such operation");
  for (const std::uint16_t element : rule->required)
    if (auto found = check_element(command, *rule, element)) return found;
  if (rule->data_set == DataSetRule::required && !command.has_data_set())
    return fault(status::kMistypedArgument, command::kCommandDataSetType,
                 std::string(rule->name) + ": data set is missing");
  if (rule->data_set == DataSetRule::forbidden && command.has_data_set())
    return fault(status::kMistypedArgument, command::kCommandDataSetType,
                 std::string(rule->name) + ": takes no data set");
  return std::nullopt;
}

}  // namespace latent::dicom::network
