-- Patients, studies, series and instances: what is searched, and where the sealed bytes lie.
--
-- Conventions, which storage/catalog/attributes.cpp follows:
--   x            the value in UTF-8 as it came (NULL when absent or empty)
--   x_value      the same as a real date, time, timestamp (UTC when a zone is known) or number,
--                NULL when it is none
--   x_key        a person name folded for searching: case and accents gone, component groups
--                divided by '=', values by '\', each group ended by '^'
-- Identifiers are compared byte by byte (COLLATE "C"), so that an index also serves a prefix.
-- Counters are kept by storage/catalog/detail/insert_sql.cpp; no index may hold one, and the fill factors leave
-- room, so that counting is a heap-only update.
--
-- pg_trgm is a trusted extension: in a database of your own, the role of latent needs the right
-- CREATE on that database, or somebody with that right creates the extension beforehand.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- One row for each person as sent: Patient ID and Issuer, name and birth date where they contradict.
-- Two rows with one (patient_id, issuer) are a conflict that a person has to look at; they are
-- never joined by us. An empty Patient ID makes a patient of its own for each study.
CREATE TABLE patient (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  identity bytea NOT NULL UNIQUE,            -- digest over what makes the row one person
  patient_id text COLLATE "C" NOT NULL,      -- '' when empty
  issuer text COLLATE "C" NOT NULL,          -- '' when empty
  patient_name text,
  patient_name_key text COLLATE "C",
  birth_date text,
  birth_date_value date,
  birth_time text,
  birth_time_value time,
  sex text,
  other_patient_ids text[],
  other_patient_names text,
  other_patient_names_key text COLLATE "C",
  ethnic_group text,
  patient_comments text,
  studies bigint NOT NULL DEFAULT 0,
  series bigint NOT NULL DEFAULT 0,
  instances bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);
CREATE INDEX patient_by_id ON patient (patient_id, issuer);
CREATE INDEX patient_by_name ON patient USING gin (patient_name_key gin_trgm_ops);
CREATE INDEX patient_by_birth_date ON patient (birth_date_value);

CREATE TABLE study (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  patient bigint NOT NULL REFERENCES patient,
  study_uid text COLLATE "C" NOT NULL UNIQUE,
  study_date text,
  study_date_value date,
  study_time text,
  study_time_value time,
  accession_number text COLLATE "C",
  study_id text COLLATE "C",
  study_description text,
  referring_physician text,
  referring_physician_key text COLLATE "C",
  physicians_of_record text,
  physicians_of_record_key text COLLATE "C",
  reading_physicians text,
  reading_physicians_key text COLLATE "C",
  admitting_diagnoses text[],
  patient_age text,
  patient_size text,
  patient_weight text,
  occupation text,
  additional_history text,
  timezone_offset text,
  procedure_codes jsonb,
  modalities text[] NOT NULL DEFAULT '{}',
  sop_classes text[] NOT NULL DEFAULT '{}',
  series bigint NOT NULL DEFAULT 0,
  instances bigint NOT NULL DEFAULT 0,
  received_first timestamptz NOT NULL,
  received_last timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX study_by_patient ON study (patient);
CREATE INDEX study_by_date ON study (study_date_value, study_time_value);
CREATE INDEX study_by_accession_number ON study (accession_number);
CREATE INDEX study_by_study_id ON study (study_id);
CREATE INDEX study_by_description ON study USING gin (study_description gin_trgm_ops);
CREATE INDEX study_by_referring_physician ON study USING gin (referring_physician_key gin_trgm_ops);
CREATE INDEX study_by_received ON study (received_first);

CREATE TABLE series (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  study bigint NOT NULL REFERENCES study,
  series_uid text COLLATE "C" NOT NULL,
  modality text,
  series_number text,
  series_number_value bigint,
  series_description text,
  series_date text,
  series_date_value date,
  series_time text,
  series_time_value time,
  body_part text,
  laterality text,
  protocol_name text,
  patient_position text,
  performing_physicians text,
  performing_physicians_key text COLLATE "C",
  operators text,
  operators_key text COLLATE "C",
  manufacturer text,
  manufacturer_model text,
  institution text,
  department text,
  station text,
  device_serial_number text,
  frame_of_reference_uid text COLLATE "C",
  performed_step_id text,
  performed_step_description text,
  performed_step_date text,
  performed_step_date_value date,
  performed_step_time text,
  performed_step_time_value time,
  request_attributes jsonb,
  -- Hash of the patient, study and series attributes last merged: an object that says the same
  -- again, as nearly all do, costs no comparing.
  observation bigint NOT NULL,
  instances bigint NOT NULL DEFAULT 0,
  UNIQUE (study, series_uid)
) WITH (fillfactor = 70);
CREATE INDEX series_by_uid ON series (series_uid);
CREATE INDEX series_by_performed_step_date ON series (performed_step_date_value);

-- Every version of every instance; superseded_at is NULL for the current one. Indexes are kept few:
-- this is the table that every stored object pays for.
CREATE TABLE instance (
  series bigint NOT NULL,                    -- a row of series; held under the lock of its study
  sop_instance text COLLATE "C" NOT NULL,
  sop_class text COLLATE "C" NOT NULL,
  transfer_syntax text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  blob bytea NOT NULL,
  key bytea NOT NULL,
  segment bigint NOT NULL,
  segment_offset bigint NOT NULL,
  sealed_bytes bigint NOT NULL,
  digest bytea NOT NULL,
  plaintext_bytes bigint NOT NULL,
  data_set_offset bigint NOT NULL,
  received timestamptz NOT NULL,
  source text NOT NULL,
  assumed_character_set text,
  instance_number text,
  instance_number_value bigint,
  content_date text,
  content_date_value date,
  content_time text,
  content_time_value time,
  acquisition_date text,
  acquisition_date_value date,
  acquisition_time text,
  acquisition_time_value time,
  acquisition_date_time text,
  acquisition_date_time_value timestamp,
  acquisition_number text,
  acquisition_number_value bigint,
  image_type text[],
  number_of_frames text,
  number_of_frames_value bigint,
  image_rows integer,
  image_columns integer,
  bits_allocated integer,
  completion_flag text,
  verification_flag text,
  document_title text,
  content_label text,
  content_description text,
  content_creator text,
  content_creator_key text COLLATE "C",
  concept_name jsonb,
  pixel_layout bytea,                        -- storage/catalog/pixel_layout.h
  attributes bytea,                          -- storage/catalog/attribute_blob.h; sealed
  superseded_at timestamptz,
  superseded_by integer,
  differing_tags bigint[],
  reviewed_at timestamptz
);
-- Sealed bytes do not compress; trying costs time.
ALTER TABLE instance ALTER COLUMN attributes SET STORAGE EXTERNAL;
ALTER TABLE instance ALTER COLUMN pixel_layout SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX instance_current ON instance (sop_instance) WHERE superseded_at IS NULL;
CREATE INDEX instance_by_series ON instance (series);
CREATE UNIQUE INDEX instance_by_location ON instance (segment, segment_offset);
CREATE INDEX instance_superseded ON instance (sop_instance, version) WHERE superseded_at IS NOT NULL;

-- Objects that came into a study of one patient and name another: stored, listed, not moved.
CREATE TABLE patient_conflict (
  study bigint NOT NULL REFERENCES study,
  identity bytea NOT NULL,                   -- as patient.identity
  patient_id text NOT NULL,
  issuer text NOT NULL,
  patient_name text,
  birth_date text,
  first_seen timestamptz NOT NULL,
  PRIMARY KEY (study, identity)
);
