#include "server/cli/import_conversation.h"

#include <nlohmann/json.hpp>

namespace latent::server::cli {

ImportConversation::ImportConversation(control::Client client, OnOutcome on_outcome)
    : client_(std::move(client)), on_outcome_(std::move(on_outcome)) {
  answered_ = client_.channel().send_json({{"verb", "import"}});
  if (answered_) reader_ = std::thread([this] { answered_ = read_outcomes(); });
}

ImportConversation::~ImportConversation() {
  client_.channel().shut_down();
  if (reader_.joinable()) reader_.join();
}

Result<void> ImportConversation::begin_file(const std::string& name) {
  return client_.channel().send_json({{"file", name}});
}
Result<void> ImportConversation::send(ByteSpan bytes) { return client_.channel().send_data(bytes); }
Result<void> ImportConversation::end_file() { return client_.channel().send_end(); }

Result<void> ImportConversation::finish(Result<void> sent) {
  if (sent) sent = client_.channel().send_json({{"end", true}});
  if (reader_.joinable()) reader_.join();
  return answered_ ? sent : answered_;
}

Result<void> ImportConversation::read_outcomes() {
  while (true) {
    LATENT_TRY(const auto object, client_.next());
    if (object.contains("done")) return {};
    if (const auto outcome = object.find("outcome"); outcome != object.end()) on_outcome_(*outcome);
  }
}

}  // namespace latent::server::cli
