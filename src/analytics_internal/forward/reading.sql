-- What forwarding reads of the log.

-- name: events_to_forward
-- Whole events after the position $1 up to $2, also those with missing names. A batch has at most $3 events. The bounds
-- of the batches' ids are found first, so that an index leads to the events of many small batches. The head is of the
-- same moment; without events it comes alone.
SELECT h.position AS head, f.*
FROM log_head h
LEFT JOIN (
    SELECT b.first_position + e.ordinal AS position, b.batch_id, e.id, e.occurred_at, e.received_at, e.item_id,
           i.action_id, a.name AS action, i.subject AS item_subject, e.original_subject, e.person_id, p.ref AS person,
           e.plugin_id, g.name AS plugin, e.entity_id, n.ref AS entity, e.path_id, w.name AS path, e.value, e.attributes,
           e.context_id, c.content AS context, e.session_id, e.is_imported, e.agent_id, r.name AS agent
    FROM log_batch b
    JOIN event e ON e.batch_id = b.batch_id
    LEFT JOIN item i ON i.item_id = e.item_id
    LEFT JOIN action a ON a.action_id = i.action_id
    LEFT JOIN person p ON p.person_id = e.person_id
    LEFT JOIN agent r ON r.agent_id = e.agent_id
    LEFT JOIN plugin g ON g.plugin_id = e.plugin_id
    LEFT JOIN entity n ON n.entity_id = e.entity_id
    LEFT JOIN path w ON w.path_id = e.path_id
    LEFT JOIN context c ON c.context_id = e.context_id
    WHERE b.first_position > $1::bigint - $3::bigint
      AND b.first_position <= $2::bigint
      AND e.batch_id BETWEEN (
          SELECT min(batch_id) FROM log_batch
          WHERE first_position > $1::bigint - $3::bigint AND first_position <= $2::bigint
      ) AND (
          SELECT max(batch_id) FROM log_batch
          WHERE first_position > $1::bigint - $3::bigint AND first_position <= $2::bigint
      )
      AND b.first_position + e.ordinal > $1::bigint
      AND b.first_position + e.ordinal <= $2::bigint
) AS f ON true
ORDER BY f.position

-- name: items
-- Some items as they are stored.
SELECT i.item_id, i.action_id, a.name AS action, i.subject
FROM item i
LEFT JOIN action a ON a.action_id = i.action_id
WHERE i.item_id = ANY($1::integer[])

-- name: pseudonym_key
SELECT key
FROM pseudonym_key

-- name: make_pseudonym_key
-- Another process may have made it in the same moment: then it is read again.
INSERT INTO pseudonym_key (key)
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
ON CONFLICT DO NOTHING
