// Arbitrary bytes to an association. The first byte chooses how much conversation lies before them
// and how the rest is cut: acceptor before the request, acceptor established, requestor waiting.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "dicom/network/association.h"
#include "dicom/network/messages.h"
#include "dicom/network/requestor.h"
#include "tests/fuzz/fuzz_check.h"

using namespace latent;
using namespace latent::dicom::network;
using latent::fuzz::fuzz_check;

namespace {

AssociateRequest usual_request() {
  RequestOptions options{AeTitle::parse("FUZZER").value(), AeTitle::parse("LATENT").value()};
  options.contexts = {{"1.2.840.10008.1.1", {"1.2.840.10008.1.2"}},
                      {"1.2.840.10008.5.1.4.1.1.2", {"1.2.840.10008.1.2.1"}},
                      {"1.2.840.10008.5.1.4.1.2.2.1", {"1.2.840.10008.1.2"}}};
  return make_associate_request(options).value();
}

/// What a server would do, as far as the association is concerned.
class Server {
 public:
  explicit Server(Association& association) : association_(association) {}

  void take(const Event& event) {
    fuzz_check(!ended_, "nothing follows the end of an association");
    if (std::holds_alternative<AssociateRequested>(event)) {
      answer_request();
    } else if (const auto* command = std::get_if<CommandReceived>(&event)) {
      answer_command(*command);
    } else if (const auto* data = std::get_if<DataReceived>(&event)) {
      fuzz_check(data->context_id == data_context_, "data come on the context of their command");
      fuzz_check(!data->bytes.empty() || data->last, "an event carries something");
      if (data->last) data_context_ = 0;
    } else if (std::holds_alternative<ReleaseRequested>(event)) {
      fuzz_check(association_.answer_release().has_value(), "a release can be answered");
    } else if (const auto* aborted = std::get_if<Aborted>(&event)) {
      fuzz_check(!aborted->text.empty(), "an abort has a reason");
      fuzz_check(aborted->by_peer ? association_.is_over() : association_.is_closing(),
                 "an abort ends the association");
      ended_ = true;
    }
  }

 private:
  void answer_request() {
    auto answer = negotiate(association_.request(), {});
    if (auto* accept = std::get_if<AssociateAccept>(&answer)) {
      fuzz_check(accept->contexts.size() == association_.request().contexts.size(),
                 "each context is answered");
      fuzz_check(association_.accept(std::move(*accept)).has_value(), "an accept can be encoded");
    } else {
      fuzz_check(association_.reject(std::get<AssociateReject>(answer)).has_value(),
                 "a request can be rejected");
    }
  }
  void answer_command(const CommandReceived& received) {
    fuzz_check(association_.find_context(received.context_id) != nullptr,
               "commands come on accepted contexts");
    fuzz_check(data_context_ == 0, "no command within a data set");
    if (received.command.has_data_set()) data_context_ = received.context_id;
    if (received.command.is_response()) return;
    const auto fault = check(received.command);
    const CommandSet answer =
        fault ? respond_to(received.command, *fault) : respond_to(received.command, Answer{});
    fuzz_check(association_.send_command(received.context_id, answer, DataSet::absent).has_value(),
               "a command can be answered at once");
  }

  Association& association_;
  std::uint8_t data_context_ = 0;
  bool ended_ = false;
};

Association start(unsigned kind) {
  if (kind == 2) {
    auto requestor = Association::requestor(usual_request()).value();
    requestor.take_output();
    return requestor;
  }
  Association acceptor = Association::acceptor();
  if (kind == 1) {
    Association requestor = Association::requestor(usual_request()).value();
    const Bytes request = requestor.take_output();
    ByteSpan input = request;
    const auto event = acceptor.next(input);
    fuzz_check(event && std::holds_alternative<AssociateRequested>(*event), "a request arrives");
    Server(acceptor).take(*event);
    acceptor.take_output();
  }
  return acceptor;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  Association association = start(choice % 3);
  Server server(association);
  const std::uint64_t received_before = association.received_bytes();
  // 0: in one piece, else in pieces of 1 to 84 bytes.
  const std::size_t piece_max = choice / 3 == 0 ? size : choice / 3;
  ByteSpan rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  while (!rest.empty()) {
    ByteSpan piece = rest.first(std::min(piece_max, rest.size()));
    rest = rest.subspan(piece.size());
    while (auto event = association.next(piece)) server.take(*event);
    fuzz_check(piece.empty(), "without an event everything is consumed");
  }
  fuzz_check(association.received_bytes() - received_before == size - 1, "every byte is counted");
  return 0;
}
