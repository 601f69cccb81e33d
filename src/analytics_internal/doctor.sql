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
SELECT 'item' AS kind, e.item_id AS number, count(*) AS events
FROM event e
WHERE NOT EXISTS (SELECT FROM item i JOIN action USING (action_id) WHERE i.item_id = e.item_id)
GROUP BY e.item_id
UNION ALL
SELECT 'person', e.person_id, count(*)
FROM event e
WHERE e.person_id IS NOT NULL AND NOT EXISTS (SELECT FROM person n WHERE n.person_id = e.person_id)
GROUP BY e.person_id
UNION ALL
SELECT 'plugin', e.plugin_id, count(*)
FROM event e
WHERE e.plugin_id IS NOT NULL AND NOT EXISTS (SELECT FROM plugin n WHERE n.plugin_id = e.plugin_id)
GROUP BY e.plugin_id
UNION ALL
SELECT 'entity', e.entity_id, count(*)
FROM event e
WHERE e.entity_id IS NOT NULL AND NOT EXISTS (SELECT FROM entity n WHERE n.entity_id = e.entity_id)
GROUP BY e.entity_id
UNION ALL
SELECT 'path', e.path_id, count(*)
FROM event e
WHERE e.path_id IS NOT NULL AND NOT EXISTS (SELECT FROM path n WHERE n.path_id = e.path_id)
GROUP BY e.path_id
UNION ALL
SELECT 'context', e.context_id, count(*)
FROM event e
WHERE e.context_id IS NOT NULL AND NOT EXISTS (SELECT FROM context n WHERE n.context_id = e.context_id)
GROUP BY e.context_id

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
SELECT name, reached, given
FROM (
    SELECT 'action' AS name, max(action_id)::bigint AS reached,
           pg_sequence_last_value(pg_get_serial_sequence('action', 'action_id')::regclass) AS given
    FROM action
    UNION ALL
    SELECT 'item' AS name, max(item_id)::bigint AS reached,
           pg_sequence_last_value(pg_get_serial_sequence('item', 'item_id')::regclass) AS given
    FROM item
    UNION ALL
    SELECT 'person' AS name, max(person_id)::bigint AS reached,
           pg_sequence_last_value(pg_get_serial_sequence('person', 'person_id')::regclass) AS given
    FROM person
    UNION ALL
    SELECT 'plugin' AS name, max(plugin_id)::bigint AS reached,
           pg_sequence_last_value(pg_get_serial_sequence('plugin', 'plugin_id')::regclass) AS given
    FROM plugin
    UNION ALL
    SELECT 'entity' AS name, max(entity_id)::bigint AS reached,
           pg_sequence_last_value(pg_get_serial_sequence('entity', 'entity_id')::regclass) AS given
    FROM entity
    UNION ALL
    SELECT 'path' AS name, max(path_id)::bigint AS reached,
           pg_sequence_last_value(pg_get_serial_sequence('path', 'path_id')::regclass) AS given
    FROM path
    UNION ALL
    SELECT 'context' AS name, max(context_id)::bigint AS reached,
           pg_sequence_last_value(pg_get_serial_sequence('context', 'context_id')::regclass) AS given
    FROM context
    UNION ALL
    SELECT 'rejected_event', max(rejected_id),
           pg_sequence_last_value(pg_get_serial_sequence('rejected_event', 'rejected_id')::regclass)
    FROM rejected_event
) AS counted
WHERE reached > coalesce(given, 0)

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
-- A person whose name is missing is shown as in log/missing_names.py.
SELECT (e.occurred_at AT TIME ZONE $1::text)::date AS day, e.item_id,
       coalesce(p.ref, 'user:unknown/' || e.person_id) AS person, count(*) AS events
FROM event e
JOIN log_batch b ON b.batch_id = e.batch_id
LEFT JOIN person p ON p.person_id = e.person_id
WHERE e.occurred_at >= $2::date::timestamp AT TIME ZONE $1::text
  AND e.occurred_at < $3::date::timestamp AT TIME ZONE $1::text
  AND b.first_position + e.ordinal <= $4::bigint
GROUP BY 1, 2, 3
