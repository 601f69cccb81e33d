-- The doctor's questions: each finds what must not be there.

-- name: gaps
-- A batch must begin where the one before it ended; the last must end at the head.
WITH placed AS (
    SELECT first_position, lag(first_position + events, 1, 1::bigint) OVER (ORDER BY first_position) AS expected
    FROM log_batch
)
SELECT first_position, expected
FROM placed
WHERE first_position <> expected
UNION ALL
SELECT position, coalesce((SELECT max(first_position + events - 1) FROM log_batch), 0)
FROM log_head
WHERE position <> coalesce((SELECT max(first_position + events - 1) FROM log_batch), 0)

-- name: no_head
SELECT count(*) AS rows
FROM log_head
HAVING count(*) <> 1

-- name: missing_events
-- How many events are missing of batches that have a place, and between which positions.
SELECT sum(due - found) AS events, min(first_position) AS first, max(first_position + due - 1) AS last
FROM (
    SELECT b.first_position, b.events AS due, count(e.id) AS found
    FROM log_batch b
    LEFT JOIN event e ON e.batch_id = b.batch_id
    GROUP BY b.first_position, b.events
    HAVING count(e.id) < b.events
) AS incomplete

-- name: incomplete_batches
SELECT b.batch_id, b.events AS due, count(e.id) AS found
FROM log_batch b
LEFT JOIN event e ON e.batch_id = b.batch_id
GROUP BY b.batch_id, b.events
HAVING count(e.id) <> b.events
    OR count(DISTINCT e.ordinal) <> b.events
    OR min(e.ordinal) <> 0
    OR max(e.ordinal) <> b.events - 1

-- name: events_without_place
SELECT e.id, e.batch_id
FROM event e
WHERE NOT EXISTS (SELECT FROM log_batch b WHERE b.batch_id = e.batch_id)

-- name: unnamed
WITH name (kind, number) AS (
    SELECT 'item', item_id FROM item JOIN action USING (action_id)
    UNION ALL SELECT 'person', person_id FROM person
    UNION ALL SELECT 'agent', agent_id FROM agent
    UNION ALL SELECT 'plugin', plugin_id FROM plugin
    UNION ALL SELECT 'entity', entity_id FROM entity
    UNION ALL SELECT 'path', path_id FROM path
    UNION ALL SELECT 'context', context_id FROM context
)
SELECT used.kind, used.number, count(*) AS events
FROM event e
CROSS JOIN LATERAL (
    VALUES ('item', e.item_id), ('person', e.person_id), ('agent', e.agent_id), ('plugin', e.plugin_id),
           ('entity', e.entity_id), ('path', e.path_id), ('context', e.context_id)
) AS used (kind, number)
WHERE used.number IS NOT NULL AND NOT EXISTS (SELECT FROM name n WHERE n.kind = used.kind AND n.number = used.number)
GROUP BY used.kind, used.number

-- name: impossible_times
SELECT id, occurred_at
FROM event
WHERE occurred_at < '2000-01-01T00:00:00Z' OR occurred_at > received_at + interval '1 day'

-- name: misplaced
-- The same id in two months would be stored twice: the name of a partition must be the month of its ids.
SELECT id
FROM event
WHERE tableoid::regclass::text !~ ('event_' || to_char(
    to_timestamp((('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint) / 1000.0) AT TIME ZONE 'UTC',
    'YYYY_MM') || '"?$')

-- name: sequences_behind
-- Identity columns whose next number a row has already.
SELECT name, reached, pg_sequence_last_value(pg_get_serial_sequence(name, id_column)::regclass) AS given
FROM (
    SELECT 'action' AS name, 'action_id' AS id_column, max(action_id)::bigint AS reached FROM action
    UNION ALL SELECT 'item', 'item_id', max(item_id) FROM item
    UNION ALL SELECT 'person', 'person_id', max(person_id) FROM person
    UNION ALL SELECT 'agent', 'agent_id', max(agent_id) FROM agent
    UNION ALL SELECT 'plugin', 'plugin_id', max(plugin_id) FROM plugin
    UNION ALL SELECT 'entity', 'entity_id', max(entity_id) FROM entity
    UNION ALL SELECT 'path', 'path_id', max(path_id) FROM path
    UNION ALL SELECT 'context', 'context_id', max(context_id) FROM context
    UNION ALL SELECT 'rejected_event', 'rejected_id', max(rejected_id) FROM rejected_event
) AS counted
WHERE reached > coalesce(pg_sequence_last_value(pg_get_serial_sequence(name, id_column)::regclass), 0)

-- name: sizes
SELECT coalesce((SELECT position FROM log_head LIMIT 1), 0) AS events,
       (SELECT count(*) FROM log_batch) AS batches,
       (SELECT count(*) FROM rejected_event) AS rejected

-- name: days
SELECT min((occurred_at AT TIME ZONE $1)::date) AS first, max((occurred_at AT TIME ZONE $1)::date) AS last
FROM event

-- name: actions
SELECT action_id, name
FROM action

-- name: items
SELECT item_id, action_id, subject, path
FROM item
ORDER BY item_id

-- name: counts
-- Accesses: what is a measurement ($5) is none. A person whose name is missing is shown as in log/missing_names.py.
SELECT (e.occurred_at AT TIME ZONE $1::text)::date AS day, e.item_id,
       coalesce(p.ref, 'user:unknown/' || e.person_id) AS person, count(*) AS events
FROM event e
JOIN log_batch b ON b.batch_id = e.batch_id
LEFT JOIN person p ON p.person_id = e.person_id
LEFT JOIN item i ON i.item_id = e.item_id
LEFT JOIN action a ON a.action_id = i.action_id
WHERE e.occurred_at >= $2::date::timestamp AT TIME ZONE $1::text
  AND e.occurred_at < $3::date::timestamp AT TIME ZONE $1::text
  AND b.first_position + e.ordinal <= $4::bigint
  AND (a.name IS NULL OR a.name <> ALL ($5::text[]))
GROUP BY 1, 2, 3

-- name: miscounted_destinations
-- A position counts every event after the start; replays end at the head.
SELECT name, position - start_position AS passed, delivered + filtered + dead + missing AS counted
FROM destination
WHERE delivered + filtered + dead + missing <> position - start_position

-- name: destinations_beyond_the_head
SELECT name, position
FROM destination
WHERE position > (SELECT coalesce(max(position), 0) FROM log_head)
UNION ALL
SELECT destination, up_to_position
FROM replay
WHERE ended_at IS NULL
  AND up_to_position > (SELECT coalesce(max(position), 0) FROM log_head)

-- name: dead_letters_without_event
-- Of every dead letter the event is in the log, at that position.
SELECT l.destination, l.position, l.event_id
FROM dead_letter l
WHERE NOT EXISTS (
    SELECT FROM event e
    JOIN log_batch b ON b.batch_id = e.batch_id
    WHERE e.id = l.event_id
      AND b.first_position + e.ordinal = l.position
)

-- name: overlapping_entities
-- Of one ref only one version holds at a time.
SELECT ref, valid_from, earlier_to
FROM (
    SELECT ref, valid_from, lag(valid_to) OVER (PARTITION BY ref ORDER BY valid_from) AS earlier_to
    FROM catalog_entity
) AS ordered
WHERE earlier_to > valid_from

-- name: overlapping_memberships
SELECT member, team, valid_from, earlier_to
FROM (
    SELECT member, team, valid_from, lag(valid_to) OVER (PARTITION BY member, team ORDER BY valid_from) AS earlier_to
    FROM catalog_membership
) AS ordered
WHERE earlier_to > valid_from

-- name: misspelled_refs
-- Events have refs in lower case, with kind and namespace: others would be found by none.
SELECT ref
FROM (
    SELECT unnest(array[ref, owner, system, domain]) AS ref FROM catalog_entity
    UNION
    SELECT unnest(array[member, team]) FROM catalog_membership
) AS named
WHERE ref IS NOT NULL
  AND (ref <> lower(ref) OR ref !~ '^[^:/]+:[^:/]+/[^:/]+$')

-- name: catalog_after_its_time
-- Nothing changes later than the catalog was read, but for what a file says.
SELECT revision, changed_at, read_at
FROM catalog
WHERE changed_at > greatest(read_at, failed_at, now()) + interval '1 minute'

-- name: catalog_state
SELECT revision, source, first_read_at, read_at, failed_at, error,
       (SELECT count(*) FROM catalog_entity WHERE valid_to = 'infinity') AS entities,
       (SELECT count(*) FROM catalog_entity WHERE valid_to = 'infinity' AND kind = 'user') AS users,
       (SELECT count(*) FROM catalog_entity) AS versions,
       extract(epoch FROM now() - read_at) AS age_s
FROM catalog
