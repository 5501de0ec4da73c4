// One association, either side, without sockets, threads or clocks: bytes in, events and bytes out.
//
//   read some bytes → while (auto event = association.next(input)) … → write take_output()
//
// Invariants
//  - No P-DATA-TF is ever held: data fragments are handed on as views of the bytes just read. Kept
//    are 6 bytes of a header, one command set (≤ 64 KiB), or one A-ASSOCIATE (≤ 64 KiB), each
//    growing with what has arrived, never by a claimed length.
//  - Every bound is checked on the 6-byte header, before the body is looked at.
//  - Back-pressure is the caller's: next() stops after each event and leaves the rest in `input`,
//  so
//    whoever cannot take more simply does not call next() (nor read from the socket).
//  - After a protocol error an A-ABORT is in the output, and everything that still comes in is
//    dropped.
// It does not answer messages, does not check commands against the table (messages.h) and does not
// decide on associations (negotiate.h). The server keeps time: see artim_running().
// Not thread safe: one strand per association.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dicom/network/command_set.h"
#include "dicom/network/negotiate.h"
#include "dicom/network/pdu.h"
#include "security/base/limits.h"

namespace latent::dicom::network {

/// PS3.8 9.2.1. Sta1 is the state after the end; Sta4 (connecting) is the caller's affair.
enum class State : std::uint8_t {
  sta1_idle,
  sta2_awaiting_request,
  sta3_awaiting_local_answer,
  sta5_awaiting_answer,
  sta6_data_transfer,
  sta7_awaiting_release_reply,
  sta8_awaiting_local_release_reply,
  sta9_collision_requestor_local,
  sta10_collision_acceptor_peer,
  sta11_collision_requestor_peer,
  sta12_collision_acceptor_local,
  sta13_awaiting_close,
};

// Events of next().

/// Acceptor: answer with accept() or reject(); the request is at Association::request().
struct AssociateRequested {};
/// Requestor: contexts() and accepted() are filled.
struct Associated {};
/// Requestor: refused by the peer; the transport can be closed.
struct Rejected {
  AssociateReject reject{};
};
/// A whole command. While an operation is being answered further ones may come (C-CANCEL-RQ); the
/// server decides what to do with them.
struct CommandReceived {
  std::uint8_t context_id = 0;
  CommandSet command{};
};
/// A piece of the data set of the last command; `last` with its final piece, which may be empty.
struct DataReceived {
  std::uint8_t context_id = 0;
  ByteSpan bytes{};  ///< borrowed from the input of next()
  bool last = false;
};
/// Answer with answer_release(). A message may have been left unfinished.
struct ReleaseRequested {};
/// The release that we asked for is confirmed.
struct Released {};
/// The association is over. `by_peer`: it sent an A-ABORT or closed the transport; otherwise we
/// sent one, and `text` says what the peer did wrong (no patient's value in it).
struct Aborted {
  bool by_peer = false;
  Abort abort{};
  std::string text{};
};

using Event = std::variant<AssociateRequested, Associated, Rejected, CommandReceived, DataReceived,
                           ReleaseRequested, Released, Aborted>;

enum class DataSet { absent, present };
enum class Fragment { more_follow, last };

/// The head of one P-DATA-TF with one data PDV: write `header`, then `data_bytes` bytes of data.
struct DataFrame {
  std::array<std::byte, kPduHeaderBytes + kPdvHeaderBytes> header{};
  std::size_t data_bytes = 0;
};

class Association {
 public:
  /// P-DATA-TF are taken up to what the accept (or our request) announces, and never above 1 MiB;
  /// `limits.pdu_bytes_offered` bounds those that we send.
  static Association acceptor(const Limits& limits = {});
  /// The A-ASSOCIATE-RQ is in the output at once. Errors: invalid_input if it cannot be encoded.
  static Result<Association> requestor(AssociateRequest request, const Limits& limits = {});

  /// Consumes `input` from the front up to the next event. Nothing: all of it is consumed.
  std::optional<Event> next(ByteSpan& input);

  // Acceptor, in answer to AssociateRequested. `answer` usually comes from negotiate().
  Result<void> accept(AssociateAccept answer);
  Result<void> reject(AssociateReject answer);

  /// Queues one command in a P-DATA-TF of its own, with (0000,0800) set after `data_set`.
  /// Errors: refused in a wrong state, on a context that was not accepted, or while the data set of
  /// the last message is not complete.
  Result<void> send_command(std::uint8_t context_id, CommandSet command, DataSet data_set);
  /// Queues a piece of the data set, split to the peer's maximum; one copy. `fragment` is last with
  /// the last bytes, so that no empty fragment need follow. Pieces may have any
  /// length: fragments are even (PS3.8 Annex E) except the last one of a data set of odd length,
  /// which is passed on as it is stored. Output grows by the piece: drain it between pieces.
  Result<void> send_data(std::uint8_t context_id, ByteSpan bytes, Fragment fragment);
  /// The same without a copy: says how many of `available_bytes` go into the next P-DATA-TF. The
  /// caller writes take_output(), then `header`, then those bytes, in one gathered write, and calls
  /// again until all are gone. `available_bytes` is even unless `fragment` is last (else
  /// invalid_input); do not mix with send_data() within one data set.
  Result<DataFrame> frame_data(std::uint8_t context_id, std::size_t available_bytes,
                               Fragment fragment);

  Result<void> request_release();
  Result<void> answer_release();
  /// Gives up at once (service user). Harmless when the association is over already.
  void abort();
  /// The same as provider, for time-outs and shutdown.
  void abort(Abort reason);

  /// The peer closed the connection, or it broke: an Aborted event unless that was to be expected.
  std::optional<Event> transport_closed();
  /// Time from connect to request, and from our last word to the peer's closing (PS3.8 9.1.5). The
  /// server runs the timer while this is true and calls artim_expired(), then closes.
  bool artim_running() const { return artim_running_; }
  void artim_expired();
  /// The transport is to be closed once the output is written: at once (true), or when the peer
  /// does or ARTIM ends (state sta13).
  bool is_over() const { return state_ == State::sta1_idle; }
  bool is_closing() const { return state_ == State::sta13_awaiting_close; }
  State state() const { return state_; }

  bool has_output() const { return !output_.empty(); }
  /// What is to be written, in order; the caller owns it.
  Bytes take_output() { return std::exchange(output_, {}); }

  const AssociateRequest& request() const { return request_; }
  /// The answer, sent or received; empty before.
  const AssociateAccept& accepted() const { return accepted_; }
  const std::vector<NegotiatedContext>& contexts() const { return contexts_; }
  /// Null when not accepted.
  const NegotiatedContext* find_context(std::uint8_t id) const;
  /// The first accepted context of the class with that syntax; null when there is none.
  const NegotiatedContext* find_context(std::string_view abstract_syntax,
                                        std::string_view transfer_syntax) const;
  /// Longest P-DATA-TF body that we send: the peer's maximum, at most what we offer ourselves.
  std::uint32_t send_pdu_bytes_max() const { return send_pdu_bytes_max_; }
  std::uint64_t received_bytes() const { return received_bytes_; }

 private:
  enum class Role { acceptor, requestor };
  enum class Stage { pdu_header, small_body, pdv_header, command_fragment, data_fragment };

  Association(Role role, const Limits& limits);

  // Reading; each step consumes at least one byte of a non-empty input.
  std::optional<Event> step(ByteSpan& input);
  ByteSpan take(ByteSpan& input, std::size_t bytes_max);
  bool collect_header(ByteSpan& input);
  void drop(ByteSpan& input);
  std::optional<Event> begin_pdu();
  std::optional<Event> read_small_body(ByteSpan& input);
  Event finish_small_pdu(ByteSpan body);
  Event finish_associate_request(ByteSpan body);
  Event finish_associate_accept(ByteSpan body);
  Event finish_rejection(ByteSpan body);
  Event finish_abort(ByteSpan body);
  Event finish_release(bool is_request);
  std::optional<Event> begin_pdv();
  std::optional<Event> check_pdv_order(bool is_command);
  std::optional<Event> read_fragment(ByteSpan& input);
  std::optional<Event> finish_command();
  Event protocol_error(std::uint8_t reason, std::string text);

  // Writing.
  Result<void> check_sendable(std::uint8_t context_id) const;
  DataFrame frame(std::uint8_t context_id, std::size_t bytes, std::uint8_t control) const;
  void append_frames(std::uint8_t context_id, ByteSpan bytes, std::uint8_t kind, Fragment fragment);
  std::size_t fragment_bytes_max() const;

  void establish();
  void enter_closing();
  void finish();

  Role role_;
  Limits limits_;
  State state_;
  bool artim_running_ = false;

  Stage stage_ = Stage::pdu_header;
  std::array<std::byte, 6> header_{};  ///< of a PDU or PDV, as far as it has come
  std::size_t header_bytes_ = 0;
  std::uint8_t pdu_type_ = 0;
  std::uint32_t pdu_length_ = 0;
  std::uint32_t pdu_left_ = 0;
  bool closing_between_pdus_ = false;  ///< in Sta13: where the next PDU begins is known
  Bytes body_;                         ///< of a small PDU that did not come in one piece

  std::uint8_t fragment_context_ = 0;
  std::uint32_t fragment_left_ = 0;
  bool fragment_is_last_ = false;
  Bytes command_;                     ///< its fragments so far
  std::uint8_t message_context_ = 0;  ///< of the message under way, 0 = none (IDs are odd)
  bool data_expected_ = false;        ///< the last command announced a data set
  std::uint32_t receive_pdu_bytes_max_ = kPduBytesMax;
  std::uint64_t received_bytes_ = 0;

  Bytes output_;
  std::uint32_t send_pdu_bytes_max_ = 0;
  std::uint8_t sending_context_ = 0;  ///< whose data set we are sending, 0 = none
  std::optional<std::byte> carry_;    ///< odd byte of the last piece given to send_data()

  AssociateRequest request_;
  AssociateAccept accepted_;
  std::vector<NegotiatedContext> contexts_;
};

}  // namespace latent::dicom::network
