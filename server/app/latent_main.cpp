#include <cstdio>

#include "security/base/fail_point.h"
#include "server/app/serve.h"
#include "server/cli/command_line.h"

int main(int argc, char** argv) {
  if (!latent::fail_point::configure_from_environment()) {
    std::fputs("latent: LATENT_FAIL names no place where the process could be ended\n", stderr);
    return 2;
  }
  return latent::server::cli::run(argc, argv, latent::server::app::serve);
}
