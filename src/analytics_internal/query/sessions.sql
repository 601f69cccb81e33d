-- Where sessions begin and end.

-- name: session_ends
-- The paths of the first and the last navigation of each session, as far as the log is read; of those at one instant the
-- order in the log decides. Sessions are named by browsers: two people's, or two programs', are never one. They are
-- numbered in the order in which they appear, so those of a period are near each other.
SELECT session, coalesce(person_id, 0) AS person_id, coalesce(agent_id, 0) AS agent_id,
       nullif(arg_min(coalesce(path_id, 0), place), 0) AS entry_path_id,
       nullif(arg_max(coalesce(path_id, 0), place), 0) AS exit_path_id
FROM (
    SELECT session, person_id, agent_id, path_id,
           epoch_us(occurred_at)::HUGEINT * 4611686018427387904 + position AS place
    FROM event
    WHERE action_id = (SELECT action_id FROM action WHERE name = 'navigate')
      AND position <= $position
      AND session BETWEEN (SELECT first_session FROM asked) AND (SELECT last_session FROM asked)
) AS navigation
GROUP BY session, coalesce(person_id, 0), coalesce(agent_id, 0)
