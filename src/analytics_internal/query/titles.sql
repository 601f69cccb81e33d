-- What people call the entities of the catalog.

-- name: titles
-- Of some refs as of a day, or as the catalog last had them before: the title, else the name as it is spelled there.
SELECT ref, coalesce(latest.title, regexp_extract(latest.shown_ref, '[^/]*$'))
FROM (
    SELECT ref, arg_max({'title': title, 'shown_ref': shown_ref}, first_day) AS latest
    FROM catalog_entity
    WHERE ref IN (SELECT unnest($refs::VARCHAR[])) AND first_day <= $day
    GROUP BY ref
)
ORDER BY ref
