// Arbitrary bytes as a DIMSE command set: parsed within bounds, checked against the message table,
// answered; and what was parsed is encoded and parsed to the same again.
#include <cstddef>
#include <cstdint>

#include "dicom/network/messages.h"
#include "tests/fuzz/fuzz_check.h"

using namespace latent;
using namespace latent::dicom::network;
using latent::fuzz::fuzz_check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto set = CommandSet::parse({reinterpret_cast<const std::byte*>(data), size});
  if (!set) {
    fuzz_check(!set.error().text.empty(), "an error says what is wrong");
    return 0;
  }
  const auto again = CommandSet::parse(set->encode());
  fuzz_check(again.has_value() && *again == *set, "encode and parse are inverse");

  const auto fault = check(*set);
  const bool understood = CStoreRq::from(*set) || CFindRq::from(*set) || CGetRq::from(*set) ||
                          CMoveRq::from(*set) || CEchoRq::from(*set) || CCancelRq::from(*set) ||
                          NActionRq::from(*set) || NEventReportRq::from(*set) ||
                          Response::from(*set);
  fuzz_check(!(understood && fault), "only what passes the check is read");
  const CommandSet response = fault ? respond_to(*set, *fault) : respond_to(*set, Answer{});
  fuzz_check(response.is_response(), "an answer is a response");
  const auto comment = response.text(command::kErrorComment);
  fuzz_check(!comment || comment->size() <= 64, "an error comment is an LO");
  return 0;
}
