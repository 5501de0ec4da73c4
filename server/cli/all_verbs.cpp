#include <array>

#include "server/cli/verb.h"

namespace latent::server::cli {

std::span<const AddVerb> all_verbs() {
  static constexpr std::array<AddVerb, 6> kVerbs{add_import, add_find, add_export,
                                                 add_verify, add_echo, add_demo};
  return kVerbs;
}

}  // namespace latent::server::cli
