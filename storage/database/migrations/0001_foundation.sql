-- The archive itself, its wrapped keys, and the audit log (formats.md §1 and §5).

-- One row: the random name of this archive, which every blob, segment and ring carries.
CREATE TABLE archive (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  store_id bytea NOT NULL CHECK (octet_length(store_id) = 8),
  created timestamptz NOT NULL DEFAULT now()
);

-- The key ring's rows; the same bytes stand in ring/<node>.ring. entry and study_uid become NULL
-- when the key is destroyed, so that the same study may arrive anew under a new key.
CREATE TABLE study_key (
  key_id bytea PRIMARY KEY CHECK (octet_length(key_id) = 16),
  study_uid text UNIQUE,
  purpose smallint NOT NULL,
  root_id bytea NOT NULL CHECK (octet_length(root_id) = 16),
  entry bytea,
  created timestamptz NOT NULL DEFAULT now(),
  destroyed timestamptz,
  CHECK ((destroyed IS NULL) = (entry IS NOT NULL))
);
CREATE INDEX study_key_root ON study_key (root_id);

-- Partitioned by month of time_us (UTC). xid is what the sequencer orders by.
CREATE TABLE audit_event (
  id uuid NOT NULL,
  time_us bigint NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  code integer NOT NULL,
  action "char" NOT NULL,
  outcome smallint NOT NULL,
  actor text NOT NULL,
  actor_ip inet,
  node text NOT NULL,
  patient_ref bigint,
  study_ref bigint,
  core text NOT NULL,
  core_salt bytea NOT NULL CHECK (octet_length(core_salt) = 32),
  subject text,
  subject_salt bytea CHECK (octet_length(subject_salt) = 32),
  erased_at timestamptz,
  PRIMARY KEY (time_us, id),
  CHECK ((subject IS NULL) = (subject_salt IS NULL))
) PARTITION BY RANGE (time_us);
CREATE INDEX audit_event_xid ON audit_event (xid);
CREATE INDEX audit_event_study ON audit_event (study_ref, time_us) WHERE study_ref IS NOT NULL;
CREATE INDEX audit_event_patient ON audit_event (patient_ref, time_us)
  WHERE patient_ref IS NOT NULL;

-- A hurdle against mistakes, not the proof: that is the tree.
CREATE FUNCTION audit_event_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit events are never changed or removed' USING ERRCODE = '42501';
END $$;
-- Row triggers of a partitioned table are copied to each partition; TRUNCATE's are not.
CREATE TRIGGER audit_event_immutable BEFORE UPDATE OR DELETE ON audit_event
  FOR EACH ROW EXECUTE FUNCTION audit_event_is_immutable();
CREATE TRIGGER audit_event_not_truncated BEFORE TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_immutable();

-- Takes what no month's partition takes: a clock far off or a missed timer never fails an insert.
CREATE TABLE audit_event_default PARTITION OF audit_event DEFAULT;
CREATE TRIGGER audit_event_not_truncated BEFORE TRUNCATE ON audit_event_default
  FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_immutable();

-- Makes the partition for the month of `month`. True when it exists afterwards; false when rows of
-- that month already lie in the default partition, where the rest of the month then goes too.
-- ATTACH instead of CREATE … PARTITION OF: inserts go on meanwhile.
CREATE FUNCTION audit_partition_ensure(month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  first date := date_trunc('month', month)::date;
  partition text := 'audit_event_' || to_char(first, 'YYYY_MM');
  low bigint := extract(epoch FROM first)::bigint * 1000000;
  high bigint := extract(epoch FROM (first + interval '1 month')::date)::bigint * 1000000;
BEGIN
  IF to_regclass(partition) IS NOT NULL THEN RETURN true; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('latent.audit_partition', 0));
  IF to_regclass(partition) IS NOT NULL THEN RETURN true; END IF;
  LOCK TABLE audit_event_default IN SHARE ROW EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM audit_event_default WHERE time_us >= low AND time_us < high) THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE audit_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                 partition);
  EXECUTE format('ALTER TABLE audit_event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                 partition, low, high);
  EXECUTE format('CREATE TRIGGER audit_event_not_truncated BEFORE TRUNCATE ON %I'
                 ' FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_immutable()', partition);
  RETURN true;
END $$;

-- The tree's tables, filled by the sequencer.
CREATE TABLE audit_leaf (
  epoch integer NOT NULL,
  idx bigint NOT NULL,
  event_id uuid NOT NULL UNIQUE,
  leaf bytea NOT NULL CHECK (octet_length(leaf) = 96),
  PRIMARY KEY (epoch, idx)
);
CREATE TABLE audit_checkpoint (
  epoch integer NOT NULL,
  size bigint NOT NULL,
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note text NOT NULL,
  cosigs text NOT NULL DEFAULT '',
  PRIMARY KEY (epoch, size)
);
CREATE TABLE audit_state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  low xid8 NOT NULL,
  size bigint NOT NULL,
  epoch integer NOT NULL
);
INSERT INTO audit_state (low, size, epoch) VALUES ('0', 0, 0);
