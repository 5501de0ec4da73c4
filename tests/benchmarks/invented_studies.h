// Rows of invented patients, studies, series and instances, made by PostgreSQL itself: a million
// studies in minutes. Numbers are skewed as in a hospital: few family names are many people's,
// later years hold more studies, most studies are plain pictures or CT. No name is a real person's.
#pragma once

#include <cstdint>
#include <string>

#include "storage/database/pool.h"

namespace latent::benchmarks {

/// Into an empty, migrated database. Ends with VACUUM ANALYZE, as autovacuum would.
void invent_studies(storage::database::Pool& pool, std::int64_t studies);

/// What the rows of study or patient number `n` hold.
std::string invented_study_uid(std::int64_t n);
std::string invented_accession_number(std::int64_t n);
std::string invented_patient_id(std::int64_t n);

}  // namespace latent::benchmarks
