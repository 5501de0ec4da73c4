// State changes, local requests, and what we send. Reading is in association_read.cpp.
#include "dicom/network/association.h"

#include <algorithm>

#include "dicom/network/detail/pdv.h"
#include "dicom/network/detail/state_table.h"

namespace latent::dicom::network {

using detail::Action;
using detail::action_for;
using detail::Evt;

namespace {
tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::refused, "association: " + std::move(text), "network");
}
/// A maximum of 0 means that there is none (PS3.8 D.1.1).
std::uint32_t or_unlimited(std::uint32_t pdu_bytes_max) {
  return pdu_bytes_max == 0 ? kPduBytesMax : std::min(pdu_bytes_max, kPduBytesMax);
}
}  // namespace

Association::Association(Role role, const Limits& limits)
    : role_(role),
      limits_(limits),
      state_(role == Role::acceptor ? State::sta2_awaiting_request : State::sta5_awaiting_answer),
      artim_running_(role == Role::acceptor) {}

Association Association::acceptor(const Limits& limits) {
  return Association(Role::acceptor, limits);
}

Result<Association> Association::requestor(AssociateRequest request, const Limits& limits) {
  Association association(Role::requestor, limits);
  LATENT_TRY_VOID(append_pdu(association.output_, request));
  association.receive_pdu_bytes_max_ = or_unlimited(request.user.pdu_bytes_max);
  association.request_ = std::move(request);
  return association;
}

Result<void> Association::accept(AssociateAccept answer) {
  if (action_for(Evt::evt7_accept, state_) != Action::ae7)
    return refuse("there is no request to be accepted");
  LATENT_TRY_VOID(append_pdu(output_, answer));
  receive_pdu_bytes_max_ = or_unlimited(answer.user.pdu_bytes_max);
  accepted_ = std::move(answer);
  establish();
  return {};
}

Result<void> Association::reject(AssociateReject answer) {
  if (action_for(Evt::evt8_reject, state_) != Action::ae8)
    return refuse("there is no request to be rejected");
  append_pdu(output_, answer);
  enter_closing();
  return {};
}

void Association::establish() {
  contexts_ = negotiated_contexts(request_, accepted_);
  const UserInformation& peer = role_ == Role::acceptor ? request_.user : accepted_.user;
  send_pdu_bytes_max_ =
      std::min(or_unlimited(peer.pdu_bytes_max), or_unlimited(limits_.pdu_bytes_offered));
  state_ = State::sta6_data_transfer;
}

void Association::enter_closing() {
  state_ = State::sta13_awaiting_close;
  closing_between_pdus_ = stage_ == Stage::pdu_header && pdu_left_ == 0;
  artim_running_ = true;
}

void Association::finish() {
  state_ = State::sta1_idle;
  artim_running_ = false;
}

Result<void> Association::request_release() {
  if (action_for(Evt::evt11_request_release, state_) != Action::ar1)
    return refuse("it can be released only while data transfer is possible");
  if (sending_context_ != 0) return refuse("a data set is being sent; finish it before releasing");
  append_release_request(output_);
  state_ = State::sta7_awaiting_release_reply;
  return {};
}

Result<void> Association::answer_release() {
  const Action action = action_for(Evt::evt14_answer_release, state_);
  if (action == Action::none) return refuse("the peer asked for no release");
  append_release_reply(output_);
  if (action == Action::ar9) {
    state_ = State::sta11_collision_requestor_peer;
  } else {
    enter_closing();
  }
  return {};
}

void Association::abort() { abort(Abort{Abort::service_user, Abort::not_specified}); }

void Association::abort(Abort reason) {
  if (action_for(Evt::evt15_abort, state_) != Action::aa1) return;
  append_pdu(output_, reason);
  enter_closing();
}

std::optional<Event> Association::transport_closed() {
  const Action action = action_for(Evt::evt17_transport_closed, state_);
  if (action == Action::none) return std::nullopt;
  finish();
  if (action != Action::aa4) return std::nullopt;
  return Aborted{true, Abort{Abort::service_provider, Abort::not_specified},
                 message_context_ != 0 ? "connection closed within a message"
                                       : "connection closed without release"};
}

void Association::artim_expired() {
  if (action_for(Evt::evt18_artim_expired, state_) == Action::aa2) finish();
}

const NegotiatedContext* Association::find_context(std::uint8_t id) const {
  const auto at = std::ranges::lower_bound(contexts_, id, {}, &NegotiatedContext::id);
  return at != contexts_.end() && at->id == id ? &*at : nullptr;
}

const NegotiatedContext* Association::find_context(std::string_view abstract_syntax,
                                                   std::string_view transfer_syntax) const {
  const auto at = std::ranges::find_if(contexts_, [&](const NegotiatedContext& context) {
    return context.abstract_syntax == abstract_syntax && context.transfer_syntax == transfer_syntax;
  });
  return at == contexts_.end() ? nullptr : &*at;
}

Result<void> Association::check_sendable(std::uint8_t context_id) const {
  const Action action = action_for(Evt::evt9_send_data, state_);
  if (action != Action::dt1 && action != Action::ar7)
    return refuse("nothing can be sent before it is established or after it is released");
  if (find_context(context_id) == nullptr)
    return refuse("presentation context " + std::to_string(context_id) + " was not accepted");
  return {};
}

Result<void> Association::send_command(std::uint8_t context_id, CommandSet command,
                                       DataSet data_set) {
  LATENT_TRY_VOID(check_sendable(context_id));
  if (sending_context_ != 0)
    return refuse("the data set of the last message is not complete; send its rest first");
  command.set_u16(command::kCommandDataSetType,
                  data_set == DataSet::present ? command::kSomeDataSet : command::kNoDataSet);
  append_frames(context_id, command.encode(), detail::kCommandFragment, Fragment::last);
  if (data_set == DataSet::present) sending_context_ = context_id;
  return {};
}

Result<void> Association::send_data(std::uint8_t context_id, ByteSpan bytes, Fragment fragment) {
  LATENT_TRY_VOID(check_sendable(context_id));
  if (sending_context_ != context_id) return refuse("no command announced a data set there");
  Bytes joined;
  if (carry_) {
    joined.reserve(bytes.size() + 1);
    joined.push_back(*carry_);
    append(joined, bytes);
    bytes = joined;
    carry_.reset();
  }
  if (fragment == Fragment::more_follow && bytes.size() % 2 == 1) {
    carry_ = bytes.back();
    bytes = bytes.first(bytes.size() - 1);
  }
  append_frames(context_id, bytes, detail::kDataFragment, fragment);
  if (fragment == Fragment::last) sending_context_ = 0;
  return {};
}

Result<DataFrame> Association::frame_data(std::uint8_t context_id, std::size_t available_bytes,
                                          Fragment fragment) {
  LATENT_TRY_VOID(check_sendable(context_id));
  if (sending_context_ != context_id) return refuse("no command announced a data set there");
  const bool all_follow_even = available_bytes != 0 && available_bytes % 2 == 0;
  if (fragment == Fragment::more_follow && !all_follow_even) {
    return fail(ErrorCode::invalid_input,
                "association: pieces of a data set have even length, except the last", "network");
  }
  const std::size_t bytes = std::min(available_bytes, fragment_bytes_max());
  const bool is_last = fragment == Fragment::last && bytes == available_bytes;
  if (is_last) sending_context_ = 0;
  return frame(context_id, bytes,
               is_last ? detail::kDataFragment | detail::kLastFragment : detail::kDataFragment);
}

std::size_t Association::fragment_bytes_max() const {
  // Even, so that every full fragment is (PS3.8 Annex E.2).
  return (send_pdu_bytes_max_ - kPdvHeaderBytes) & ~std::size_t{1};
}

DataFrame Association::frame(std::uint8_t context_id, std::size_t bytes,
                             std::uint8_t control) const {
  DataFrame frame;
  frame.data_bytes = bytes;
  const auto length = static_cast<std::uint32_t>(bytes);
  const auto put_be = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i)
      frame.header[at + i] = static_cast<std::byte>(value >> (24 - 8 * i) & 0xFF);
  };
  frame.header[0] = static_cast<std::byte>(PduType::data);
  put_be(2, length + static_cast<std::uint32_t>(kPdvHeaderBytes));
  put_be(6, length + 2);  // Context ID and control header count in (PS3.8 9.3.5.1).
  frame.header[10] = std::byte{context_id};
  frame.header[11] = std::byte{control};
  return frame;
}

void Association::append_frames(std::uint8_t context_id, ByteSpan bytes, std::uint8_t kind,
                                Fragment fragment) {
  const std::size_t most = fragment_bytes_max();
  const std::size_t frames = bytes.size() / most + 1;
  output_.reserve(output_.size() + bytes.size() + frames * (kPduHeaderBytes + kPdvHeaderBytes));
  bool is_last = fragment == Fragment::last && bytes.empty();
  while (!bytes.empty() || is_last) {
    const ByteSpan piece = bytes.first(std::min(bytes.size(), most));
    bytes = bytes.subspan(piece.size());
    is_last = fragment == Fragment::last && bytes.empty();
    const std::uint8_t control = is_last ? kind | detail::kLastFragment : kind;
    append(output_, frame(context_id, piece.size(), control).header);
    append(output_, piece);
    is_last = false;
  }
}

}  // namespace latent::dicom::network
