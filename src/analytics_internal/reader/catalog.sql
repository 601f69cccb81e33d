-- From the catalog's history to days. Of a time that is before or after all days, {first} and {last} are the day.

-- name: forget
DELETE FROM {table}

-- name: history
-- What was read of PostgreSQL: {name} is the table, {csv} the file.
INSERT INTO {name} SELECT * FROM {csv}

-- name: entities
-- A version counts on the days at whose end it held.
INSERT INTO catalog_entity BY NAME
SELECT dated.* EXCLUDE (valid_from, valid_to)
FROM ({dated}) AS dated
WHERE first_day <= last_day

-- name: dated
-- A table of the history, with days: the first is that of the beginning; the end's own day ends without it.
SELECT h.*,
       CASE WHEN h.valid_from < s.starts_at OR s.starts_at IS NULL THEN {first}
            ELSE (epoch_us(h.valid_from) + s.shift_us) // 86_400_000_000 END AS first_day,
       CASE WHEN isinf(h.valid_to) AND h.valid_to > TIMESTAMP '2000-01-01' THEN {last}
            WHEN e.starts_at IS NULL THEN {first}
            ELSE (epoch_us(h.valid_to) + e.shift_us) // 86_400_000_000 - 1 END AS last_day
FROM {history} AS h
ASOF LEFT JOIN day_shift AS s ON h.valid_from >= s.starts_at
ASOF LEFT JOIN day_shift AS e ON h.valid_to >= e.starts_at

-- name: teams
-- People's teams and all parents of these. Groups first: there are few of them. UNION ends where groups are members of
-- each other, because each step only adds a stretch of days that was not found before.
CREATE OR REPLACE TEMP TABLE reached AS
WITH RECURSIVE membership AS (
    SELECT member, team, first_day::BIGINT AS first_day, last_day::BIGINT AS last_day
    FROM ({dated})
    WHERE first_day <= last_day
), above AS (
    SELECT * FROM membership WHERE starts_with(member, 'group:')
    UNION
    SELECT a.member, m.team, greatest(a.first_day, m.first_day), least(a.last_day, m.last_day)
    FROM above AS a
    JOIN membership AS m ON m.member = a.team AND m.first_day <= a.last_day AND m.last_day >= a.first_day
), direct AS (
    SELECT * FROM membership WHERE NOT starts_with(member, 'group:')
)
SELECT *, true AS is_direct FROM direct
UNION ALL
SELECT d.member, a.team, greatest(a.first_day, d.first_day), least(a.last_day, d.last_day), false
FROM direct AS d
JOIN above AS a ON a.member = d.team AND a.first_day <= d.last_day AND a.last_day >= d.first_day

-- name: teams_apart
-- The same without overlaps: at each day at which something begins or ends it is counted how much holds from then on.
INSERT INTO catalog_team BY NAME
WITH stretch AS (
    SELECT member, team, day AS first_day, lead(day) OVER pair - 1 AS last_day, sum(direct) OVER pair > 0 AS is_direct,
           sum(holds) OVER pair > 0 AS is_member
    FROM (
        SELECT member, team, day, sum(sign)::BIGINT AS holds, coalesce(sum(sign) FILTER (is_direct), 0)::BIGINT AS direct
        FROM (
            SELECT member, team, is_direct, first_day AS day, 1 AS sign FROM reached
            UNION ALL
            SELECT member, team, is_direct, last_day + 1, -1 FROM reached
        )
        GROUP BY ALL
    )
    WINDOW pair AS (PARTITION BY member, team ORDER BY day)
), numbered AS (
    SELECT *, first_day - sum(last_day - first_day + 1) OVER (PARTITION BY member, team, is_direct ORDER BY first_day)
              + last_day - first_day AS island
    FROM stretch
    WHERE is_member
)
SELECT member, team, min(first_day) AS first_day, max(last_day) AS last_day, is_direct
FROM numbered
GROUP BY member, team, is_direct, island

-- name: eligible_users
-- Everyone whom the catalog knows as a user.
CREATE OR REPLACE TEMP TABLE eligible AS
SELECT ref, first_day::BIGINT AS first_day, last_day::BIGINT AS last_day
FROM catalog_entity
WHERE kind = 'user'

-- name: eligible_members
-- The members of some groups and of their children.
CREATE OR REPLACE TEMP TABLE eligible AS
SELECT member AS ref, first_day::BIGINT AS first_day, last_day::BIGINT AS last_day
FROM catalog_team
WHERE team IN (SELECT unnest($groups::VARCHAR[]))

-- name: eligible_apart
-- The same, so that the days of one person neither overlap nor touch.
INSERT INTO catalog_eligible BY NAME
WITH stretch AS (
    SELECT *, max(last_day) OVER (
        PARTITION BY ref ORDER BY first_day, last_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS reached
    FROM eligible
), island AS (
    SELECT *, sum((reached IS NULL OR first_day > reached + 1)::INTEGER) OVER (
        PARTITION BY ref ORDER BY first_day, last_day ROWS UNBOUNDED PRECEDING
    ) AS number
    FROM stretch
)
SELECT ref, min(first_day) AS first_day, max(last_day) AS last_day
FROM island
GROUP BY ref, number

-- name: basis
INSERT INTO catalog
VALUES ($version, $groups)
