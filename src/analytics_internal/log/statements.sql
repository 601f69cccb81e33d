-- Every statement of the log, each under its name.

-- name: ids_stored
-- Which of these ids are stored, with their content hashes. The bounds let PostgreSQL skip the other months.
SELECT id, content_hash
FROM event
WHERE id = ANY($1::uuid[])
  AND id >= $2
  AND id <= $3

-- name: id_key
SELECT key, CASE WHEN follows_events THEN made_at END AS older_before, (SELECT log_id FROM log_head) AS log_id
FROM id_key

-- name: ids_stored_as_sent
-- As ids_stored, for people's live events that were stored before there was an id key.
SELECT e.id, e.content_hash, p.ref AS person
FROM event e
JOIN person p ON p.person_id = e.person_id
WHERE e.id = ANY($1::uuid[])
  AND e.id >= $2
  AND e.id <= $3
  AND e.received_at < $4
  AND NOT e.is_imported

-- name: recent_writers
-- The writer numbers of the newest $1 batches.
SELECT DISTINCT batch_id % $2::bigint
FROM (SELECT batch_id FROM log_batch ORDER BY first_position DESC LIMIT $1::integer) AS newest

-- name: clocks
-- The database's clock, and when the newest events were received. Several batches are read, because the service's clock
-- may have been set back since.
SELECT clock_timestamp() AS database_now, (
    SELECT max(e.received_at)
    FROM (SELECT batch_id FROM log_batch ORDER BY first_position DESC LIMIT 100) AS b
    JOIN event e ON e.batch_id = b.batch_id AND e.ordinal = 0
) AS newest_received_at

-- name: partitions
-- The bounds of the log's partitions, as FOR VALUES FROM ('…') TO ('…').
SELECT pg_get_expr(partition.relpartbound, partition.oid)
FROM pg_inherits i
JOIN pg_class partition ON partition.oid = i.inhrelid
WHERE i.inhparent = to_regclass('event')
  AND NOT i.inhdetachpending

-- name: trial_event
-- Whether an event could be stored. The caller rolls back.
INSERT INTO event (id, batch_id, occurred_at, received_at, content_hash, item_id, ordinal, is_imported)
VALUES ($1, 0, now(), now(), 0, 0, 0, false)

-- name: trial_place
-- Whether a batch could take its place. Needs the right to update; does not wait.
SELECT position
FROM log_head
FOR UPDATE SKIP LOCKED

-- name: readiness
-- What could keep an event from being stored, apart from partitions.
SELECT pg_is_in_recovery() AS is_in_recovery,
       current_setting('transaction_read_only') = 'on' AS is_read_only,
       current_user::text AS role,
       current_schema()::text AS schema,
       (SELECT coalesce(array_agg(privilege || ' on ' || relation ORDER BY relation, privilege), '{}')
        FROM unnest($1::text[], $2::text[]) AS needed (relation, privilege)
        WHERE has_table_privilege(to_regclass(relation), privilege) IS NOT TRUE)
       || (SELECT coalesce(array_agg('USAGE on sequence ' || name), '{}')
           FROM (VALUES ('log_writer')) AS needed (name)
           WHERE has_sequence_privilege(to_regclass(name), 'USAGE') IS NOT TRUE) AS missing_rights,
       (SELECT coalesce(array_agg(DISTINCT relation), '{}')
        FROM unnest($1::text[]) AS needed (relation)
        WHERE row_security_active(to_regclass(relation))) AS hidden_rows

-- name: next_writer
SELECT nextval('log_writer')

-- name: take_place
-- The last statement of a batch's transaction: takes the next place in the log's order. Returns no row in another log:
-- one whose id is not $3, or that has not the batch $5 at the position $4.
WITH head AS (
    UPDATE log_head
    SET position = position + $2::integer
    WHERE ($3::uuid IS NULL OR log_id = $3::uuid)
      AND ($4::bigint IS NULL OR EXISTS (
          SELECT FROM log_batch WHERE first_position = $4::bigint AND batch_id = $5::bigint
      ))
    RETURNING position - $2::integer + 1 AS first_position, log_id
), placed AS (
    INSERT INTO log_batch (first_position, batch_id, events)
    SELECT first_position, $1::bigint, $2::integer
    FROM head
)
SELECT first_position, log_id
FROM head

-- name: head
SELECT position, log_id
FROM log_head

-- name: head_with_batch_at
-- The head, and the batch that holds the position $1: two logs with the same batch there are the same up to there.
-- A batch has at most $2 events. With the catalog's state: who follows the log follows the catalog, too.
SELECT position, log_id, (
    SELECT batch_id
    FROM log_batch
    WHERE first_position <= $1::bigint
      AND first_position > $1::bigint - $2::bigint
      AND first_position + events > $1::bigint
    ORDER BY first_position DESC
    LIMIT 1
) AS batch_id, revision, version, source, first_read_at, read_at, failed_at, error
FROM log_head
LEFT JOIN catalog ON true

-- name: batch_bounds
-- The batches that hold the positions after $1 up to $2. A batch has at most $3 events.
SELECT min(batch_id) AS first_batch_id, max(batch_id) AS last_batch_id
FROM log_batch
WHERE first_position > $1::bigint - $3::bigint
  AND first_position <= $2::bigint

-- name: events_after
-- Whole events by position, for export, also those with missing names.
SELECT b.first_position + e.ordinal AS position, b.batch_id, e.id, e.occurred_at, e.received_at, p.ref AS person,
       a.name AS action, coalesce(e.original_subject, i.subject) AS subject, e.value, e.attributes,
       c.content AS context, e.session_id, g.name AS agent, e.is_imported, e.item_id, e.person_id, e.agent_id,
       e.context_id, i.action_id
FROM log_batch b
JOIN event e ON e.batch_id = b.batch_id
LEFT JOIN item i ON i.item_id = e.item_id
LEFT JOIN action a ON a.action_id = i.action_id
LEFT JOIN person p ON p.person_id = e.person_id
LEFT JOIN agent g ON g.agent_id = e.agent_id
LEFT JOIN context c ON c.context_id = e.context_id
WHERE b.first_position > $1::bigint - $5::bigint
  AND b.first_position <= $2::bigint
  AND e.batch_id BETWEEN $3 AND $4
  AND b.first_position + e.ordinal > $1::bigint
  AND b.first_position + e.ordinal <= $2::bigint
ORDER BY position

-- name: columns_after
-- The reader's columns, in no order; the ids are those of the names that it has (dimensions.py). Of attributes it gets
-- a hash, and the text where the hash is none of those that it knows; of large ones the members that can be asked for,
-- with names and values of up to 255 characters. Nobody outside knows the hash's seed.
SELECT b.first_position + e.ordinal AS position, e.occurred_at AT TIME ZONE 'UTC' AS occurred_at, {ids},
       e.value, e.session_id, hashed.attributes_hash,
       CASE
           WHEN hashed.attributes_hash = ANY('{known_hashes}'::bigint[]) THEN NULL
           WHEN octet_length(e.attributes::text) <= 2000 THEN e.attributes
           ELSE (
               SELECT jsonb_object_agg(key, value)
               FROM jsonb_each(e.attributes)
               WHERE length(key) <= 255 AND length(value #>> '{}') <= 255
           )
       END AS attributes
FROM log_batch b
JOIN event e ON e.batch_id = b.batch_id
CROSS JOIN (SELECT uuid_hash_extended(log_id, 0) AS seed FROM log_head) AS head
-- OFFSET keeps the hash from being computed twice.
CROSS JOIN LATERAL (SELECT jsonb_hash_extended(e.attributes, seed) AS attributes_hash OFFSET 0) AS hashed
WHERE b.first_position > $1::bigint - $5::bigint
  AND b.first_position <= $2::bigint
  AND e.batch_id BETWEEN $3 AND $4
  AND b.first_position + e.ordinal > $1::bigint
  AND b.first_position + e.ordinal <= $2::bigint

-- name: catalog_version
SELECT version
FROM catalog

-- name: catalog_entity
-- The reader's columns of the catalog's history.
SELECT ref, valid_from AT TIME ZONE 'UTC', valid_to AT TIME ZONE 'UTC', shown_ref, kind, title, type, lifecycle, owner,
       system, domain, has_docs, minutes_saved
FROM catalog_entity

-- name: catalog_membership
SELECT member, team, valid_from AT TIME ZONE 'UTC', valid_to AT TIME ZONE 'UTC'
FROM catalog_membership

-- name: keep_rejected
INSERT INTO rejected_event (received_at, reason, detail, event_id, person, payload)
SELECT *
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])

-- name: count_rejected
INSERT INTO rejected_count (reason, day, events)
SELECT reason, (now() AT TIME ZONE 'UTC')::date, events
FROM unnest($1::text[], $2::bigint[]) AS counted (reason, events)
ORDER BY reason
ON CONFLICT (reason, day) DO UPDATE SET events = rejected_count.events + excluded.events

-- name: trim_rejected
DELETE FROM rejected_event
WHERE rejected_id <= (SELECT max(rejected_id) FROM rejected_event) - $1::bigint
   OR received_at < now() - $2::interval

-- name: stored_contents
-- The content of every event, and the hash computed when it was stored.
SELECT e.id, e.content_hash, a.name, coalesce(e.original_subject, i.subject), e.attributes, c.content, e.value,
       e.session_id, p.ref, g.name
FROM event e
JOIN item i ON i.item_id = e.item_id
JOIN action a ON a.action_id = i.action_id
LEFT JOIN person p ON p.person_id = e.person_id
LEFT JOIN agent g ON g.agent_id = e.agent_id
LEFT JOIN context c ON c.context_id = e.context_id
WHERE (e.person_id IS NULL OR p.person_id IS NOT NULL)
  AND (e.agent_id IS NULL OR g.agent_id IS NOT NULL)
  AND (e.context_id IS NULL OR c.context_id IS NOT NULL)
