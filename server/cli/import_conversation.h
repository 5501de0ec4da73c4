// The client's half of an import: files go out one after the other, outcomes come back on a thread
// of their own, since neither side may wait for the other.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <thread>

#include "security/base/bytes.h"
#include "security/base/result.h"
#include "server/control/client.h"

namespace latent::server::cli {

class ImportConversation {
 public:
  /// {"file", "kind", "text", …}; called from the reading thread.
  using OnOutcome = std::function<void(const nlohmann::json&)>;

  ImportConversation(control::Client client, OnOutcome on_outcome);
  ~ImportConversation();
  ImportConversation(const ImportConversation&) = delete;
  ImportConversation& operator=(const ImportConversation&) = delete;

  Result<void> begin_file(const std::string& name);
  Result<void> send(ByteSpan bytes);
  Result<void> end_file();
  /// After the last file: waits for all outcomes. The archive's own error wins over a broken send.
  Result<void> finish(Result<void> sent);

 private:
  Result<void> read_outcomes();

  control::Client client_;
  const OnOutcome on_outcome_;
  Result<void> answered_;
  std::thread reader_;
};

}  // namespace latent::server::cli
