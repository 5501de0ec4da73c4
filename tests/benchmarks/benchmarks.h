// The measurements, each a table.
#pragma once

#include <cstdint>

namespace latent::benchmarks {

/// Scanner, sealing and opening, beside memcpy and SHA-256 of the same bytes.
void measure_bytes();
/// Instances into a durable catalog, in groups.
void measure_inserts();
/// C-FIND's verb, index sizes and the start of the archive, with so many invented studies.
void measure_queries(std::int64_t studies);
/// Memory of so many associations that say nothing.
void measure_idle_associations(unsigned associations);

}  // namespace latent::benchmarks
