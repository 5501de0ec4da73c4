// Helpers of the network tests: PDUs built byte by byte, independently of the code under test.
#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "dicom/network/association.h"
#include "dicom/network/messages.h"
#include "dicom/network/requestor.h"

namespace latent::dicom::network::test {

inline constexpr std::string_view kVerification = "1.2.840.10008.1.1";
inline constexpr std::string_view kCtStorage = "1.2.840.10008.5.1.4.1.1.2";
inline constexpr std::string_view kMrStorage = "1.2.840.10008.5.1.4.1.1.4";
inline constexpr std::string_view kStudyRootFind = "1.2.840.10008.5.1.4.1.2.2.1";
inline constexpr std::string_view kStudyRootMove = "1.2.840.10008.5.1.4.1.2.2.2";
inline constexpr std::string_view kImplicit = "1.2.840.10008.1.2";
inline constexpr std::string_view kExplicit = "1.2.840.10008.1.2.1";
inline constexpr std::string_view kExplicitBig = "1.2.840.10008.1.2.2";
inline constexpr std::string_view kHtj2k = "1.2.840.10008.1.2.4.202";

inline AeTitle ae(std::string_view text) { return AeTitle::parse(text).value(); }

inline Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

/// type, 0, 4-byte length, body.
inline Bytes raw_pdu(int type, ByteSpan body) {
  Bytes pdu = bytes_of({type, 0});
  append_be(pdu, static_cast<std::uint32_t>(body.size()));
  append(pdu, body);
  return pdu;
}
/// A PDV: 4-byte length, context, control header, fragment.
inline Bytes raw_pdv(int context, int control, ByteSpan fragment) {
  Bytes pdv;
  append_be(pdv, static_cast<std::uint32_t>(fragment.size() + 2));
  append(pdv, bytes_of({context, control}));
  append(pdv, fragment);
  return pdv;
}

inline void must(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().text);
}

inline AssociateRequest request_for(std::vector<ContextWish> contexts) {
  RequestOptions options{ae("SENDER"), ae("LATENT"), std::move(contexts)};
  return make_associate_request(options).value();
}
inline ContextWish wish(std::string_view abstract_syntax,
                        std::initializer_list<std::string_view> transfer_syntaxes) {
  return {std::string(abstract_syntax), {transfer_syntaxes.begin(), transfer_syntaxes.end()}};
}
/// Verification on 1, CT on 3, Study Root FIND on 5.
inline AssociateRequest usual_request() {
  return request_for({wish(kVerification, {kImplicit}), wish(kCtStorage, {kExplicit, kImplicit}),
                      wish(kStudyRootFind, {kImplicit, kExplicit})});
}

/// Everything that one feeding yields; data copied, since it is only borrowed.
struct Heard {
  std::vector<Event> events;
  Bytes data;
  int last_marks = 0;
};
/// Gives `bytes` to `association` in pieces of at most `piece_max`.
inline Heard feed(Association& association, ByteSpan bytes, std::size_t piece_max = SIZE_MAX) {
  Heard heard;
  while (!bytes.empty()) {
    ByteSpan piece = bytes.first(std::min(piece_max, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (auto event = association.next(piece)) {
      if (const auto* data = std::get_if<DataReceived>(&*event)) {
        append(heard.data, data->bytes);
        heard.last_marks += data->last ? 1 : 0;
      } else {
        heard.events.push_back(std::move(*event));
      }
    }
  }
  return heard;
}
template <class Kind>
const Kind* only_event(const Heard& heard) {
  return heard.events.size() == 1 ? std::get_if<Kind>(&heard.events[0]) : nullptr;
}

/// An acceptor that has accepted `request` by the standard policy; output drained.
inline Association accepted(const AssociateRequest& request = usual_request(),
                            const Policy& policy = {}, const Limits& limits = {}) {
  Association association = Association::acceptor(limits);
  Bytes bytes;
  must(append_pdu(bytes, request));
  feed(association, bytes);
  must(association.accept(std::get<AssociateAccept>(negotiate(association.request(), policy))));
  association.take_output();
  return association;
}

inline Bytes encoded_echo(std::uint16_t message_id = 1) {
  CommandSet command = CEchoRq{message_id}.to_command();
  command.set_u16(command::kCommandDataSetType, command::kNoDataSet);
  return command.encode();
}
/// The bytes of an A-ABORT with that source and reason.
inline Bytes abort_bytes(int source, int reason) {
  return bytes_of({7, 0, 0, 0, 0, 4, 0, 0, source, reason});
}

}  // namespace latent::dicom::network::test
