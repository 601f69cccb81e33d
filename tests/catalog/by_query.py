"""The catalog's ``GET /entities/by-query`` as catalog-backend 4.0 answers it: pages, cursors, fields, refusals."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.http.refusal import Refusal

Json = dict[str, Any]
ALLOWED = {"fields", "limit", "offset", "orderField", "cursor", "filter", "fullTextFilterTerm", "fullTextFilterFields"}
DEFAULT_LIMIT = 20


class CatalogApi:
    """Entities, and who may read them."""

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        """The answer's status by token: 200 reads everything."""
        self.between_pages: Callable[[], None] = lambda: None
        """Called before every page but the first."""
        self._entities: dict[str, Json] = {}

    def put(self, *entities: Json) -> None:
        """Add or replace entities by their refs. Each keeps its id for as long as it is there."""
        for entity in entities:
            ref = ref_of(entity)
            uid = self._entities[ref]["metadata"]["uid"] if ref in self._entities else str(uuid.uuid4())
            self._entities[ref] = {**entity, "metadata": {**entity["metadata"], "uid": uid}}

    def remove(self, *refs: str) -> None:
        for ref in refs:
            del self._entities[ref]

    def answer(self, query: str, authorization: str | None) -> Json:
        """The body for the query of an address. Raises Refusal."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            raise Refusal(401, "AuthenticationError", "Illegal token")
        if self.tokens[token] != 200:
            raise Refusal(self.tokens[token], "NotAllowedError", "Unauthorized")
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        if not asked.keys() <= ALLOWED:
            raise Refusal(400, "InputError", f"Unknown query parameter '{min(asked.keys() - ALLOWED)}'")
        fields = [field.strip() for field in asked.get("fields", "").split(",") if field.strip()]
        if any("[" in field for field in fields):
            raise Refusal(400, "InputError", "array type fields are not supported")
        cursor = json.loads(base64.b64decode(asked["cursor"])) if "cursor" in asked else None
        if cursor is not None:
            self.between_pages()
        limit = int(asked.get("limit", DEFAULT_LIMIT))
        after = cursor["orderFieldValues"][0] if cursor is not None else ""
        rows = sorted(self._entities.values(), key=lambda one: str(one["metadata"]["uid"]))
        rest = [one for one in rows if one["metadata"]["uid"] > after]
        page = rest[:limit]
        total = cursor["totalItems"] if cursor is not None else len(rows)
        info = {}
        if len(rest) > limit:
            following = {"orderFieldValues": [page[-1]["metadata"]["uid"]], "isPrevious": False, "totalItems": total}
            info["nextCursor"] = base64.b64encode(json.dumps(following).encode()).decode()
        return {"items": [picked(one, fields) for one in page], "totalItems": total, "pageInfo": info}


def ref_of(entity: Json) -> str:
    metadata = entity["metadata"]
    return f"{entity['kind']}:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()


def picked(entity: Json, fields: list[str]) -> Json:
    """The parts of an entity that fields name; a key with dots is found, too."""
    if not fields:
        return entity
    output: Json = {}
    for field in fields:
        path, inner = [], entity
        parts = field.split(".")
        for number, part in enumerate(parts):
            if isinstance(inner, dict) and part in inner:
                path.append(part)
                inner = inner[part]
            elif number + 1 < len(parts):
                parts[number + 1] = f"{part}.{parts[number + 1]}"
            else:
                break
        else:
            place = output
            for part in path[:-1]:
                place = place.setdefault(part, {})
            place[path[-1]] = inner
    return output
