#include "tests/system/hostile_session.h"

#include <algorithm>
#include <stdexcept>

namespace latent::test {
namespace {

constexpr std::uint8_t kData = 4;
constexpr std::size_t kPduBytes = 16u << 10;

}  // namespace

RawPeer associated(std::uint16_t port, const std::string& calling) {
  const std::string deflated = "1.2.840.10008.1.2.1.99";
  RawPeer peer(port);
  peer.write(associate_request(
      {.calling = calling,
       .contexts = {context_item(kEchoContext, kVerificationClass),
                    context_item(kStoreContext, kCaptureClass, {"1.2.840.10008.1.2.1"}),
                    context_item(kFindContext, kStudyFind), context_item(kMoveContext, kStudyMove),
                    context_item(kGetContext, kStudyGet),
                    context_item(kDeflatedFindContext, kStudyFind, {deflated}),
                    context_item(kDeflatedMoveContext, kStudyMove, {deflated})}}));
  const Reply reply = peer.reply();
  if (reply.kind != Reply::Kind::accepted)
    throw std::runtime_error("no association: " + reply.text());
  return peer;
}

Bytes encoded(network::CommandSet command, network::DataSet data_set) {
  command.set_u16(network::command::kCommandDataSetType, data_set == network::DataSet::present
                                                             ? network::command::kSomeDataSet
                                                             : network::command::kNoDataSet);
  return command.encode();
}

network::CommandSet echo_request(std::uint16_t message_id) {
  return network::CEchoRq{message_id}.to_command();
}

network::CommandSet store_request(const DicomObject& object, std::uint16_t message_id) {
  return network::CStoreRq{
      .message_id = message_id, .sop_class = object.sop_class, .sop_instance = object.sop_instance}
      .to_command();
}

Bytes message(std::uint8_t context, const network::CommandSet& command,
              std::optional<ByteSpan> data_set) {
  const auto presence = data_set ? network::DataSet::present : network::DataSet::absent;
  Bytes bytes = pdu(kData, pdv(context, Pdv::last_command, encoded(command, presence)));
  if (!data_set) return bytes;
  ByteSpan rest = *data_set;
  do {
    const ByteSpan piece = rest.first(std::min(rest.size(), kPduBytes));
    rest = rest.subspan(piece.size());
    append(bytes, pdu(kData, pdv(context, rest.empty() ? Pdv::last_data : Pdv::data, piece)));
  } while (!rest.empty());
  return bytes;
}

Bytes randomly_cut(std::uint8_t context, ByteSpan command, ByteSpan data_set,
                   std::mt19937& random) {
  const auto up_to = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  // How large the pieces of this message mostly are: single bytes to all in one.
  const std::size_t usual = std::size_t{1} << up_to(12);
  std::vector<Bytes> fragments;
  const auto cut = [&](ByteSpan rest, Pdv more, Pdv last) {
    while (true) {
      const std::size_t bytes = up_to(20) == 0 ? 0 : std::min(rest.size(), 1 + up_to(usual));
      const ByteSpan piece = rest.first(bytes);
      rest = rest.subspan(bytes);
      // Now and then the end is said by an empty fragment of its own.
      const bool ends = rest.empty() && (bytes == 0 || up_to(3) != 0);
      fragments.push_back(pdv(context, ends ? last : more, piece));
      if (ends) return;
    }
  };
  cut(command, Pdv::command, Pdv::last_command);
  if (!data_set.empty()) cut(data_set, Pdv::data, Pdv::last_data);

  Bytes bytes;
  for (std::size_t at = 0; at < fragments.size();) {
    Bytes body;
    for (std::size_t many = 1 + up_to(4); many-- > 0 && at < fragments.size(); ++at)
      append(body, fragments[at]);
    append(bytes, pdu(kData, body));
  }
  return bytes;
}

}  // namespace latent::test
