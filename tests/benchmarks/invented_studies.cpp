#include "tests/benchmarks/invented_studies.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>

#include "security/base/raii.h"
#include "storage/database/transaction.h"

namespace latent::benchmarks {
namespace {

using Connection = std::unique_ptr<PGconn, Deleter<PQfinish>>;

void run(PGconn* connection, const std::string& sql) {
  const std::unique_ptr<PGresult, Deleter<PQclear>> result(PQexec(connection, sql.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(connection));
}

/// Indexes are made anew when all rows are there: much faster than one row after the other.
constexpr const char* kTakeIndexesAway = R"(
CREATE TEMPORARY TABLE index_kept AS
  SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
  WHERE relname IN ('patient', 'study', 'series', 'instance')
    AND indexrelid NOT IN (SELECT conindid FROM pg_constraint WHERE conindid <> 0);
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT * FROM index_kept LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
END $$)";
constexpr const char* kGiveIndexesBack = R"(
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT * FROM index_kept LOOP EXECUTE one.definition; END LOOP;
END $$)";

/// share: pseudo-random in [0, 1), the same on every run.
constexpr const char* kRandomness = R"(
CREATE FUNCTION pg_temp.share(n bigint, salt integer) RETURNS double precision LANGUAGE sql IMMUTABLE
  AS 'SELECT (hashint8extended($1, $2) & 1073741823) / 1073741824.0';
CREATE TEMPORARY TABLE word AS
  SELECT n, parts, string_agg((ARRAY['ba','ren','mo','til','ka','dor','sen','vi','lun','gre','sto',
    'hal','ney','pol','ar','wes','tin','jo','mer','ul'])
    [1 + (hashint8extended(n, part) & 65535) % 20], '') AS text
  FROM generate_series(0, 40000) AS n CROSS JOIN generate_series(2, 3) AS parts
    CROSS JOIN generate_series(1, 3) AS part
  WHERE part <= parts GROUP BY n, parts;
ANALYZE word;)";

/// {0} patients, 2.5 studies each.
constexpr const char* kPatients = R"(
INSERT INTO patient (identity, patient_id, issuer, patient_name, patient_name_key, birth_date,
    birth_date_value, sex, studies, series)
  SELECT decode(md5(n::text), 'hex'), 'P' || lpad(n::text, 8, '0'), '', name,
    lower(split_part(name, '=', 1)) || '^' ||
      CASE WHEN name LIKE '%=%' THEN '=' || split_part(name, '=', 2) || '^' ELSE '' END,
    to_char(born, 'YYYYMMDD'), born, CASE WHEN n % 2 = 0 THEN 'F' ELSE 'M' END, 1, 1
  FROM (SELECT drawn.n, date '1930-01-01' + (pg_temp.share(drawn.n, 1) * 33000)::integer AS born,
      initcap(family.text) || '^' || initcap(given.text) ||
      CASE WHEN drawn.n % 40 = 0 THEN '=王^小明' ELSE '' END AS name
    FROM (SELECT n, (power(pg_temp.share(n, 2), 3) * 40000)::integer AS family_n,
        (power(pg_temp.share(n, 3), 2) * 3000)::integer AS given_n
      FROM generate_series(1, {0}) AS n) AS drawn
    JOIN word AS family ON family.n = family_n AND family.parts = 3
    JOIN word AS given ON given.n = given_n AND given.parts = 2) AS person)";

constexpr const char* kStudies = R"(
INSERT INTO study (patient, study_uid, study_date, study_date_value, study_time, study_time_value,
    accession_number, study_id, study_description, referring_physician, referring_physician_key,
    modalities, sop_classes, series, received_first)
  SELECT 1 + (pg_temp.share(n, 4) * ({1} - 1))::bigint, '1.2.826.0.1.3680043.9.99.1.' || n,
    to_char(day, 'YYYYMMDD'), day, '101500', time '10:15', 'A' || lpad(n::text, 9, '0'),
    (n % 1000)::text,
    (ARRAY['CHEST PA','CT HEAD','CT THORAX ABDOMEN','MR KNEE LEFT','MR KNEE RIGHT','US ABDOMEN',
      'MAMMOGRAPHY','MR BRAIN','CT ANGIOGRAPHY','HAND LEFT'])[1 + (pg_temp.share(n, 5) * 9.99)::integer % 10]
      || ' ' || (n % 40),
    initcap(doctor) || '^', doctor || '^',
    ARRAY[modality], ARRAY['1.2.840.10008.5.1.4.1.1.2'], 1, now()
  FROM (SELECT drawn.n, date '2011-01-01' + (sqrt(pg_temp.share(drawn.n, 6)) * 5470)::integer AS day,
      word.text AS doctor,
      (ARRAY['CR','CR','CR','CR','CT','CT','CT','MR','MR','US','US','MG','XA','NM','DX','DX'])
        [1 + (pg_temp.share(drawn.n, 8) * 15.99)::integer % 16] AS modality
    FROM (SELECT n, (power(pg_temp.share(n, 7), 2) * 2000)::integer AS doctor_n
      FROM generate_series(1, {0}) AS n) AS drawn
    JOIN word ON word.n = doctor_n AND word.parts = 2) AS visit)";

/// One series a study, two of every third; one instance a series.
constexpr const char* kSeries = R"(
INSERT INTO series (study, series_uid, modality, series_number, series_number_value,
    series_description, observation, instances)
  SELECT study.id, study.study_uid || '.' || part, study.modalities[1], part::text, part, 'AXIAL', 0, 1
  FROM study CROSS JOIN generate_series(1, 2) AS part WHERE part = 1 OR study.id % 3 = 0)";
constexpr const char* kInstances = R"(
INSERT INTO instance (series, sop_instance, sop_class, transfer_syntax, version, blob, key, segment,
    segment_offset, sealed_bytes, digest, plaintext_bytes, data_set_offset, received, source,
    instance_number, instance_number_value, image_rows, image_columns, bits_allocated, attributes)
  SELECT id, series_uid || '.1', '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.1.2.1', 1,
    decode(md5(id::text), 'hex'), decode(md5(study::text), 'hex'), 1 + id / 500, 64 + id % 500 * 532480,
    532480, decode(md5(id::text) || md5(id::text), 'hex'), 525312, 500, now(), 'dimse:CT1',
    '1', 1, 512, 512, 16, decode(repeat(md5(id::text), 16), 'hex')
  FROM series)";

}  // namespace

void invent_studies(storage::database::Pool& pool, std::int64_t studies) {
  const Connection connection(PQconnectdb(pool.config().conninfo.c_str()));
  PGconn* const c = connection.get();
  const std::int64_t patients = studies * 2 / 5;
  run(c,
      "SET synchronous_commit = off; SET session_replication_role = replica;"
      "SET maintenance_work_mem = '256MB'; SET max_parallel_maintenance_workers = 0");
  run(c, kRandomness);
  run(c, kTakeIndexesAway);
  const auto filled = [](std::string sql, std::int64_t first, std::int64_t second) {
    const auto replace = [&sql](std::string_view what, const std::string& with) {
      for (std::size_t at = 0; (at = sql.find(what, at)) != std::string::npos; at += with.size())
        sql.replace(at, what.size(), with);
    };
    replace("{0}", std::to_string(first));
    replace("{1}", std::to_string(second));
    return sql;
  };
  run(c, filled(kPatients, patients, 0));
  run(c, filled(kStudies, studies, patients));
  run(c, filled(kSeries, 0, 0));
  run(c, filled(kInstances, 0, 0));
  run(c, kGiveIndexesBack);
  run(c, "VACUUM ANALYZE");
}

std::string invented_study_uid(std::int64_t n) {
  return "1.2.826.0.1.3680043.9.99.1." + std::to_string(n);
}
std::string invented_accession_number(std::int64_t n) { return fmt::format("A{:09}", n); }
std::string invented_patient_id(std::int64_t n) { return fmt::format("P{:08}", n); }

}  // namespace latent::benchmarks
