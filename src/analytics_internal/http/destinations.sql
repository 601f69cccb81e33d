-- What the routes of destinations read of the log.

-- name: events_at
-- The events at the positions $1, those that there are. A batch has at most $2 events.
SELECT wanted.position, e.id, e.occurred_at, coalesce(a.name, '') AS action,
       coalesce(e.original_subject, i.subject, '') AS subject, p.ref AS person
FROM unnest($1::bigint[]) AS wanted (position)
CROSS JOIN LATERAL (
    SELECT batch_id, first_position
    FROM log_batch
    WHERE first_position <= wanted.position
      AND first_position > wanted.position - $2::bigint
    ORDER BY first_position DESC
    LIMIT 1
) AS b
JOIN event e ON e.batch_id = b.batch_id AND e.ordinal = wanted.position - b.first_position
LEFT JOIN item i ON i.item_id = e.item_id
LEFT JOIN action a ON a.action_id = i.action_id
LEFT JOIN person p ON p.person_id = e.person_id
