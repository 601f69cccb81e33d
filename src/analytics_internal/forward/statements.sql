-- The state of destinations. A worker's statements demand that it still is the row's holder.

-- name: add
-- $3: where it starts. A destination that was there before keeps its position.
INSERT INTO destination (name, type, start_position, position)
VALUES ($1, $2, $3, $3)
ON CONFLICT (name) DO NOTHING

-- name: positions
SELECT name, position
FROM destination
ORDER BY name

-- name: take_over
-- $4: only where $2 is the holder already. What changes nothing here needs the rights that `advance` and
-- `settle_replayed` need.
WITH buried AS (
    INSERT INTO dead_letter (destination, position, event_id, reason, detail, status, answer)
    SELECT destination, position, event_id, reason, detail, status, answer
    FROM dead_letter
    WHERE false
    ON CONFLICT (destination, position) DO UPDATE SET is_queued = false
), settled AS (
    DELETE FROM dead_letter
    WHERE false
), moved AS (
    UPDATE replay
    SET position = position
    WHERE false
)
UPDATE destination
SET holder = $2, held_at = clock_timestamp(), type = $3
WHERE name = $1
  AND (NOT $4::boolean OR holder = $2)
RETURNING name

-- name: watch
-- What its worker looks at before every step, with the log's head.
SELECT d.holder, d.position, d.start_position, d.is_paused, d.stopped_because, d.failures, d.next_attempt_at,
       h.position AS head, h.log_id,
       least(d.start_position, (SELECT min(r.after_position) FROM replay r WHERE r.destination = d.name)) AS earliest,
       EXISTS (SELECT FROM dead_letter l WHERE l.destination = d.name AND l.is_queued) AS has_queued,
       EXISTS (SELECT FROM replay r WHERE r.destination = d.name AND r.ended_at IS NULL) AS has_replay
FROM destination d
CROSS JOIN log_head h
WHERE d.name = $1

-- name: advance
-- Move the position from $3 to $4, with counts ($5 delivered, $6 filtered out, $8 missing) and dead letters ($9 to $14).
-- Returns no row if another one holds it, if the row moved meanwhile, or if this log has not the batch $16 at the
-- position $15: the database was replaced by a standby that lacks what was delivered.
-- The commit waits for no disk: a lost position only delivers again.
WITH lazily AS (
    SELECT set_config('synchronous_commit', 'off', true)
), moved AS (
    UPDATE destination d
    SET position = $4,
        moved_at = clock_timestamp(),
        delivered = d.delivered + $5::bigint,
        filtered = d.filtered + $6::bigint,
        dead = d.dead + $7::bigint,
        missing = d.missing + $8::bigint,
        delivered_at = CASE WHEN $5::bigint > 0 THEN clock_timestamp() ELSE d.delivered_at END,
        failures = CASE WHEN $5::bigint > 0 THEN 0 ELSE d.failures END,
        next_attempt_at = NULL
    FROM lazily
    WHERE d.name = $1
      AND d.holder = $2
      AND d.position = $3
      AND EXISTS (SELECT FROM log_head h WHERE h.position >= $4)
      AND ($16::bigint IS NULL OR EXISTS (
          SELECT FROM log_batch b
          WHERE b.first_position <= $15::bigint
            AND b.first_position > $15::bigint - $17::bigint
            AND b.first_position + b.events > $15::bigint
            AND b.batch_id = $16::bigint
      ))
    RETURNING d.name, d.is_paused, d.stopped_because
), buried AS (
    INSERT INTO dead_letter (destination, position, event_id, reason, detail, status, answer)
    SELECT m.name, letter.*
    FROM moved m
    CROSS JOIN unnest($9::bigint[], $10::uuid[], $11::text[], $12::text[], $13::integer[], $14::text[]) AS letter
    ON CONFLICT (destination, position) DO UPDATE
    SET event_id = excluded.event_id, reason = excluded.reason, detail = excluded.detail, status = excluded.status,
        answer = excluded.answer, died_at = excluded.died_at, is_queued = false
)
SELECT is_paused, stopped_because
FROM moved

-- name: settle_replayed
-- Events that were sent once more: $3 delivered; the replay $4 is now at $5; the dead letters at $6 are no more; $7 to
-- $12 were refused again. Returns no row if another one holds the destination.
WITH lazily AS (
    SELECT set_config('synchronous_commit', 'off', true)
), held AS (
    UPDATE destination d
    SET redelivered = d.redelivered + $3::bigint,
        delivered_at = CASE WHEN $3::bigint > 0 THEN clock_timestamp() ELSE d.delivered_at END,
        failures = CASE WHEN $3::bigint > 0 THEN 0 ELSE d.failures END,
        next_attempt_at = NULL
    FROM lazily
    WHERE d.name = $1
      AND d.holder = $2
    RETURNING d.name, d.is_paused, d.stopped_because
), moved AS (
    UPDATE replay r
    SET position = $5, ended_at = CASE WHEN $5::bigint >= r.up_to_position THEN clock_timestamp() END
    FROM held
    WHERE r.replay_id = $4::bigint
      AND r.destination = held.name
      AND r.ended_at IS NULL
), settled AS (
    DELETE FROM dead_letter l
    USING held
    WHERE l.destination = held.name
      AND l.position = ANY($6::bigint[])
), buried AS (
    INSERT INTO dead_letter (destination, position, event_id, reason, detail, status, answer)
    SELECT h.name, letter.*
    FROM held h
    CROSS JOIN unnest($7::bigint[], $8::uuid[], $9::text[], $10::text[], $11::integer[], $12::text[]) AS letter
    ON CONFLICT (destination, position) DO UPDATE
    SET event_id = excluded.event_id, reason = excluded.reason, detail = excluded.detail, status = excluded.status,
        answer = excluded.answer, died_at = excluded.died_at, is_queued = false
)
SELECT is_paused, stopped_because
FROM held

-- name: record_failure
-- The next attempt is $6 after now.
UPDATE destination
SET failed_attempts = failed_attempts + 1, failures = failures + 1, failed_at = clock_timestamp(), error = $3,
    error_status = $4, error_answer = $5, next_attempt_at = clock_timestamp() + $6::interval
WHERE name = $1
  AND holder = $2
RETURNING failures

-- name: stop
UPDATE destination
SET stopped_because = $3, failed_attempts = failed_attempts + 1, failures = failures + 1,
    failed_at = clock_timestamp(), error = $3, error_status = $4, error_answer = $5, next_attempt_at = NULL
WHERE name = $1
  AND holder = $2
RETURNING failures

-- name: next_replay
SELECT replay_id, after_position, up_to_position, position
FROM replay
WHERE destination = $1
  AND ended_at IS NULL
ORDER BY replay_id
LIMIT 1

-- name: queued_dead_letters
SELECT position
FROM dead_letter
WHERE destination = $1
  AND is_queued
ORDER BY position
LIMIT $2

-- name: dead_positions
-- Of events after $2 up to $3.
SELECT position
FROM dead_letter
WHERE destination = $1
  AND position > $2
  AND position <= $3

-- name: pause
UPDATE destination
SET is_paused = true
WHERE name = $1
RETURNING name

-- name: resume
-- What failed is tried again at once.
UPDATE destination
SET is_paused = false, stopped_because = NULL, failures = 0, next_attempt_at = NULL
WHERE name = $1
RETURNING name

-- name: add_replay
INSERT INTO replay (destination, after_position, up_to_position, position)
VALUES ($1, $2, $3, $2)
RETURNING replay_id

-- name: cancel_replays
WITH cancelled AS (
    UPDATE replay
    SET ended_at = clock_timestamp()
    WHERE destination = $1
      AND ended_at IS NULL
    RETURNING replay_id
), kept AS (
    UPDATE dead_letter
    SET is_queued = false
    WHERE destination = $1
      AND is_queued
)
SELECT count(*)
FROM cancelled

-- name: queue_dead_letters
-- $2: their positions, or null for all.
WITH queued AS (
    UPDATE dead_letter
    SET is_queued = true
    WHERE destination = $1
      AND ($2::bigint[] IS NULL OR position = ANY($2::bigint[]))
    RETURNING position
)
SELECT count(*)
FROM queued

-- name: discard_dead_letters
WITH discarded AS (
    DELETE FROM dead_letter
    WHERE destination = $1
      AND ($2::bigint[] IS NULL OR position = ANY($2::bigint[]))
    RETURNING position
)
SELECT count(*)
FROM discarded

-- name: dead_letters
-- By position, $3 of those after $2.
SELECT position, event_id, reason, detail, status, answer, died_at, is_queued
FROM dead_letter
WHERE destination = $1
  AND position > $2
ORDER BY position
LIMIT $3

-- name: overviews
-- Every destination with its distance from the log's head, and whether a process holds its lock (holds.py): a lock of 64
-- bits is shown in two halves. Where events are missing, the oldest one of the next twenty
-- batches counts.
SELECT d.*, h.position AS head, h.position - d.position AS lag_events,
       coalesce(greatest(0, extract(epoch FROM clock_timestamp() - oldest.received_at)), 0)::double precision
           AS lag_seconds,
       letters.dead_letters, letters.queued,
       EXISTS (
           SELECT FROM pg_locks l
           WHERE l.locktype = 'advisory'
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.objsubid = 1
             AND (l.classid::bigint << 32 | l.objid::bigint)
                 = hashtextextended(current_schema() || '/destination/' || d.name, $3)
       ) AS is_held
FROM destination d
CROSS JOIN log_head h
LEFT JOIN LATERAL (
    SELECT first.received_at
    FROM (
        SELECT b.batch_id, b.first_position
        FROM log_batch b
        WHERE b.first_position > d.position - $1::bigint
          AND b.first_position + b.events > d.position + 1
        ORDER BY b.first_position
        LIMIT 20
    ) AS next
    CROSS JOIN LATERAL (
        SELECT e.received_at
        FROM event e
        WHERE e.batch_id = next.batch_id
          AND next.first_position + e.ordinal > d.position
        ORDER BY e.ordinal
        LIMIT 1
    ) AS first
    ORDER BY next.first_position
    LIMIT 1
) AS oldest ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS dead_letters, count(*) FILTER (WHERE l.is_queued) AS queued
    FROM dead_letter l
    WHERE l.destination = d.name
) AS letters
WHERE $2::text IS NULL OR d.name = $2::text
ORDER BY d.name

-- name: replays
-- Those under way, and the newest that ended.
SELECT destination, replay_id, after_position, up_to_position, position, asked_at, ended_at
FROM replay r
WHERE ($1::text IS NULL OR destination = $1::text)
  AND (ended_at IS NULL OR replay_id IN (
      SELECT max(n.replay_id) FROM replay n WHERE n.destination = r.destination
  ))
ORDER BY replay_id

-- name: first_received_since
-- The first position of an event that was received at $1 or later. A batch's id says when it was committed, in ticks of
-- $2 seconds with $3 writers each, never before its events were received. One minute more is for clocks that were set.
WITH possible AS (
    SELECT min(first_position) AS first_position
    FROM log_batch
    WHERE batch_id >= floor(extract(epoch FROM $1::timestamptz - interval '1 minute') / $2::numeric) * $3::bigint
)
SELECT b.first_position + first.ordinal
FROM log_batch b
CROSS JOIN LATERAL (
    SELECT e.ordinal
    FROM event e
    WHERE e.batch_id = b.batch_id
      AND e.received_at >= $1::timestamptz
    ORDER BY e.ordinal
    LIMIT 1
) AS first
WHERE b.first_position >= (SELECT first_position FROM possible)
ORDER BY b.first_position
LIMIT 1

-- name: last_received_before
-- The last position of an event that was received before $1; it may be committed up to $4 later.
WITH possible AS (
    SELECT max(first_position) AS first_position
    FROM log_batch
    WHERE batch_id <= floor(extract(epoch FROM $1::timestamptz + $4::interval) / $2::numeric) * $3::bigint
)
SELECT b.first_position + last.ordinal
FROM log_batch b
CROSS JOIN LATERAL (
    SELECT e.ordinal
    FROM event e
    WHERE e.batch_id = b.batch_id
      AND e.received_at < $1::timestamptz
    ORDER BY e.ordinal DESC
    LIMIT 1
) AS last
WHERE b.first_position <= (SELECT first_position FROM possible)
ORDER BY b.first_position DESC
LIMIT 1
