// C-ECHO (PS3.7 9.1.5, PS3.4 Annex A).
#include "server/dimse/detail/connection.h"
#include "server/dimse/services/services.h"

namespace latent::server::dimse {

namespace {

class Echo final : public Operation {
 public:
  Echo(std::shared_ptr<Connection> connection, Request request)
      : connection_(std::move(connection)), request_(std::move(request)) {}

  void start() override { connection_->finish(request_, {}); }
  /// A C-ECHO-RQ with a data set does not pass the check of commands.
  void on_data(ByteSpan, bool) override {}

 private:
  std::shared_ptr<Connection> connection_;
  Request request_;
};

}  // namespace

std::shared_ptr<Operation> make_echo(std::shared_ptr<Connection> connection, Request request) {
  return std::make_shared<Echo>(std::move(connection), std::move(request));
}

}  // namespace latent::server::dimse
