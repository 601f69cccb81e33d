-- The questions of the original plugin's routes, about what people did (no agents). Times come as text: a long list has some hundred thousand of them.

-- name: items
-- Most recently accessed first. `item_id` is null for all of them.
SELECT
    e.item_id, a.name, i.subject, i.path, count(*),
    strftime(min(e.occurred_at), '%Y-%m-%dT%H:%M:%S.%gZ'),
    strftime(max(e.occurred_at), '%Y-%m-%dT%H:%M:%S.%gZ')
FROM event AS e
JOIN item AS i USING (item_id)
JOIN action AS a ON a.action_id = i.action_id
WHERE e.agent_id IS NULL AND e.position <= $position AND ($item_id IS NULL OR e.item_id = $item_id)
GROUP BY ALL
ORDER BY max(e.occurred_at) DESC, e.item_id
LIMIT $limit OFFSET $offset

-- name: people_of_items
SELECT
    e.item_id, e.person_id, p.ref, count(*),
    strftime(min(e.occurred_at), '%Y-%m-%dT%H:%M:%S.%gZ'),
    strftime(max(e.occurred_at), '%Y-%m-%dT%H:%M:%S.%gZ')
FROM event AS e
JOIN person AS p USING (person_id)
WHERE e.agent_id IS NULL AND e.position <= $position AND e.item_id IN $items
GROUP BY e.item_id, e.person_id, p.ref
ORDER BY count(*) DESC, sort_key(p.ref), p.ref

-- name: top_users
SELECT p.ref, count(*)
FROM event AS e
JOIN person AS p USING (person_id)
WHERE e.agent_id IS NULL AND e.position <= $position
GROUP BY p.ref
ORDER BY count(*) DESC, sort_key(p.ref), p.ref
LIMIT $limit
