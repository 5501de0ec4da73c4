// What comes in: PDU header → small body, or PDV header → fragment → PDV header → …
#include <fmt/format.h>

#include <algorithm>

#include "dicom/network/association.h"
#include "dicom/network/detail/pdv.h"
#include "dicom/network/detail/state_table.h"

namespace latent::dicom::network {

using detail::Action;
using detail::action_for;
using detail::Evt;

namespace {

constexpr std::uint32_t kShortPduBytes = 4;  // RJ, RQ and RP of release, ABORT: PS3.8 9.3.4–9.3.8

/// Nothing for a type that PS3.8 does not know.
std::optional<Evt> event_of(PduType type) {
  switch (type) {
    case PduType::associate_request:
      return Evt::evt6_associate_request;
    case PduType::associate_accept:
      return Evt::evt3_associate_accept;
    case PduType::associate_reject:
      return Evt::evt4_associate_reject;
    case PduType::data:
      return Evt::evt10_data;
    case PduType::release_request:
      return Evt::evt12_release_request;
    case PduType::release_reply:
      return Evt::evt13_release_reply;
    case PduType::abort:
      return Evt::evt16_abort;
  }
  return std::nullopt;
}

bool is_abort(Action action) { return action == Action::aa1 || action == Action::aa8; }

}  // namespace

std::optional<Event> Association::next(ByteSpan& input) {
  while (!input.empty()) {
    if (is_over() || is_closing()) {
      drop(input);
      continue;
    }
    if (auto event = step(input)) return event;
  }
  return std::nullopt;
}

// After the last word nothing is read any more, but whoever aborts then waits for the close, and
// some (DCMTK's getscu) for as long as it takes.
void Association::drop(ByteSpan& input) {
  if (is_over() || !closing_between_pdus_) {
    take(input, input.size());
  } else if (pdu_left_ != 0) {
    pdu_left_ -= static_cast<std::uint32_t>(take(input, pdu_left_).size());
  } else if (collect_header(input)) {
    pdu_left_ = load_be<std::uint32_t>(header_, 2);
    const auto event = event_of(static_cast<PduType>(header_[0]));
    if (event && action_for(*event, state_) == Action::aa2) finish();
  }
}

std::optional<Event> Association::step(ByteSpan& input) {
  switch (stage_) {
    case Stage::pdu_header:
      return collect_header(input) ? begin_pdu() : std::nullopt;
    case Stage::small_body:
      return read_small_body(input);
    case Stage::pdv_header:
      return collect_header(input) ? begin_pdv() : std::nullopt;
    case Stage::command_fragment:
    case Stage::data_fragment:
      return read_fragment(input);
  }
  return std::nullopt;
}

ByteSpan Association::take(ByteSpan& input, std::size_t bytes_max) {
  const ByteSpan taken = input.first(std::min(input.size(), bytes_max));
  input = input.subspan(taken.size());
  received_bytes_ += taken.size();
  return taken;
}

bool Association::collect_header(ByteSpan& input) {
  const ByteSpan piece = take(input, header_.size() - header_bytes_);
  std::ranges::copy(piece, header_.begin() + static_cast<std::ptrdiff_t>(header_bytes_));
  header_bytes_ += piece.size();
  if (header_bytes_ < header_.size()) return false;
  header_bytes_ = 0;
  return true;
}

std::optional<Event> Association::begin_pdu() {
  pdu_type_ = std::to_integer<std::uint8_t>(header_[0]);
  pdu_length_ = pdu_left_ = load_be<std::uint32_t>(header_, 2);
  const auto type = static_cast<PduType>(pdu_type_);
  const auto event = event_of(type);
  if (!event)
    return protocol_error(Abort::unrecognized_pdu, fmt::format("PDU type {:02X}H", pdu_type_));
  if (is_abort(action_for(*event, state_)))
    return protocol_error(Abort::unexpected_pdu, "not expected in this state");
  if (type == PduType::data) {
    if (pdu_length_ < kPdvHeaderBytes || pdu_length_ > receive_pdu_bytes_max_)
      return protocol_error(
          Abort::invalid_parameter,
          fmt::format("length is not within {} to {}", kPdvHeaderBytes, receive_pdu_bytes_max_));
    stage_ = Stage::pdv_header;
    return std::nullopt;
  }
  const bool is_associate = type == PduType::associate_request || type == PduType::associate_accept;
  const std::uint32_t least = is_associate ? 1 : kShortPduBytes;
  const std::uint32_t most = is_associate ? limits_.associate_pdu_bytes_max : kShortPduBytes;
  if (pdu_length_ < least || pdu_length_ > most)
    return protocol_error(Abort::invalid_parameter,
                          fmt::format("length is not within {} to {}", least, most));
  stage_ = Stage::small_body;
  return std::nullopt;
}

std::optional<Event> Association::read_small_body(ByteSpan& input) {
  const ByteSpan piece = take(input, pdu_left_);
  pdu_left_ -= static_cast<std::uint32_t>(piece.size());
  const bool in_one_piece = pdu_left_ == 0 && body_.empty();
  if (!in_one_piece) append(body_, piece);
  if (pdu_left_ != 0) return std::nullopt;
  stage_ = Stage::pdu_header;
  const Bytes whole = std::exchange(body_, {});
  return finish_small_pdu(in_one_piece ? piece : ByteSpan(whole));
}

Event Association::finish_small_pdu(ByteSpan body) {
  const auto type = static_cast<PduType>(pdu_type_);
  // Asked again: a local request may have changed the state since the header was read.
  if (is_abort(action_for(*event_of(type), state_)))
    return protocol_error(Abort::unexpected_pdu, "not expected in this state");
  switch (type) {
    case PduType::associate_request:
      return finish_associate_request(body);
    case PduType::associate_accept:
      return finish_associate_accept(body);
    case PduType::associate_reject:
      return finish_rejection(body);
    case PduType::release_request:
      return finish_release(true);
    case PduType::release_reply:
      return finish_release(false);
    case PduType::abort:
    case PduType::data:  // Streamed, never collected.
      break;
  }
  return finish_abort(body);
}

Event Association::finish_associate_request(ByteSpan body) {
  auto request = decode_associate_request(body);
  if (!request) return protocol_error(Abort::invalid_parameter, std::move(request.error().text));
  request_ = std::move(*request);
  artim_running_ = false;
  state_ = State::sta3_awaiting_local_answer;
  return AssociateRequested{};
}

Event Association::finish_associate_accept(ByteSpan body) {
  auto accept = decode_associate_accept(body);
  if (!accept) return protocol_error(Abort::invalid_parameter, std::move(accept.error().text));
  accepted_ = std::move(*accept);
  establish();
  return Associated{};
}

Event Association::finish_rejection(ByteSpan body) {
  auto reject = decode_associate_reject(body);
  if (!reject) return protocol_error(Abort::invalid_parameter, std::move(reject.error().text));
  finish();
  return Rejected{*reject};
}

Event Association::finish_abort(ByteSpan body) {
  auto abort = decode_abort(body);
  if (!abort) return protocol_error(Abort::invalid_parameter, std::move(abort.error().text));
  finish();
  return Aborted{true, *abort, "A-ABORT received: " + describe(*abort)};
}

Event Association::finish_release(bool is_request) {
  const Evt event = is_request ? Evt::evt12_release_request : Evt::evt13_release_reply;
  switch (action_for(event, state_)) {
    case Action::ar2:
      state_ = State::sta8_awaiting_local_release_reply;
      return ReleaseRequested{};
    case Action::ar8:
      state_ = role_ == Role::requestor ? State::sta9_collision_requestor_local
                                        : State::sta10_collision_acceptor_peer;
      return ReleaseRequested{};
    case Action::ar10:
      state_ = State::sta12_collision_acceptor_local;
      return Released{};
    default:  // AR-3, the only one left.
      finish();
      return Released{};
  }
}

std::optional<Event> Association::begin_pdv() {
  const std::uint32_t length = load_be<std::uint32_t>(header_);
  const std::uint32_t context_and_control = 2;
  if (length < context_and_control || length > pdu_left_ - 4)
    return protocol_error(Abort::invalid_parameter,
                          fmt::format("PDV claims {} bytes, {} are left", length, pdu_left_ - 4));
  pdu_left_ -= static_cast<std::uint32_t>(kPdvHeaderBytes);
  fragment_left_ = length - context_and_control;
  fragment_context_ = std::to_integer<std::uint8_t>(header_[4]);
  const auto control = std::to_integer<std::uint8_t>(header_[5]);
  fragment_is_last_ = (control & detail::kLastFragment) != 0;
  const bool is_command = (control & detail::kCommandFragment) != 0;
  const std::uint32_t behind = pdu_left_ - fragment_left_;
  if (behind != 0 && behind < kPdvHeaderBytes)
    return protocol_error(Abort::invalid_parameter,
                          fmt::format("{} bytes behind the last PDV are no PDV", behind));
  if (auto error = check_pdv_order(is_command)) return error;
  stage_ = is_command ? Stage::command_fragment : Stage::data_fragment;
  if (fragment_left_ != 0) return std::nullopt;
  ByteSpan nothing;
  return read_fragment(nothing);
}

std::optional<Event> Association::check_pdv_order(bool is_command) {
  if (find_context(fragment_context_) == nullptr)
    return protocol_error(Abort::invalid_parameter, fmt::format("presentation context {} was not "
                                                                "accepted",
                                                                fragment_context_));
  if (is_command == data_expected_)
    return protocol_error(Abort::unexpected_parameter,
                          is_command ? "command fragment before the end of a data set"
                                     : "data fragment without a command that announced it");
  if (message_context_ != 0 && message_context_ != fragment_context_)
    return protocol_error(Abort::unexpected_parameter,
                          "fragment on another presentation context than its message");
  message_context_ = fragment_context_;
  if (is_command && command_.size() + fragment_left_ > limits_.command_set_bytes_max)
    return protocol_error(Abort::invalid_parameter, fmt::format("command set of more than {} bytes",
                                                                limits_.command_set_bytes_max));
  return std::nullopt;
}

std::optional<Event> Association::read_fragment(ByteSpan& input) {
  const bool is_command = stage_ == Stage::command_fragment;
  const ByteSpan piece = take(input, fragment_left_);
  fragment_left_ -= static_cast<std::uint32_t>(piece.size());
  pdu_left_ -= static_cast<std::uint32_t>(piece.size());
  const bool ends = fragment_left_ == 0;
  if (ends) stage_ = pdu_left_ == 0 ? Stage::pdu_header : Stage::pdv_header;
  if (is_command) {
    append(command_, piece);
    return ends && fragment_is_last_ ? finish_command() : std::nullopt;
  }
  const bool is_last = ends && fragment_is_last_;
  if (piece.empty() && !is_last) return std::nullopt;
  if (is_last) {
    message_context_ = 0;
    data_expected_ = false;
  }
  return DataReceived{fragment_context_, piece, is_last};
}

std::optional<Event> Association::finish_command() {
  auto command = CommandSet::parse(std::exchange(command_, {}));
  if (!command) return protocol_error(Abort::invalid_parameter, std::move(command.error().text));
  data_expected_ = command->has_data_set();
  message_context_ = data_expected_ ? fragment_context_ : 0;
  return CommandReceived{fragment_context_, std::move(*command)};
}

Event Association::protocol_error(std::uint8_t reason, std::string text) {
  // AA-1 (Sta2) would name the service user as source; the provider is named there too, since only
  // its reasons mean anything (PS3.8 9.3.8) and whoever debugs a sender needs them.
  const Abort abort{Abort::service_provider, reason};
  append_pdu(output_, abort);
  enter_closing();
  return Aborted{
      false, abort,
      fmt::format("{} of {} bytes, at byte {} of the connection: {}",
                  name_of(static_cast<PduType>(pdu_type_)), pdu_length_, received_bytes_, text)};
}

}  // namespace latent::dicom::network
