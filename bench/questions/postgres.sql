-- The same questions to PostgreSQL, over the log's own event table.

-- name: totals
SELECT count(*) FILTER (WHERE occurred_at >= $start), count(*) FILTER (WHERE occurred_at < $start),
       count(DISTINCT person_id) FILTER (WHERE occurred_at >= $start),
       count(DISTINCT person_id) FILTER (WHERE occurred_at < $start),
       count(DISTINCT item_id) FILTER (WHERE occurred_at >= $start),
       count(DISTINCT item_id) FILTER (WHERE occurred_at < $start),
       (SELECT max(occurred_at) FROM access)
FROM access
WHERE (occurred_at >= $start AND occurred_at < $end)
   OR (occurred_at >= $previous_start AND occurred_at < $previous_end)

-- name: curve
SELECT to_char($first_day::date + bucket, 'YYYY-MM-DD'),
       count(*) FILTER (WHERE is_current), count(*) FILTER (WHERE NOT is_current),
       count(DISTINCT person_id) FILTER (WHERE is_current), count(DISTINCT person_id) FILTER (WHERE NOT is_current)
FROM (
    SELECT person_id, occurred_at >= $start AS is_current,
           (occurred_at AT TIME ZONE 'America/Sao_Paulo')::date
           - CASE WHEN occurred_at >= $start THEN $first_day::date ELSE $previous_first_day::date END AS bucket
    FROM access
    WHERE (occurred_at >= $start AND occurred_at < $end)
       OR (occurred_at >= $previous_start AND occurred_at < $previous_end)
) AS counted
GROUP BY bucket
ORDER BY bucket

-- name: busiest_people
SELECT ref, events
FROM (
    SELECT person_id, count(*) AS events
    FROM access
    WHERE occurred_at >= $start AND occurred_at < $end
    GROUP BY person_id
) AS counted
LEFT JOIN person USING (person_id)
ORDER BY events DESC, ref
LIMIT 10

-- name: most_visited_screens
SELECT item_id, 'navigate', subject, path, events, people
FROM (
    SELECT item_id, count(*) AS events, count(DISTINCT person_id) AS people
    FROM access
    WHERE occurred_at >= $start AND occurred_at < $end
      AND item_id IN (
          SELECT item_id
          FROM item
          WHERE action_id = (SELECT action_id FROM action WHERE name = 'navigate')
      )
    GROUP BY item_id
) AS counted
JOIN item USING (item_id)
ORDER BY events DESC, item_id
LIMIT 10

-- name: activity_log
WITH page AS (
    SELECT item_id, count(*) AS events, count(DISTINCT person_id) AS people
    FROM access
    WHERE occurred_at >= $start AND occurred_at < $end
    GROUP BY item_id
    ORDER BY events DESC, item_id
    LIMIT 25
), access AS (
    SELECT item_id, min(occurred_at) AS first_access, max(occurred_at) AS last_access
    FROM access
    WHERE item_id IN (SELECT item_id FROM page)
    GROUP BY item_id
)
SELECT item_id, action.name, subject, path, events, people, first_access, last_access
FROM page
JOIN access USING (item_id)
JOIN item USING (item_id)
JOIN action USING (action_id)
ORDER BY events DESC, item_id

-- name: item_totals
SELECT count(*) FILTER (WHERE occurred_at >= $start), count(*) FILTER (WHERE occurred_at < $start),
       count(DISTINCT person_id) FILTER (WHERE occurred_at >= $start),
       count(DISTINCT person_id) FILTER (WHERE occurred_at < $start)
FROM access
WHERE item_id = $item
  AND ((occurred_at >= $start AND occurred_at < $end)
    OR (occurred_at >= $previous_start AND occurred_at < $previous_end))

-- name: item_ever
SELECT item_id, action.name, subject, path, first_access, last_access
FROM (
    SELECT item_id, min(occurred_at) AS first_access, max(occurred_at) AS last_access
    FROM access
    WHERE item_id = $item
    GROUP BY item_id
) AS seen
JOIN item USING (item_id)
JOIN action USING (action_id)

-- name: item_curve
SELECT to_char(occurred_at AT TIME ZONE 'America/Sao_Paulo', 'YYYY-MM-DD') AS day, count(*), count(DISTINCT person_id)
FROM access
WHERE item_id = $item AND occurred_at >= $start AND occurred_at < $end
GROUP BY day
ORDER BY day

-- name: access_history
WITH page AS (
    SELECT person_id, ref, count(*) AS events
    FROM access
    LEFT JOIN person USING (person_id)
    WHERE item_id = $item AND occurred_at >= $start AND occurred_at < $end
    GROUP BY person_id, ref
    ORDER BY events DESC, ref
    LIMIT 25
), access AS (
    SELECT person_id, min(occurred_at) AS first_access, max(occurred_at) AS last_access
    FROM access
    WHERE item_id = $item
    GROUP BY person_id
)
SELECT ref, events, first_access, last_access
FROM page
JOIN access USING (person_id)
ORDER BY events DESC, ref
