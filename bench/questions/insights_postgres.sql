-- Where PostgreSQL needs another text than that of insights_duckdb.sql.

-- name: question_12
WITH step AS MATERIALIZED (
    SELECT person_id, occurred_at, row_number() OVER (ORDER BY occurred_at, position) AS place,
           subject = '/create/templates/default/react-app' AS is_first,
           template = 'template:default/react-app' AND subject = 'Next Step (1)' AS is_second,
           template = 'template:default/react-app' AND subject = 'Next Step (3)' AS is_third,
           template = 'template:default/react-app' AND action = 'create' AS is_fourth
    FROM access
    JOIN item USING (item_id)
    LEFT JOIN entity USING (entity_id)
    WHERE person_id IS NOT NULL
      AND occurred_at >= $start
      AND (subject = '/create/templates/default/react-app' OR template = 'template:default/react-app')
), chain AS (
    SELECT a.person_id, a.place, b.place AS place_2, c.place AS place_3, d.place AS place_4, a.occurred_at,
           b.occurred_at AS at_2, c.occurred_at AS at_3, d.occurred_at AS at_4,
           1 + (b.place IS NOT NULL)::integer + (c.place IS NOT NULL)::integer + (d.place IS NOT NULL)::integer AS reach
    FROM step AS a
    LEFT JOIN LATERAL (
        SELECT * FROM step AS n WHERE is_second AND n.person_id = a.person_id AND n.place > a.place
        AND n.occurred_at <= a.occurred_at + INTERVAL '1 day' ORDER BY n.place LIMIT 1
    ) AS b ON true
    LEFT JOIN LATERAL (
        SELECT * FROM step AS n WHERE is_third AND n.person_id = b.person_id AND n.place > b.place
        AND n.occurred_at <= a.occurred_at + INTERVAL '1 day' ORDER BY n.place LIMIT 1
    ) AS c ON true
    LEFT JOIN LATERAL (
        SELECT * FROM step AS n WHERE is_fourth AND n.person_id = c.person_id AND n.place > c.place
        AND n.occurred_at <= a.occurred_at + INTERVAL '1 day' ORDER BY n.place LIMIT 1
    ) AS d ON true
    WHERE a.is_first AND a.occurred_at < $end
), best AS (
    SELECT DISTINCT ON (person_id) * FROM chain ORDER BY person_id, reach DESC, place
), counted AS (
    SELECT 1 AS step, (SELECT count(*) FROM best) AS people, (SELECT count(DISTINCT place) FROM chain) AS events,
           NULL::double precision AS seconds
    UNION ALL
    SELECT 2, count(*) FILTER (WHERE reach >= 2), (SELECT count(DISTINCT place_2) FROM chain),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at_2 - occurred_at))
    FROM best
    UNION ALL
    SELECT 3, count(*) FILTER (WHERE reach >= 3), (SELECT count(DISTINCT place_3) FROM chain),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at_3 - at_2))
    FROM best
    UNION ALL
    SELECT 4, count(*) FILTER (WHERE reach >= 4), (SELECT count(DISTINCT place_4) FROM chain),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at_4 - at_3))
    FROM best
)
SELECT step, people, events, people, coalesce(lag(people) OVER (ORDER BY step), 0), people, first_value(people) OVER (ORDER BY step),
       seconds
FROM counted
ORDER BY step

-- name: question_18a
WITH began AS (
    SELECT DISTINCT ON (session) session, path_id
    FROM access
    JOIN item USING (item_id)
    WHERE item.action = 'navigate'
      AND session IN (SELECT session FROM access WHERE occurred_at >= $start AND occurred_at < $end)
    ORDER BY session, occurred_at, position
)
SELECT path.name, count(DISTINCT access.session) AS sessions, count(DISTINCT person_id)
FROM access
LEFT JOIN began USING (session)
LEFT JOIN path ON path.path_id = began.path_id
WHERE occurred_at >= $start AND occurred_at < $end
GROUP BY path.name
ORDER BY sessions DESC, path.name NULLS LAST
LIMIT 100

-- name: question_18b
WITH ended AS (
    SELECT DISTINCT ON (session) session, path_id
    FROM access
    JOIN item USING (item_id)
    WHERE item.action = 'navigate'
      AND session IN (SELECT session FROM access WHERE occurred_at >= $start AND occurred_at < $end)
    ORDER BY session, occurred_at DESC, position DESC
)
SELECT path.name, count(DISTINCT access.session) AS sessions, count(DISTINCT person_id)
FROM access
LEFT JOIN ended USING (session)
LEFT JOIN path ON path.path_id = ended.path_id
WHERE occurred_at >= $start AND occurred_at < $end
GROUP BY path.name
ORDER BY sessions DESC, path.name NULLS LAST
LIMIT 100
