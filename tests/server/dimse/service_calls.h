// What the tests of the DIMSE services say to the listener, and how they hear its answers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "dicom/scanner/dataset_index.h"
#include "server/dimse/listener.h"
#include "tests/server/dimse/archive.h"
#include "tests/server/dimse/objects.h"
#include "tests/server/dimse/test_peer.h"

namespace latent::server::dimse {

using namespace std::chrono_literals;
namespace network = dicom::network;
namespace status = dicom::network::status;
namespace classes = dicom::model::sop_classes;
namespace syntaxes = dicom::model::transfer_syntaxes;
namespace tags = dicom::model::tags;
namespace vrs = dicom::model::vrs;
using dicom::writer::ElementWriter;
using test::Archive;
using test::ct;
using test::CtObject;
using test::encode;
using test::kCt;
using test::kMr;
using test::listener_config;
using test::TestPeer;
using test::TestReceiver;
using testing::ElementsAre;
using testing::HasSubstr;

// Contexts of every test association, in this order.
inline constexpr std::uint8_t kStore = 1, kFind = 3, kGet = 5, kMove = 7, kStoreImplicit = 9;

inline network::RequestOptions everything() {
  network::RequestOptions options{*AeTitle::parse("TESTER"), *AeTitle::parse("LATENT")};
  const std::string explicit_little(syntaxes::kExplicitLittle);
  options.contexts = {{std::string(kCt), {explicit_little}},
                      {std::string(classes::kStudyRootFind), {explicit_little}},
                      {std::string(classes::kStudyRootGet), {explicit_little}},
                      {std::string(classes::kStudyRootMove), {explicit_little}},
                      {std::string(kCt), {std::string(syntaxes::kImplicitLittle)}}};
  options.roles = {{std::string(kCt), true, true}};
  return options;
}

inline TestPeer associated(const Archive& archive,
                           const network::RequestOptions& options = everything()) {
  TestPeer peer(archive.port());
  const auto event = peer.associate(options);
  if (!event || !std::holds_alternative<network::Associated>(*event)) {
    throw std::runtime_error("no association");
  }
  return peer;
}

inline network::Status status_of(const std::optional<test::Message>& message) {
  if (!message) throw std::runtime_error("no answer");
  return message->command.u16(network::command::kStatus).value_or(0xFFFF);
}

inline network::CommandSet store_command(const CtObject& object, std::uint16_t message_id = 1) {
  network::CStoreRq store;
  store.message_id = message_id;
  store.sop_class = object.sop_class;
  store.sop_instance = object.instance;
  return store.to_command();
}

inline network::Status store(TestPeer& peer, const CtObject& object) {
  peer.send(kStore, store_command(object), encode(object));
  return status_of(peer.receive());
}

inline Bytes study_key(const CtObject& object) {
  Bytes out;
  ElementWriter writer(dicom::model::Encoding::explicit_little, out);
  writer.text(tags::kQueryRetrieveLevel, vrs::kCS, "STUDY");
  writer.text(tags::kStudyInstanceUid, vrs::kUI, object.study);
  return out;
}

inline network::CommandSet get_command(std::uint16_t message_id = 9) {
  network::CGetRq get;
  get.message_id = message_id;
  get.sop_class = classes::kStudyRootGet;
  return get.to_command();
}

inline network::CommandSet move_command(std::string_view destination,
                                        std::uint16_t message_id = 9) {
  network::CMoveRq move;
  move.message_id = message_id;
  move.sop_class = classes::kStudyRootMove;
  move.destination = destination;
  return move.to_command();
}

inline network::CommandSet find_command(std::uint16_t message_id = 9) {
  network::CFindRq find;
  find.message_id = message_id;
  find.sop_class = classes::kStudyRootFind;
  return find.to_command();
}

struct Retrieved {
  network::Status status = 0;
  network::SuboperationCounters counters{};
  std::map<std::string, Bytes> objects;
  std::vector<network::Status> pending;
  std::string failed_list;
  bool says_remaining = false;
};

/// Runs a C-GET, answering sub-operations with `answer`.
inline Retrieved get(TestPeer& peer, ByteSpan identifier, network::Status answer = status::kSuccess,
                     std::size_t cancel_after = SIZE_MAX) {
  Retrieved result;
  peer.send(kGet, get_command(), identifier);
  while (auto message = peer.receive()) {
    if (message->command.command_field() ==
        static_cast<std::uint16_t>(network::CommandField::c_store_rq)) {
      const auto store = network::CStoreRq::from(message->command);
      result.objects[store->sop_instance] = std::move(message->data_set);
      if (result.objects.size() == cancel_after) {
        network::CCancelRq cancel;
        cancel.message_id = 9;
        peer.send(kGet, cancel.to_command());
      }
      network::Answer reply;
      reply.status = answer;
      peer.send(message->context_id, network::respond_to(message->command, reply));
      continue;
    }
    const auto response = network::Response::from(message->command);
    result.status = response->answer.status;
    if (response->answer.counters) result.counters = *response->answer.counters;
    if (result.status == status::kPending) {
      result.pending.push_back(result.status);
      continue;
    }
    result.failed_list = as_text(message->data_set);
    result.says_remaining =
        message->command.contains(network::command::kNumberOfRemainingSuboperations);
    return result;
  }
  throw std::runtime_error("the association ended in the middle of a C-GET");
}

inline Retrieved move(TestPeer& peer, std::string_view destination, ByteSpan identifier) {
  Retrieved result;
  peer.send(kMove, move_command(destination), identifier);
  while (auto message = peer.receive(40s)) {
    const auto response = network::Response::from(message->command);
    result.status = response->answer.status;
    if (response->answer.counters) result.counters = *response->answer.counters;
    if (result.status == status::kPending) {
      result.pending.push_back(result.status);
      continue;
    }
    result.failed_list = as_text(message->data_set);
    result.says_remaining =
        message->command.contains(network::command::kNumberOfRemainingSuboperations);
    return result;
  }
  throw std::runtime_error("the association ended in the middle of a C-MOVE");
}

inline std::vector<test::Message> find(TestPeer& peer, ByteSpan identifier) {
  std::vector<test::Message> answers;
  peer.send(kFind, find_command(), identifier);
  while (auto message = peer.receive()) {
    answers.push_back(std::move(*message));
    const auto code = status_of(answers.back());
    if (code != status::kPending && code != status::kFindPendingKeysUnsupported) return answers;
  }
  throw std::runtime_error("the association ended in the middle of a C-FIND");
}

// ---------------------------------------------------------------------------------------------

}  // namespace latent::server::dimse
