// Builders and readers of the single messages (messages.h).
#include <algorithm>

#include "dicom/model/sop_classes.h"
#include "dicom/network/messages.h"

namespace latent::dicom::network {

namespace {

using Field = CommandField;

constexpr std::size_t kErrorCommentCharactersMax = 64;  // VR LO, PS3.7 E.1

/// check() narrowed to one message.
Result<void> expect(const CommandSet& command, Field field) {
  if (command.command_field() != static_cast<std::uint16_t>(field)) {
    return fail(ErrorCode::invalid_input,
                std::string("command: not a ") +
                    std::string(find_message(static_cast<std::uint16_t>(field))->name),
                "network");
  }
  if (auto fault = check(command))
    return fail(ErrorCode::invalid_input, std::move(fault->comment), "network");
  return {};
}

CommandSet start(Field field, std::uint16_t message_id) {
  CommandSet command;
  command.set_u16(command::kCommandField, static_cast<std::uint16_t>(field));
  command.set_u16(command::kMessageId, message_id);
  return command;
}

Priority priority_of(const CommandSet& command) {
  const std::uint16_t value = command.u16(command::kPriority).value_or(0);
  return value <= 2 ? static_cast<Priority>(value) : Priority::medium;
}

// For elements that expect() found in order.
std::uint16_t number(const CommandSet& command, std::uint16_t element) {
  return command.u16(element).value_or(0);
}
std::string text(const CommandSet& command, std::uint16_t element) {
  return std::string(command.text(element).value_or(std::string_view()));
}

/// C-FIND-RQ and C-GET-RQ differ by their command field only.
template <class Request>
Result<Request> read_query(const CommandSet& command, Field field) {
  LATENT_TRY_VOID(expect(command, field));
  Request request;
  request.message_id = number(command, command::kMessageId);
  request.sop_class = text(command, command::kAffectedSopClassUid);
  request.priority = priority_of(command);
  return request;
}
template <class Request>
CommandSet write_query(const Request& request, Field field) {
  CommandSet command = start(field, request.message_id);
  command.set_uid(command::kAffectedSopClassUid, request.sop_class);
  command.set_u16(command::kPriority, static_cast<std::uint16_t>(request.priority));
  return command;
}

std::string as_error_comment(std::string_view comment) {
  std::string clean;
  for (const char c : comment.substr(0, kErrorCommentCharactersMax))
    clean.push_back(c >= 0x20 && c <= 0x7E && c != '\\' ? c : '?');
  return clean;
}

void set_counters(CommandSet& response, const SuboperationCounters& counters, Status status) {
  const StatusCategory category = category_of(status);
  if (category == StatusCategory::pending || category == StatusCategory::cancel)
    response.set_u16(command::kNumberOfRemainingSuboperations, counters.remaining);
  response.set_u16(command::kNumberOfCompletedSuboperations, counters.completed);
  response.set_u16(command::kNumberOfFailedSuboperations, counters.failed);
  response.set_u16(command::kNumberOfWarningSuboperations, counters.warning);
}

/// Copies the first of `from` that holds a UID to `to`.
void repeat_uid(CommandSet& response, std::uint16_t to, const CommandSet& request,
                std::initializer_list<std::uint16_t> from) {
  for (const std::uint16_t element : from) {
    if (const auto uid = request.uid(element)) return response.set_uid(to, *uid);
  }
}
void repeat_number(CommandSet& response, const CommandSet& request, std::uint16_t element) {
  if (const auto value = request.u16(element)) response.set_u16(element, *value);
}

}  // namespace

Result<CStoreRq> CStoreRq::from(const CommandSet& command) {
  LATENT_TRY_VOID(expect(command, Field::c_store_rq));
  CStoreRq request;
  request.message_id = number(command, command::kMessageId);
  request.sop_class = text(command, command::kAffectedSopClassUid);
  request.sop_instance = text(command, command::kAffectedSopInstanceUid);
  request.priority = priority_of(command);
  if (const auto title = command.text(command::kMoveOriginatorAeTitle))
    request.move_originator = AeTitle::parse(*title);
  request.move_message_id = command.u16(command::kMoveOriginatorMessageId);
  return request;
}
CommandSet CStoreRq::to_command() const {
  CommandSet command = write_query(*this, Field::c_store_rq);
  command.set_uid(command::kAffectedSopInstanceUid, sop_instance);
  if (move_originator) command.set_text(command::kMoveOriginatorAeTitle, move_originator->text());
  if (move_message_id) command.set_u16(command::kMoveOriginatorMessageId, *move_message_id);
  return command;
}

Result<CFindRq> CFindRq::from(const CommandSet& command) {
  return read_query<CFindRq>(command, Field::c_find_rq);
}
CommandSet CFindRq::to_command() const { return write_query(*this, Field::c_find_rq); }

Result<CGetRq> CGetRq::from(const CommandSet& command) {
  return read_query<CGetRq>(command, Field::c_get_rq);
}
CommandSet CGetRq::to_command() const { return write_query(*this, Field::c_get_rq); }

Result<CMoveRq> CMoveRq::from(const CommandSet& command) {
  LATENT_TRY(CMoveRq request, read_query<CMoveRq>(command, Field::c_move_rq));
  std::string_view destination = command.text(command::kMoveDestination).value_or("");
  while (!destination.empty() && destination.front() == ' ') destination.remove_prefix(1);
  request.destination = destination.substr(0, 16);
  return request;
}
CommandSet CMoveRq::to_command() const {
  CommandSet command = write_query(*this, Field::c_move_rq);
  command.set_text(command::kMoveDestination, destination);
  return command;
}

Result<CEchoRq> CEchoRq::from(const CommandSet& command) {
  LATENT_TRY_VOID(expect(command, Field::c_echo_rq));
  return CEchoRq{number(command, command::kMessageId)};
}
CommandSet CEchoRq::to_command() const {
  CommandSet command = start(Field::c_echo_rq, message_id);
  command.set_uid(command::kAffectedSopClassUid, model::sop_classes::kVerification);
  return command;
}

Result<CCancelRq> CCancelRq::from(const CommandSet& command) {
  LATENT_TRY_VOID(expect(command, Field::c_cancel_rq));
  return CCancelRq{number(command, command::kMessageIdBeingRespondedTo)};
}
CommandSet CCancelRq::to_command() const {
  CommandSet command;
  command.set_u16(command::kCommandField, static_cast<std::uint16_t>(Field::c_cancel_rq));
  command.set_u16(command::kMessageIdBeingRespondedTo, message_id);
  return command;
}

Result<NActionRq> NActionRq::from(const CommandSet& command) {
  LATENT_TRY_VOID(expect(command, Field::n_action_rq));
  return NActionRq{
      number(command, command::kMessageId), text(command, command::kRequestedSopClassUid),
      text(command, command::kRequestedSopInstanceUid), number(command, command::kActionTypeId)};
}
CommandSet NActionRq::to_command() const {
  CommandSet command = start(Field::n_action_rq, message_id);
  command.set_uid(command::kRequestedSopClassUid, sop_class);
  command.set_uid(command::kRequestedSopInstanceUid, sop_instance);
  command.set_u16(command::kActionTypeId, action_type);
  return command;
}

Result<NEventReportRq> NEventReportRq::from(const CommandSet& command) {
  LATENT_TRY_VOID(expect(command, Field::n_event_report_rq));
  return NEventReportRq{
      number(command, command::kMessageId), text(command, command::kAffectedSopClassUid),
      text(command, command::kAffectedSopInstanceUid), number(command, command::kEventTypeId)};
}
CommandSet NEventReportRq::to_command() const {
  CommandSet command = start(Field::n_event_report_rq, message_id);
  command.set_uid(command::kAffectedSopClassUid, sop_class);
  command.set_uid(command::kAffectedSopInstanceUid, sop_instance);
  command.set_u16(command::kEventTypeId, event_type);
  return command;
}

CommandSet respond_to(const CommandSet& request, const Answer& answer) {
  CommandSet response;
  repeat_uid(response, command::kAffectedSopClassUid, request,
             {command::kAffectedSopClassUid, command::kRequestedSopClassUid});
  response.set_u16(command::kCommandField,
                   static_cast<std::uint16_t>(request.command_field() | 0x8000));
  response.set_u16(command::kMessageIdBeingRespondedTo, number(request, command::kMessageId));
  response.set_u16(command::kStatus, answer.status);
  if (!answer.offending.empty()) response.set_tags(command::kOffendingElement, answer.offending);
  if (!answer.comment.empty())
    response.set_text(command::kErrorComment, as_error_comment(answer.comment));
  repeat_uid(response, command::kAffectedSopInstanceUid, request,
             {command::kAffectedSopInstanceUid, command::kRequestedSopInstanceUid});
  repeat_number(response, request, command::kEventTypeId);
  repeat_number(response, request, command::kActionTypeId);
  if (answer.counters) set_counters(response, *answer.counters, answer.status);
  return response;
}

Result<Response> Response::from(const CommandSet& command) {
  const MessageRule* rule = find_message(command.command_field());
  if (rule == nullptr || !command.is_response())
    return fail(ErrorCode::invalid_input, "command: not a response", "network");
  LATENT_TRY_VOID(expect(command, rule->field));
  Response response;
  response.message_id = number(command, command::kMessageIdBeingRespondedTo);
  response.answer.status = number(command, command::kStatus);
  response.answer.comment = text(command, command::kErrorComment);
  response.answer.offending = command.tags(command::kOffendingElement);
  constexpr std::uint16_t kCounters[] = {
      command::kNumberOfRemainingSuboperations, command::kNumberOfCompletedSuboperations,
      command::kNumberOfFailedSuboperations, command::kNumberOfWarningSuboperations};
  if (std::ranges::any_of(kCounters, [&](auto element) { return command.contains(element); })) {
    response.answer.counters =
        SuboperationCounters{number(command, kCounters[0]), number(command, kCounters[1]),
                             number(command, kCounters[2]), number(command, kCounters[3])};
  }
  return response;
}

}  // namespace latent::dicom::network
