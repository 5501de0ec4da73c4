// What a test or a measurement found, for docs/proof.md.
#pragma once

#include <string>

namespace latent::test {

/// Markdown to standard output and, when LATENT_PROOF names a folder, to <name>.md there.
void show_proof(const std::string& name, const std::string& markdown);

}  // namespace latent::test
