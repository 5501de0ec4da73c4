-- Every stored instance paid for three counters, of its series, its study and its patient, and senders
-- of one study waited for each other's row. Now it pays for one: the numbers of instances of a study
-- and of a patient are summed over their series when somebody asks (storage/catalog/detail/where.cpp).
-- study.series, study.modalities, study.sop_classes, patient.studies and patient.series change only
-- when a series is new, and stay.
ALTER TABLE study DROP COLUMN instances, DROP COLUMN received_last;
ALTER TABLE patient DROP COLUMN instances;
