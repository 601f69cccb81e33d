-- The questions of docs/reference/questions.md in hand-written SQL, by number and, where there are several, letter.
-- `access` and `measurement` are what people did and what says something about it (bench/insights.py). PostgreSQL takes
-- the same text but for what is in insights_postgres.sql. Of a ratio there are numerator and denominator.

-- name: question_1
WITH seen AS (
    SELECT DISTINCT person_id, day, occurred_at >= $start AS is_current
    FROM access
    WHERE (occurred_at >= $start AND occurred_at < $end)
       OR (occurred_at >= $previous_start AND occurred_at < $previous_end)
), expected AS (
    SELECT count(DISTINCT ref) FILTER (WHERE first_day <= $last_day AND last_day >= $first_day) AS eligible,
           count(DISTINCT ref) FILTER (
               WHERE first_day <= $previous_last_day AND last_day >= $previous_first_day
           ) AS previous_eligible
    FROM catalog_eligible
), adopted AS (
    SELECT count(DISTINCT ref) FILTER (WHERE is_current) AS adopted,
           count(DISTINCT ref) FILTER (WHERE NOT is_current) AS previous_adopted
    FROM seen
    JOIN person USING (person_id)
    JOIN catalog_eligible USING (ref)
    WHERE day BETWEEN first_day AND last_day
), active AS (
    SELECT count(DISTINCT person_id) FILTER (WHERE is_current) AS people,
           count(DISTINCT person_id) FILTER (WHERE NOT is_current) AS previous_people,
           count(DISTINCT person_id) FILTER (WHERE is_current AND day > $last_day - 7) AS week,
           count(DISTINCT person_id) FILTER (WHERE NOT is_current AND day > $previous_last_day - 7) AS previous_week
    FROM seen
)
SELECT people, previous_people, eligible, previous_eligible, adopted, eligible, previous_adopted, previous_eligible,
       week, previous_week, people, previous_people
FROM active, expected, adopted

-- name: question_2a
WITH first_seen AS (
    SELECT person_id, min(day) AS first_day FROM access WHERE person_id IS NOT NULL GROUP BY person_id
), seen AS (
    SELECT DISTINCT person_id, CAST(date_trunc('month', DATE '1970-01-01' + day) AS DATE) AS month
    FROM access
    WHERE occurred_at >= $start AND occurred_at < $end
), told AS (
    SELECT month,
           first_day >= $first_day AND date_trunc('month', DATE '1970-01-01' + first_day) = month AS is_new
    FROM seen
    JOIN first_seen USING (person_id)
)
SELECT month, count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new)
FROM told
GROUP BY month
ORDER BY month

-- name: question_2b
WITH came AS (
    SELECT person_id, max(occurred_at) AS last_access, bool_or(occurred_at >= $start AND occurred_at < $end) AS is_used
    FROM access
    WHERE person_id IS NOT NULL
    GROUP BY person_id
)
SELECT ref, last_access
FROM (SELECT DISTINCT ref FROM catalog_eligible WHERE first_day <= $last_day AND last_day >= $first_day) AS known
LEFT JOIN person USING (ref)
LEFT JOIN came USING (person_id)
WHERE is_used IS NOT TRUE
ORDER BY last_access DESC NULLS LAST, ref
LIMIT 100

-- name: question_3
WITH seen AS (
    SELECT person_id, day, session, occurred_at >= $start AS is_current
    FROM access
    WHERE (occurred_at >= $start AND occurred_at < $end)
       OR (occurred_at >= $previous_start AND occurred_at < $previous_end)
), counted AS (
    SELECT count(DISTINCT CAST(person_id AS BIGINT) * 100000 + day) FILTER (WHERE is_current) AS days,
           count(DISTINCT CAST(person_id AS BIGINT) * 100000 + day) FILTER (WHERE NOT is_current) AS previous_days,
           count(DISTINCT person_id) FILTER (WHERE is_current) AS people,
           count(DISTINCT person_id) FILTER (WHERE NOT is_current) AS previous_people,
           count(DISTINCT session) FILTER (WHERE is_current) AS sessions,
           count(DISTINCT session) FILTER (WHERE NOT is_current) AS previous_sessions
    FROM seen
)
SELECT days / 28.0, people, previous_days / 28.0, previous_people, sessions, previous_sessions, people, previous_people
FROM counted

-- name: question_4
WITH seen AS (
    SELECT DISTINCT ref, day
    FROM access
    JOIN person USING (person_id)
    WHERE occurred_at >= $start AND occurred_at < $end
), used AS (
    SELECT team, count(DISTINCT ref) AS people
    FROM seen
    LEFT JOIN catalog_team AS t ON member = ref AND day BETWEEN t.first_day AND t.last_day
    GROUP BY team
), expected AS (
    SELECT team, count(DISTINCT ref) AS eligible
    FROM catalog_eligible AS e
    JOIN catalog_team AS t ON member = ref AND t.first_day <= e.last_day AND t.last_day >= e.first_day
    WHERE least(t.last_day, e.last_day) >= $first_day AND greatest(t.first_day, e.first_day) <= $last_day
    GROUP BY team
), adopted AS (
    SELECT team, count(DISTINCT ref) AS adopted
    FROM seen
    JOIN catalog_eligible AS e USING (ref)
    JOIN catalog_team AS t ON member = ref AND day BETWEEN t.first_day AND t.last_day
    WHERE day BETWEEN e.first_day AND e.last_day
    GROUP BY team
), known AS (
    SELECT ref AS team
    FROM catalog_entity
    WHERE kind = 'group' AND first_day <= $last_day AND last_day >= $first_day
    UNION
    SELECT team FROM catalog_team WHERE first_day <= $last_day AND last_day >= $first_day
    UNION
    SELECT team FROM used
)
SELECT known.team, coalesce(people, 0), coalesce(eligible, 0), coalesce(adopted, 0), coalesce(eligible, 0)
FROM known
LEFT JOIN used ON used.team IS NOT DISTINCT FROM known.team
LEFT JOIN expected ON expected.team = known.team
LEFT JOIN adopted ON adopted.team = known.team
ORDER BY coalesce(adopted, 0) * 1.0 / nullif(coalesce(eligible, 0), 0) NULLS LAST, known.team NULLS LAST
LIMIT 100

-- name: question_5
WITH seen AS (
    SELECT DISTINCT person_id, day
    FROM access
    WHERE occurred_at >= $start - INTERVAL '28 days' AND occurred_at < $end
), month AS (
    SELECT month, least(CAST(month + INTERVAL '1 month' AS DATE) - DATE '1970-01-01' - 1, $last_day) AS last_day
    FROM (SELECT DISTINCT CAST(date_trunc('month', DATE '1970-01-01' + day) AS DATE) AS month FROM seen) AS months
)
SELECT month, count(DISTINCT person_id)
FROM month
JOIN seen ON day > last_day - 28 AND day <= last_day
WHERE last_day >= $first_day
GROUP BY month
ORDER BY month

-- name: question_6
WITH active AS (
    SELECT person_id, CAST(date_trunc('month', DATE '1970-01-01' + day) AS DATE) AS month, min(day) AS day
    FROM access
    WHERE person_id IS NOT NULL
    GROUP BY 1, 2
), member AS (
    SELECT person_id, min(month) AS cohort
    FROM active
    GROUP BY person_id
    HAVING min(day) BETWEEN $first_day AND $last_day
), size AS (
    SELECT cohort, count(*) AS size FROM member GROUP BY cohort
), returned AS (
    SELECT cohort, month, count(*) AS people FROM member JOIN active USING (person_id) GROUP BY cohort, month
)
SELECT cohort,
       CAST((extract(year FROM m.month) - extract(year FROM cohort)) * 12 + extract(month FROM m.month)
            - extract(month FROM cohort) AS INTEGER),
       coalesce(people, 0), size, coalesce(people, 0), size, m.month + INTERVAL '1 month' <= DATE '1970-01-01' + $today
FROM size
JOIN (SELECT DISTINCT month FROM active) AS m ON m.month >= cohort
LEFT JOIN returned AS r USING (cohort, month)
ORDER BY cohort, m.month
LIMIT 100

-- name: question_7
WITH joined AS (
    SELECT ref, min(first_day) AS joined_on FROM catalog_eligible GROUP BY ref HAVING min(first_day) > 0
), arrived AS (
    SELECT ref, min(day) AS arrived_on
    FROM joined
    JOIN person USING (ref)
    JOIN access USING (person_id)
    WHERE day >= joined_on
    GROUP BY ref
)
SELECT CAST(date_trunc('month', DATE '1970-01-01' + joined_on) AS DATE) AS month, count(*), count(arrived_on), count(*),
       coalesce(sum(arrived_on - joined_on), 0), count(arrived_on)
FROM joined
LEFT JOIN arrived USING (ref)
WHERE joined_on BETWEEN $first_day AND $last_day
GROUP BY month
ORDER BY month

-- name: question_8
SELECT name, count(DISTINCT person_id) FILTER (WHERE occurred_at >= $start) AS people,
       count(DISTINCT person_id) FILTER (WHERE occurred_at < $start),
       count(*) FILTER (WHERE occurred_at >= $start), count(*) FILTER (WHERE occurred_at < $start)
FROM access
LEFT JOIN plugin USING (plugin_id)
WHERE (occurred_at >= $start AND occurred_at < $end)
   OR (occurred_at >= $previous_start AND occurred_at < $previous_end)
GROUP BY name
HAVING count(*) FILTER (WHERE occurred_at >= $start) > 0
ORDER BY people DESC, name NULLS LAST
LIMIT 100

-- name: question_9
WITH owned AS (
    SELECT ref, first_day, last_day FROM catalog_entity WHERE owner = 'group:default/payments'
), used AS (
    SELECT entity.ref,
           count(*) FILTER (WHERE occurred_at >= $start AND occurred_at < $end AND name = 'navigate') AS views,
           count(DISTINCT person_id) FILTER (WHERE occurred_at >= $start AND occurred_at < $end) AS people,
           max(occurred_at) AS last_access
    FROM access
    JOIN entity USING (entity_id)
    JOIN action USING (action_id)
    JOIN owned ON owned.ref = entity.ref AND day BETWEEN first_day AND last_day
    GROUP BY entity.ref
), engaged AS (
    SELECT entity.ref, sum(value) AS seconds
    FROM measurement
    JOIN entity USING (entity_id)
    JOIN action USING (action_id)
    JOIN owned ON owned.ref = entity.ref AND day BETWEEN first_day AND last_day
    WHERE occurred_at >= $start AND occurred_at < $end AND name = 'engage'
    GROUP BY entity.ref
)
SELECT ref, coalesce(views, 0) AS views, coalesce(people, 0), coalesce(seconds, 0), last_access
FROM (SELECT DISTINCT ref FROM owned WHERE first_day <= $last_day AND last_day >= $first_day) AS known
LEFT JOIN used USING (ref)
LEFT JOIN engaged USING (ref)
ORDER BY views DESC, ref
LIMIT 100

-- name: question_10
WITH tasks AS (
    SELECT CAST(date_trunc('month', DATE '1970-01-01' + day) AS DATE) AS month, count(*) AS succeeded
    FROM measurement
    JOIN action USING (action_id)
    WHERE occurred_at >= $start AND occurred_at < $end AND name = 'task-succeeded'
    GROUP BY month
), begun AS (
    SELECT CAST(date_trunc('month', DATE '1970-01-01' + day) AS DATE) AS month, count(*) AS entities
    FROM (SELECT ref, min(first_day) AS day FROM catalog_entity GROUP BY ref) AS first_seen
    WHERE day BETWEEN $first_day AND $last_day
    GROUP BY month
)
SELECT month, coalesce(succeeded, 0), coalesce(entities, 0)
FROM tasks
FULL JOIN begun USING (month)
ORDER BY month

-- name: question_11
SELECT template, coalesce(sum(value) FILTER (WHERE name = 'task-succeeded'), 0) AS minutes,
       count(*) FILTER (WHERE name = 'task-succeeded'), count(*) FILTER (WHERE name = 'task-failed')
FROM measurement
JOIN action USING (action_id)
LEFT JOIN entity USING (entity_id)
WHERE occurred_at >= $start AND occurred_at < $end AND name IN ('task-succeeded', 'task-failed')
GROUP BY template
ORDER BY minutes DESC, template NULLS LAST
LIMIT 100

-- name: question_12
WITH step AS (
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
           1 + (b.place IS NOT NULL)::INTEGER + (c.place IS NOT NULL)::INTEGER + (d.place IS NOT NULL)::INTEGER AS reach
    FROM (SELECT * FROM step WHERE is_first AND occurred_at < $end) AS a
    ASOF LEFT JOIN (SELECT * FROM step WHERE is_second) AS b_any
      ON b_any.person_id = a.person_id AND b_any.place > a.place
    LEFT JOIN step AS b ON b.place = b_any.place AND b.occurred_at <= a.occurred_at + INTERVAL '1 day'
    ASOF LEFT JOIN (SELECT * FROM step WHERE is_third) AS c_any
      ON c_any.person_id = b.person_id AND c_any.place > b.place
    LEFT JOIN step AS c ON c.place = c_any.place AND c.occurred_at <= a.occurred_at + INTERVAL '1 day'
    ASOF LEFT JOIN (SELECT * FROM step WHERE is_fourth) AS d_any
      ON d_any.person_id = c.person_id AND d_any.place > c.place
    LEFT JOIN step AS d ON d.place = d_any.place AND d.occurred_at <= a.occurred_at + INTERVAL '1 day'
), best AS (
    SELECT DISTINCT ON (person_id) * FROM chain ORDER BY person_id, reach DESC, place
), counted AS (
    SELECT 1 AS step, (SELECT count(*) FROM best) AS people, (SELECT count(DISTINCT place) FROM chain) AS events,
           CAST(NULL AS DOUBLE) AS seconds
    UNION ALL
    SELECT 2, count(*) FILTER (WHERE reach >= 2), (SELECT count(DISTINCT place_2) FROM chain),
           median(epoch(at_2 - occurred_at))
    FROM best
    UNION ALL
    SELECT 3, count(*) FILTER (WHERE reach >= 3), (SELECT count(DISTINCT place_3) FROM chain),
           median(epoch(at_3 - at_2))
    FROM best
    UNION ALL
    SELECT 4, count(*) FILTER (WHERE reach >= 4), (SELECT count(DISTINCT place_4) FROM chain),
           median(epoch(at_4 - at_3))
    FROM best
)
SELECT step, people, events, people, coalesce(lag(people) OVER (ORDER BY step), 0), people, first(people) OVER (ORDER BY step), seconds
FROM counted
ORDER BY step

-- name: question_13a
SELECT doc_site, count(*) FILTER (WHERE action.name = 'navigate') AS views, count(DISTINCT person_id)
FROM access
JOIN path USING (path_id)
JOIN action USING (action_id)
WHERE occurred_at >= $start AND occurred_at < $end AND doc_site IS NOT NULL
GROUP BY doc_site
ORDER BY views DESC, doc_site
LIMIT 100

-- name: question_13b
WITH seen AS (
    SELECT doc_site, max(occurred_at) AS last_access,
           bool_or(occurred_at >= $start AND occurred_at < $end AND action_id = (SELECT action_id FROM action WHERE name = 'navigate')) AS is_used
    FROM access
    JOIN path USING (path_id)
    WHERE doc_site IS NOT NULL
    GROUP BY doc_site
)
SELECT known.ref, 0, last_access
FROM (
    SELECT DISTINCT ref FROM catalog_entity WHERE has_docs AND first_day <= $last_day AND last_day >= $first_day
) AS known
LEFT JOIN seen ON doc_site = known.ref
WHERE is_used IS NOT TRUE
ORDER BY known.ref
LIMIT 100

-- name: question_13c
SELECT subject, count(*) AS events, count(DISTINCT person_id)
FROM access
JOIN item USING (item_id)
WHERE occurred_at >= $start AND occurred_at < $end AND action = 'not-found'
GROUP BY subject
ORDER BY events DESC, subject
LIMIT 100

-- name: question_14
WITH read AS (
    SELECT doc_site, count(*) FILTER (WHERE action.name = 'navigate') AS views, count(DISTINCT person_id) AS people
    FROM access
    JOIN path USING (path_id)
    JOIN action USING (action_id)
    WHERE occurred_at >= $start AND occurred_at < $end AND doc_site IS NOT NULL
    GROUP BY doc_site
), engaged AS (
    SELECT doc_site, sum(value) AS seconds
    FROM measurement
    JOIN path USING (path_id)
    JOIN action USING (action_id)
    WHERE occurred_at >= $start AND occurred_at < $end AND doc_site IS NOT NULL AND action.name = 'engage'
    GROUP BY doc_site
)
SELECT doc_site, coalesce(seconds, 0) AS seconds, coalesce(views, 0), coalesce(people, 0)
FROM read
FULL JOIN engaged USING (doc_site)
ORDER BY seconds DESC, doc_site
LIMIT 100

-- name: question_15a
WITH found AS (
    SELECT session, person_id, occurred_at, position, value, name = 'search' AS is_search
    FROM access
    JOIN action USING (action_id)
    WHERE occurred_at >= $previous_start AND name IN ('search', 'discover')
), numbered AS (
    SELECT *,
           sum(CASE WHEN is_search THEN 1 ELSE 0 END) OVER (
               PARTITION BY session, person_id ORDER BY occurred_at, is_search DESC, position ROWS UNBOUNDED PRECEDING
           ) AS number
    FROM found
), searched AS (
    SELECT *, bool_or(NOT is_search) OVER (PARTITION BY session, person_id, number) AS is_clicked,
           occurred_at >= $start AS is_current
    FROM numbered
)
SELECT count(*) FILTER (WHERE is_search AND is_current), count(*) FILTER (WHERE is_search AND NOT is_current),
       count(*) FILTER (WHERE is_search AND is_current AND value = 0),
       count(value) FILTER (WHERE is_search AND is_current),
       count(*) FILTER (WHERE is_search AND NOT is_current AND value = 0),
       count(value) FILTER (WHERE is_search AND NOT is_current),
       count(*) FILTER (WHERE is_search AND is_current AND is_clicked),
       count(*) FILTER (WHERE is_search AND is_current),
       count(*) FILTER (WHERE is_search AND NOT is_current AND is_clicked),
       count(*) FILTER (WHERE is_search AND NOT is_current),
       coalesce(sum(value) FILTER (WHERE NOT is_search AND is_current), 0),
       count(value) FILTER (WHERE NOT is_search AND is_current),
       coalesce(sum(value) FILTER (WHERE NOT is_search AND NOT is_current), 0),
       count(value) FILTER (WHERE NOT is_search AND NOT is_current)
FROM searched
WHERE (occurred_at >= $start AND occurred_at < $end) OR occurred_at < $previous_end

-- name: question_15b
SELECT max(spelling), count(*) AS searches, count(DISTINCT person_id), count(*) FILTER (WHERE value = 0), count(value)
FROM access
JOIN item USING (item_id)
WHERE occurred_at >= $start AND occurred_at < $end AND action = 'search' AND term IS NOT NULL
GROUP BY term
ORDER BY count(*) FILTER (WHERE value = 0) * 1.0 / nullif(count(value), 0) DESC NULLS LAST, searches DESC, max(spelling)
LIMIT 100

-- name: question_15c
WITH found AS (
    SELECT session, person_id, occurred_at, position, context_id, name = 'search' AS is_search
    FROM access
    JOIN action USING (action_id)
    WHERE occurred_at >= $start AND name IN ('search', 'discover')
), numbered AS (
    SELECT *,
           sum(CASE WHEN is_search THEN 1 ELSE 0 END) OVER (
               PARTITION BY session, person_id ORDER BY occurred_at, is_search DESC, position ROWS UNBOUNDED PRECEDING
           ) AS number
    FROM found
), searched AS (
    SELECT *, bool_or(NOT is_search) OVER (PARTITION BY session, person_id, number) AS is_clicked
    FROM numbered
)
SELECT extension, count(*) AS searches, count(*) FILTER (WHERE is_clicked), count(*)
FROM searched
LEFT JOIN context USING (context_id)
WHERE is_search AND occurred_at < $end
GROUP BY extension
ORDER BY searches DESC, extension NULLS LAST
LIMIT 100

-- name: question_16
WITH began AS (
    SELECT kind, count(*) AS entities
    FROM (SELECT kind, ref, min(first_day) AS day FROM catalog_entity GROUP BY kind, ref) AS first_seen
    WHERE day BETWEEN $first_day AND $last_day
    GROUP BY kind
), held AS (
    SELECT kind, count(*) AS entities,
           kind IN ('api', 'component', 'domain', 'resource', 'system', 'template') AS is_owned_kind,
           count(owner) AS owned, count(*) FILTER (WHERE has_docs) AS documented
    FROM catalog_entity
    WHERE first_day <= $last_day AND last_day >= $last_day
    GROUP BY kind
)
SELECT kind, held.entities, coalesce(began.entities, 0), CASE WHEN is_owned_kind THEN owned ELSE 0 END,
       CASE WHEN is_owned_kind THEN held.entities ELSE 0 END, CASE WHEN is_owned_kind THEN documented ELSE 0 END,
       CASE WHEN is_owned_kind THEN held.entities ELSE 0 END
FROM held
LEFT JOIN began USING (kind)
ORDER BY held.entities DESC, kind
LIMIT 100

-- name: question_17a
WITH page AS (
    SELECT entity_id, ref, count(*) FILTER (WHERE name = 'navigate') AS views, count(DISTINCT person_id) AS people
    FROM access
    JOIN entity USING (entity_id)
    JOIN action USING (action_id)
    WHERE occurred_at >= $start AND occurred_at < $end AND kind = 'api'
    GROUP BY entity_id, ref
    ORDER BY views DESC, ref
    LIMIT 100
), seen AS (
    SELECT entity_id, max(occurred_at) AS last_access
    FROM access
    WHERE entity_id IN (SELECT entity_id FROM page)
    GROUP BY entity_id
)
SELECT ref, views, people, last_access
FROM page
JOIN seen USING (entity_id)
ORDER BY views DESC, ref

-- name: question_17b
SELECT person.ref, count(*) FILTER (WHERE occurred_at >= $start AND occurred_at < $end AND name = 'navigate') AS views,
       max(occurred_at)
FROM access
JOIN entity USING (entity_id)
JOIN action USING (action_id)
LEFT JOIN person USING (person_id)
WHERE entity.ref = 'component:default/engineering-handbook'
GROUP BY person.ref
HAVING count(*) FILTER (WHERE occurred_at >= $start AND occurred_at < $end AND name = 'navigate') > 0
ORDER BY views DESC, person.ref NULLS LAST
LIMIT 100

-- name: question_18a
WITH began AS (
    SELECT session, arg_min(path_id, (occurred_at, position)) AS path_id
    FROM access
    WHERE action_id = (SELECT action_id FROM action WHERE name = 'navigate')
      AND session IN (SELECT session FROM access WHERE occurred_at >= $start AND occurred_at < $end)
    GROUP BY session
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
    SELECT session, arg_max(path_id, (occurred_at, position)) AS path_id
    FROM access
    WHERE action_id = (SELECT action_id FROM action WHERE name = 'navigate')
      AND session IN (SELECT session FROM access WHERE occurred_at >= $start AND occurred_at < $end)
    GROUP BY session
)
SELECT path.name, count(DISTINCT access.session) AS sessions, count(DISTINCT person_id)
FROM access
LEFT JOIN ended USING (session)
LEFT JOIN path ON path.path_id = ended.path_id
WHERE occurred_at >= $start AND occurred_at < $end
GROUP BY path.name
ORDER BY sessions DESC, path.name NULLS LAST
LIMIT 100

-- name: question_18c
WITH around AS (
    SELECT position, session
    FROM access
    JOIN item USING (item_id)
    WHERE occurred_at >= $start AND occurred_at < $end
      AND session IS NOT NULL AND subject = '/docs' AND action = 'navigate'
), visited AS (
    SELECT session, person_id, item_id, occurred_at, position,
           item_id IS DISTINCT FROM lag(item_id) OVER (PARTITION BY session ORDER BY occurred_at, position) AS begins
    FROM access
    JOIN item USING (item_id)
    WHERE action = 'navigate' AND session IN (SELECT session FROM around)
), placed AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY session ORDER BY occurred_at, position) AS place
    FROM visited
), centre AS (
    SELECT DISTINCT session, person_id, place FROM placed WHERE position IN (SELECT position FROM around)
), seen AS (
    SELECT step, p.item_id, c.person_id, c.session
    FROM centre AS c
    CROSS JOIN (VALUES (-1), (1), (2)) AS steps (step)
    LEFT JOIN (SELECT session, place, item_id FROM placed WHERE begins) AS p
      ON p.session = c.session AND p.place = c.place + step
), counted AS (
    SELECT step, item_id, count(DISTINCT person_id) AS people, count(DISTINCT session) AS sessions
    FROM seen
    GROUP BY step, item_id
), total AS (
    SELECT count(DISTINCT session) AS sessions FROM centre
)
SELECT step, counted.item_id, action, subject, path,
       CASE WHEN counted.item_id IS NULL THEN CASE WHEN step < 0 THEN 'start' ELSE 'end' END END,
       people, counted.sessions, counted.sessions, total.sessions
FROM counted
CROSS JOIN total
LEFT JOIN item ON item.item_id = counted.item_id
ORDER BY step, counted.sessions DESC, counted.item_id NULLS LAST
LIMIT 100

-- name: question_19a
SELECT CAST(date_trunc('week', DATE '1970-01-01' + day) AS DATE) AS week, count(DISTINCT person_id), count(*)
FROM access
WHERE occurred_at >= $start AND occurred_at < $end
GROUP BY week
ORDER BY week

-- name: question_19b
SELECT count(DISTINCT person_id) FILTER (WHERE occurred_at >= $start),
       count(DISTINCT person_id) FILTER (WHERE occurred_at < $start),
       count(*) FILTER (WHERE occurred_at >= $start), count(*) FILTER (WHERE occurred_at < $start)
FROM access
WHERE (occurred_at >= $start AND occurred_at < $end)
   OR (occurred_at >= $previous_start AND occurred_at < $previous_end)

-- name: question_20
SELECT DATE '1970-01-01' + day AS date, count(*), count(DISTINCT person_id), count(DISTINCT session)
FROM access
WHERE occurred_at >= $start AND occurred_at < $end
GROUP BY day
ORDER BY day

-- name: question_21
SELECT ref, count(*) AS events, count(DISTINCT session), count(DISTINCT person_id)
FROM access
JOIN person USING (person_id)
WHERE occurred_at >= $start AND occurred_at < $end
GROUP BY ref
ORDER BY events DESC, ref
LIMIT 5

-- name: question_22
SELECT subject, count(*) AS events, count(DISTINCT person_id)
FROM access
JOIN item USING (item_id)
WHERE occurred_at >= $start AND occurred_at < $end AND action = 'feedback'
GROUP BY subject
ORDER BY events DESC, subject
LIMIT 100

-- name: question_23a
WITH chosen AS (
    SELECT owner, ref, first_day, last_day, min(first_day) OVER (PARTITION BY ref) AS began
    FROM catalog_entity
    WHERE type = 'backstage-plugin'
)
SELECT owner, count(*) FILTER (WHERE first_day <= $last_day AND last_day >= $last_day) AS entities,
       count(*) FILTER (WHERE first_day = began AND began BETWEEN $first_day AND $last_day)
FROM chosen
GROUP BY owner
ORDER BY entities DESC, owner NULLS LAST
LIMIT 100

-- name: question_23b
SELECT owner, count(*) AS entities
FROM catalog_entity
WHERE type = 'library' AND first_day <= $last_day AND last_day >= $last_day
GROUP BY owner
ORDER BY entities DESC, owner NULLS LAST
LIMIT 100

-- name: question_24
SELECT agent.name, count(*) AS events, count(DISTINCT person_id)
FROM any_access
LEFT JOIN agent USING (agent_id)
WHERE occurred_at >= $start AND occurred_at < $end
GROUP BY agent.name
ORDER BY events DESC, agent.name NULLS LAST
LIMIT 100

-- name: question_25
SELECT item_id, action, subject, path, events, first_access, last_access
FROM (
    SELECT item_id, count(*) AS events, min(occurred_at) AS first_access, max(occurred_at) AS last_access
    FROM access
    WHERE person_id = (SELECT person_id FROM person WHERE ref = 'user:default/ana.alves')
    GROUP BY item_id
) AS counted
JOIN item USING (item_id)
ORDER BY events DESC, item_id
LIMIT 100
