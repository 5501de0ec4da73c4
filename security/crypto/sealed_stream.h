// The sealed stream of formats.md §2: both directions.
#pragma once

#include "security/crypto/sealed_reader.h"  // IWYU pragma: export
#include "security/crypto/sealed_writer.h"  // IWYU pragma: export
