-- Which search each click on a search result came from. `discovered` are the clicks that a question is about.

-- name: searched_in_session
-- The latest search of the same session. Sessions are named by browsers: two people's, or two programs', are never one.
SELECT d.position, s.item_id, s.search_position
FROM discovered AS d
ASOF JOIN (
    -- Of searches at the same instant the last one in the log: ASOF would take any.
    SELECT session, coalesce(person_id, 0) AS person_id, coalesce(agent_id, 0) AS agent_id, occurred_at,
           arg_max(item_id, position) AS item_id, max(position) AS search_position
    FROM event
    WHERE action_id = (SELECT action_id FROM action WHERE name = 'search')
      AND position <= $position
      AND session IN (SELECT session FROM discovered)
    GROUP BY session, coalesce(person_id, 0), coalesce(agent_id, 0), occurred_at
) AS s ON s.session = d.session
      AND s.person_id = coalesce(d.person_id, 0)
      AND s.agent_id = coalesce(d.agent_id, 0)
      AND s.occurred_at <= d.occurred_at

-- name: searched_by_person
-- For a click without a session: the latest search of the same person, within half an hour.
SELECT d.position, s.item_id, s.search_position
FROM discovered AS d
ASOF JOIN (
    SELECT person_id, coalesce(agent_id, 0) AS agent_id, occurred_at, arg_max(item_id, position) AS item_id,
           max(position) AS search_position
    FROM event
    WHERE action_id = (SELECT action_id FROM action WHERE name = 'search')
      AND position <= $position
      AND person_id IN (SELECT person_id FROM discovered WHERE session IS NULL)
      AND occurred_at >= (SELECT min(occurred_at) FROM discovered WHERE session IS NULL) - INTERVAL 30 MINUTE
    GROUP BY person_id, coalesce(agent_id, 0), occurred_at
) AS s ON s.person_id = d.person_id AND s.agent_id = coalesce(d.agent_id, 0) AND s.occurred_at <= d.occurred_at
WHERE d.session IS NULL
  AND s.occurred_at >= d.occurred_at - INTERVAL 30 MINUTE
