// An association whose bytes are in our hand: the usual contexts, and messages cut as we like.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dicom/network/association.h"
#include "dicom/network/messages.h"
#include "tests/support/dicom_objects.h"
#include "tests/support/raw_peer.h"

namespace latent::test {

namespace network = dicom::network;

/// Presentation contexts of associated().
inline constexpr std::uint8_t kEchoContext = 1, kStoreContext = 3, kFindContext = 5,
                              kMoveContext = 7, kGetContext = 9, kDeflatedFindContext = 11,
                              kDeflatedMoveContext = 13;
inline constexpr std::string_view kVerificationClass = "1.2.840.10008.1.1",
                                  kCaptureClass = "1.2.840.10008.5.1.4.1.1.7",
                                  kStudyFind = "1.2.840.10008.5.1.4.1.2.2.1",
                                  kStudyMove = "1.2.840.10008.5.1.4.1.2.2.2",
                                  kStudyGet = "1.2.840.10008.5.1.4.1.2.2.3";

/// Throws std::runtime_error when the association is not accepted. The store context speaks
/// explicit little endian, the others implicit (but for the deflated ones).
RawPeer associated(std::uint16_t port, const std::string& calling = "HOSTILE");

/// A command as it stands in its PDVs; (0000,0800) says whether a data set follows.
Bytes encoded(network::CommandSet command, network::DataSet data_set);
network::CommandSet echo_request(std::uint16_t message_id = 1);
network::CommandSet store_request(const DicomObject& object, std::uint16_t message_id = 1);

/// One message as a sender would cut it: the command in a P-DATA-TF, the data set in others of at
/// most 16 KiB.
Bytes message(std::uint8_t context, const network::CommandSet& command,
              std::optional<ByteSpan> data_set = {});

/// Fragments of a message at random places, several (also empty ones) in a P-DATA-TF.
Bytes randomly_cut(std::uint8_t context, ByteSpan command, ByteSpan data_set, std::mt19937& random);

}  // namespace latent::test
