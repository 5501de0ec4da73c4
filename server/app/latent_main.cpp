#include "security/base/fail_point.h"
#include "server/app/serve.h"
#include "server/cli/command_line.h"

int main(int argc, char** argv) {
  latent::fail_point::configure_from_environment();
  return latent::server::cli::run(argc, argv, latent::server::app::serve);
}
