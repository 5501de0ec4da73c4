// PS3.8 Table 9-10 as data, with the standard's names, for review line by line.
//
// Left out: Sta1 and Sta4 with Evt1, Evt2, Evt5 (connecting is the caller's), and PDUs in Sta13:
// there everything that comes in is dropped unread (AA-6), but for an A-ABORT, which ends the wait.
// The second A-ABORT of AA-7 is not sent: the first, the rejection or the release reply is on its
// way already, and after a broken PDU nothing tells where the next one would begin.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dicom/network/association.h"

namespace latent::dicom::network::detail {

enum class Evt : std::uint8_t {
  evt3_associate_accept,   ///< A-ASSOCIATE-AC PDU received
  evt4_associate_reject,   ///< A-ASSOCIATE-RJ PDU received
  evt6_associate_request,  ///< A-ASSOCIATE-RQ PDU received
  evt7_accept,             ///< local A-ASSOCIATE response, accept
  evt8_reject,             ///< local A-ASSOCIATE response, reject
  evt9_send_data,          ///< local P-DATA request
  evt10_data,              ///< P-DATA-TF PDU received
  evt11_request_release,   ///< local A-RELEASE request
  evt12_release_request,   ///< A-RELEASE-RQ PDU received
  evt13_release_reply,     ///< A-RELEASE-RP PDU received
  evt14_answer_release,    ///< local A-RELEASE response
  evt15_abort,             ///< local A-ABORT request
  evt16_abort,             ///< A-ABORT PDU received
  evt17_transport_closed,  ///< transport connection closed
  evt18_artim_expired,     ///< ARTIM timer ended
  evt19_invalid_pdu,       ///< unrecognised or invalid PDU received
};

/// PS3.8 Tables 9-6 to 9-9.
enum class Action : std::uint8_t {
  none,  ///< cannot be: a local request is refused
  ae3,   ///< confirm the acceptance; Sta6
  ae4,   ///< confirm the rejection, close; Sta1
  ae6,   ///< stop ARTIM, indicate the association; Sta3
  ae7,   ///< send A-ASSOCIATE-AC; Sta6
  ae8,   ///< send A-ASSOCIATE-RJ, start ARTIM; Sta13
  dt1,   ///< send P-DATA-TF; Sta6
  dt2,   ///< indicate data; Sta6
  ar1,   ///< send A-RELEASE-RQ; Sta7
  ar2,   ///< indicate the release; Sta8
  ar3,   ///< confirm the release, close; Sta1
  ar4,   ///< send A-RELEASE-RP, start ARTIM; Sta13
  ar5,   ///< stop ARTIM; Sta1
  ar6,   ///< indicate data; Sta7
  ar7,   ///< send P-DATA-TF; Sta8
  ar8,   ///< indicate the release (collision); requestor Sta9, acceptor Sta10
  ar9,   ///< send A-RELEASE-RP; Sta11
  ar10,  ///< confirm the release; Sta12
  aa1,   ///< send A-ABORT (service user), start ARTIM; Sta13
  aa2,   ///< stop ARTIM, close; Sta1
  aa3,   ///< indicate the abort, close; Sta1
  aa4,   ///< indicate a provider abort; Sta1
  aa5,   ///< stop ARTIM; Sta1
  aa8,   ///< send A-ABORT (service provider), indicate it, start ARTIM; Sta13
};

constexpr Action action_for(Evt event, State state) {
  using enum Action;
  constexpr std::size_t kStates = static_cast<std::size_t>(State::sta13_awaiting_close) + 1;
  // clang-format off
  constexpr std::array<std::array<Action, kStates>, 16> kTable{{
      //          Sta1  Sta2  Sta3  Sta5  Sta6  Sta7  Sta8  Sta9  Sta10 Sta11 Sta12 Sta13
      /* Evt3  */ {none, aa1,  aa8,  ae3,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  none},
      /* Evt4  */ {none, aa1,  aa8,  ae4,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  none},
      /* Evt6  */ {none, ae6,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  none},
      /* Evt7  */ {none, none, ae7,  none, none, none, none, none, none, none, none, none},
      /* Evt8  */ {none, none, ae8,  none, none, none, none, none, none, none, none, none},
      /* Evt9  */ {none, none, none, none, dt1,  none, ar7,  none, none, none, none, none},
      /* Evt10 */ {none, aa1,  aa8,  aa8,  dt2,  ar6,  aa8,  aa8,  aa8,  aa8,  aa8,  none},
      /* Evt11 */ {none, none, none, none, ar1,  none, none, none, none, none, none, none},
      /* Evt12 */ {none, aa1,  aa8,  aa8,  ar2,  ar8,  aa8,  aa8,  aa8,  aa8,  aa8,  none},
      /* Evt13 */ {none, aa1,  aa8,  aa8,  aa8,  ar3,  aa8,  aa8,  ar10, ar3,  aa8,  none},
      /* Evt14 */ {none, none, none, none, none, none, ar4,  ar9,  none, none, ar4,  none},
      // In Sta2 the standard knows no user that could abort; shutdown wants it all the same.
      /* Evt15 */ {none, aa1,  aa1,  aa1,  aa1,  aa1,  aa1,  aa1,  aa1,  aa1,  aa1,  none},
      /* Evt16 */ {none, aa2,  aa3,  aa3,  aa3,  aa3,  aa3,  aa3,  aa3,  aa3,  aa3,  aa2},
      /* Evt17 */ {none, aa5,  aa4,  aa4,  aa4,  aa4,  aa4,  aa4,  aa4,  aa4,  aa4,  ar5},
      /* Evt18 */ {none, aa2,  none, none, none, none, none, none, none, none, none, aa2},
      /* Evt19 */ {none, aa1,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  aa8,  none},
  }};
  // clang-format on
  return kTable[static_cast<std::size_t>(event)][static_cast<std::size_t>(state)];
}
static_assert(action_for(Evt::evt6_associate_request, State::sta2_awaiting_request) == Action::ae6);
static_assert(action_for(Evt::evt19_invalid_pdu, State::sta6_data_transfer) == Action::aa8);
static_assert(action_for(Evt::evt18_artim_expired, State::sta13_awaiting_close) == Action::aa2);

}  // namespace latent::dicom::network::detail
