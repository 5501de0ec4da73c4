#include "tests/support/dicom_peer.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/server/dimse/test_peer.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;
namespace classes = dicom::model::sop_classes;
namespace syntaxes = dicom::model::transfer_syntaxes;
using network::ContextWish;

/// PS3.8 allows 128 contexts; a Query/Retrieve class takes one.
constexpr std::size_t kStorageContextsMax = 127;
constexpr auto kPatience = std::chrono::seconds(60);

AeTitle ae_title(const std::string& text) {
  const auto title = AeTitle::parse(text);
  if (!title) throw std::runtime_error("no AE title: " + text);
  return *title;
}

/// An association that is open, or an exception that says why not.
class OpenAssociation {
 public:
  OpenAssociation(std::uint16_t port, const network::RequestOptions& options) : peer_(port) {
    const auto event = peer_.associate(options);
    if (event && std::holds_alternative<network::Associated>(*event)) return;
    throw std::runtime_error("no association: " + reason(event));
  }
  /// 0 when it was not accepted.
  std::uint8_t context(const std::string& abstract_syntax, const std::string& transfer_syntax) {
    for (const auto& context : peer_.association().contexts())
      if (context.abstract_syntax == abstract_syntax && context.transfer_syntax == transfer_syntax)
        return context.id;
    return 0;
  }
  std::uint8_t first_context() {
    const auto& contexts = peer_.association().contexts();
    if (contexts.empty()) throw std::runtime_error("no presentation context was accepted");
    return contexts.front().id;
  }
  Message receive() {
    auto message = peer_.receive(kPatience);
    if (!message)
      throw std::runtime_error("no answer: " + (peer_.last_event() ? reason(peer_.last_event())
                                                                   : std::string("time is up")));
    return std::move(*message);
  }
  TestPeer& peer() { return peer_; }
  ~OpenAssociation() {
    if (peer_.association().state() != network::State::sta6_data_transfer) return;
    try {
      peer_.release();
    } catch (const std::runtime_error&) {
      // The other side is gone already.
    }
  }

 private:
  static std::string reason(const std::optional<network::Event>& event) {
    if (!event) return "nothing came";
    if (const auto* rejected = std::get_if<network::Rejected>(&*event))
      return network::describe(rejected->reject);
    if (const auto* aborted = std::get_if<network::Aborted>(&*event))
      return network::describe(aborted->abort) + " " + aborted->text;
    return "an unexpected event";
  }

  TestPeer peer_;
};

network::RequestOptions request_of(const std::string& calling, const std::string& called,
                                   std::vector<ContextWish> contexts) {
  return {.calling = ae_title(calling),
          .called = ae_title(called),
          .contexts = std::move(contexts),
          .roles = {},
          .extended = {}};
}

using Pair = std::pair<std::string, std::string>;  ///< class, transfer syntax
Pair pair_of(const DicomObject& object) { return {object.sop_class, object.transfer_syntax}; }

std::vector<ContextWish> wishes_of(const std::set<Pair>& pairs) {
  std::vector<ContextWish> wishes;
  for (const auto& [sop_class, syntax] : pairs) wishes.push_back({sop_class, {syntax}});
  return wishes;
}

std::string root_class(Root root, std::string_view of_patient, std::string_view of_study) {
  return std::string(root == Root::patient ? of_patient : of_study);
}

RetrieveAnswer final_answer(const Message& message) {
  RetrieveAnswer answer;
  const network::CommandSet& command = message.command;
  answer.status = command.u16(network::command::kStatus).value_or(0xFFFF);
  answer.comment = command.text(network::command::kErrorComment).value_or("");
  answer.completed = command.u16(network::command::kNumberOfCompletedSuboperations).value_or(0);
  answer.failed = command.u16(network::command::kNumberOfFailedSuboperations).value_or(0);
  answer.warnings = command.u16(network::command::kNumberOfWarningSuboperations).value_or(0);
  const Attributes identifier = decode_identifier(message.data_set);
  std::istringstream failed(value_of(identifier, tags::kFailedSopInstanceUidList));
  for (std::string uid; std::getline(failed, uid, '\\');) answer.failed_instances.push_back(uid);
  return answer;
}

bool is_pending(const Message& message) {
  const auto status = message.command.u16(network::command::kStatus).value_or(0xFFFF);
  return network::category_of(status) == network::StatusCategory::pending;
}

}  // namespace

network::Status DicomPeer::echo() const {
  OpenAssociation association(port_, request_of(calling_, called_,
                                                {{std::string(classes::kVerification),
                                                  {std::string(syntaxes::kImplicitLittle)}}}));
  association.peer().send(association.first_context(),
                          network::CEchoRq{.message_id = 1}.to_command());
  return association.receive().command.u16(network::command::kStatus).value_or(0xFFFF);
}

std::vector<StoreAnswer> DicomPeer::store(std::span<const DicomObject> objects,
                                          const OnAnswer& on_answer) const {
  std::vector<StoreAnswer> answers;
  std::uint16_t message_id = 0;
  while (answers.size() < objects.size()) {
    // As many as their contexts fit into one association.
    std::set<Pair> pairs;
    std::size_t end = answers.size();
    while (end < objects.size() &&
           (pairs.size() < kStorageContextsMax || pairs.contains(pair_of(objects[end]))))
      pairs.insert(pair_of(objects[end++]));
    OpenAssociation association(port_, request_of(calling_, called_, wishes_of(pairs)));
    for (const DicomObject& object : objects.subspan(answers.size(), end - answers.size())) {
      const auto context = association.context(object.sop_class, object.transfer_syntax);
      if (context == 0) {
        answers.push_back({.comment = {}, .is_context_refused = true});
        continue;
      }
      const network::CStoreRq request{.message_id = ++message_id,
                                      .sop_class = object.sop_class,
                                      .sop_instance = object.sop_instance};
      association.peer().send(context, request.to_command(), object.data_set);
      const Message answer = association.receive();
      answers.push_back({.status = answer.command.u16(network::command::kStatus).value_or(0xFFFF),
                         .comment = std::string(
                             answer.command.text(network::command::kErrorComment).value_or(""))});
      if (on_answer) on_answer(object, answers.back());
    }
  }
  return answers;
}

FindAnswer DicomPeer::find(Root root, const Attributes& keys, Names names) const {
  const std::string sop_class =
      root_class(root, classes::kPatientRootFind, classes::kStudyRootFind);
  auto request =
      request_of(calling_, called_, {{sop_class, {std::string(syntaxes::kImplicitLittle)}}});
  if (names == Names::fuzzy) {
    // PS3.4 C.5.1.1: relational, combined date-time, fuzzy, time zone.
    const std::string_view wanted("\0\0\1\0", 4);
    request.extended.push_back(
        {sop_class, Bytes(as_bytes(wanted).begin(), as_bytes(wanted).end())});
  }
  OpenAssociation association(port_, request);
  association.peer().send(association.first_context(),
                          network::CFindRq{.message_id = 1, .sop_class = sop_class}.to_command(),
                          encode_identifier(keys));
  FindAnswer answer;
  Message message = association.receive();
  for (; is_pending(message); message = association.receive())
    answer.matches.push_back(decode_identifier(message.data_set));
  answer.status = message.command.u16(network::command::kStatus).value_or(0xFFFF);
  answer.comment = message.command.text(network::command::kErrorComment).value_or("");
  return answer;
}

RetrieveAnswer DicomPeer::get(Root root, const Attributes& keys,
                              std::span<const DicomObject> expected) const {
  const std::string sop_class = root_class(root, classes::kPatientRootGet, classes::kStudyRootGet);
  std::set<Pair> pairs;
  for (const DicomObject& object : expected) pairs.insert(pair_of(object));
  if (pairs.size() > kStorageContextsMax) throw std::runtime_error("more contexts than allowed");
  auto contexts = wishes_of(pairs);
  contexts.push_back({sop_class, {std::string(syntaxes::kImplicitLittle)}});
  auto request = request_of(calling_, called_, std::move(contexts));
  std::set<std::string> storage_classes;
  for (const auto& pair : pairs) storage_classes.insert(pair.first);
  for (const std::string& storage : storage_classes)
    request.roles.push_back({.sop_class = storage, .scu = false, .scp = true});
  OpenAssociation association(port_, request);
  association.peer().send(association.context(sop_class, std::string(syntaxes::kImplicitLittle)),
                          network::CGetRq{.message_id = 1, .sop_class = sop_class}.to_command(),
                          encode_identifier(keys));
  Deliveries delivered;
  while (true) {
    Message message = association.receive();
    if (message.command.is_response()) {
      if (is_pending(message)) continue;
      RetrieveAnswer answer = final_answer(message);
      answer.delivered = std::move(delivered);
      return answer;
    }
    const auto store = network::CStoreRq::from(message.command);
    if (!store) throw std::runtime_error("an unexpected request: " + store.error().text);
    const auto* context = association.peer().association().find_context(message.context_id);
    delivered[store->sop_instance] = {store->sop_class, context->transfer_syntax,
                                      std::move(message.data_set)};
    association.peer().send(message.context_id,
                            network::respond_to(message.command, network::Answer{}));
  }
}

RetrieveAnswer DicomPeer::get(const DicomObject& object) const {
  return get(Root::study,
             {{tags::kQueryRetrieveLevel, "IMAGE"},
              {tags::kStudyInstanceUid, object.study},
              {tags::kSeriesInstanceUid, object.series},
              {tags::kSopInstanceUid, object.sop_instance}},
             std::span(&object, 1));
}

RetrieveAnswer DicomPeer::move(Root root, const Attributes& keys,
                               const std::string& destination) const {
  const std::string sop_class =
      root_class(root, classes::kPatientRootMove, classes::kStudyRootMove);
  OpenAssociation association(
      port_,
      request_of(calling_, called_, {{sop_class, {std::string(syntaxes::kImplicitLittle)}}}));
  const network::CMoveRq request{
      .message_id = 1, .sop_class = sop_class, .destination = destination};
  association.peer().send(association.first_context(), request.to_command(),
                          encode_identifier(keys));
  Message message = association.receive();
  while (is_pending(message)) message = association.receive();
  return final_answer(message);
}

struct StoreSink::State {
  FileDescriptor listener;
  std::uint16_t port = 0;
  std::mutex mutex;
  Deliveries delivered;  ///< guarded by `mutex`
  std::thread thread;

  void run() {
    while (true) {
      FileDescriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      try {
        serve(TestPeer(std::move(socket)));
      } catch (const std::runtime_error&) {
        // The other side broke off; what it sent counts, and the next one is served.
      }
    }
  }
  void serve(TestPeer peer) {
    network::Policy policy;
    policy.use_of = [](std::string_view abstract_syntax) {
      const auto use = network::standard_use(abstract_syntax);
      return use == network::ContextUse::unsupported ? network::ContextUse::storage : use;
    };
    const auto requested = peer.next_event(kPatience);
    if (!requested || !std::holds_alternative<network::AssociateRequested>(*requested)) return;
    auto answer = network::negotiate(peer.association().request(), policy);
    if (!peer.association().accept(std::get<network::AssociateAccept>(std::move(answer)))) return;
    peer.flush();
    while (auto message = peer.receive(kPatience)) keep(peer, *message);
    if (peer.last_event() &&
        std::holds_alternative<network::ReleaseRequested>(*peer.last_event()) &&
        peer.association().answer_release())
      peer.flush();
  }
  void keep(TestPeer& peer, Message& message) {
    if (const auto store = network::CStoreRq::from(message.command)) {
      const auto* context = peer.association().find_context(message.context_id);
      const std::lock_guard lock(mutex);
      delivered[store->sop_instance] = {store->sop_class, context->transfer_syntax,
                                        std::move(message.data_set)};
    }
    peer.send(message.context_id, network::respond_to(message.command, network::Answer{}));
  }
};

StoreSink::StoreSink() : state_(std::make_unique<State>()) {
  state_->listener = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(state_->listener.get(), generic, size) != 0 ||
      ::listen(state_->listener.get(), 16) != 0 ||
      ::getsockname(state_->listener.get(), generic, &size) != 0)
    throw std::runtime_error("the sink cannot listen");
  state_->port = ntohs(address.sin_port);
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

StoreSink::~StoreSink() {
  ::shutdown(state_->listener.get(), SHUT_RDWR);
  state_->thread.join();
}

std::uint16_t StoreSink::port() const { return state_->port; }

std::string StoreSink::remote(const std::string& aet) const {
  return aet + "=127.0.0.1:" + std::to_string(port());
}

Deliveries StoreSink::take() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->delivered, {});
}

}  // namespace latent::test
