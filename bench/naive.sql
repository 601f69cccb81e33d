-- The original's statements for one event, each its own round trip and transaction.

-- name: schema
-- As in the original: no index on the subject, `access_count` of the item kept in the row.
CREATE TABLE analytics (
    id serial PRIMARY KEY,
    action varchar(255) NOT NULL,
    subject varchar(255) NOT NULL,
    namespace varchar(255),
    path varchar(255),
    access_count integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE metrics (
    id serial PRIMARY KEY,
    analytics_id integer NOT NULL REFERENCES analytics,
    name varchar(255) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- The original may lack this index: we know only that it looks up subjects without one.
CREATE INDEX ON metrics (analytics_id)

-- name: find_item
SELECT id
FROM analytics
WHERE subject = $1
LIMIT 1

-- name: insert_item
INSERT INTO analytics (action, subject)
VALUES ($1, $2)
RETURNING id

-- name: count_access
UPDATE analytics
SET access_count = access_count + 1, updated_at = now()
WHERE id = $1

-- name: find_user
SELECT id
FROM metrics
WHERE analytics_id = $1 AND name = $2
LIMIT 1

-- name: insert_user
INSERT INTO metrics (analytics_id, name)
VALUES ($1, $2)

-- name: touch_user
UPDATE metrics
SET updated_at = now()
WHERE id = $1

-- name: empty
TRUNCATE analytics, metrics

-- name: fill
-- This many items, each with one user. The names are those of bench.events.subject_of.
WITH item AS (
    INSERT INTO analytics (action, subject)
    SELECT 'navigate', '/docs/default/component/service-' || (n / 10) || '/page-' || (n % 10)
    FROM generate_series(0, $1::integer - 1) AS n
    RETURNING id
)
INSERT INTO metrics (analytics_id, name)
SELECT id, 'user:default/guest'
FROM item
