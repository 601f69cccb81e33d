"""The OpenAPI document, built from the structs that the routes decode with."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from analytics_internal import __version__
from analytics_internal.auth import PERMISSIONS
from analytics_internal.event import Verdict, WireEvent
from analytics_internal.http.compat import MAX_ITEMS, OriginalItem
from analytics_internal.http.integration import WELL_KNOWN
from analytics_internal.log import StoredEvent
from analytics_internal.query import language

Schema = dict[str, Any]
REF = "#/components/schemas/{name}"
PREFIX = "/api/analytics-internal"


async def openapi(_: Request) -> Response:
    """``GET /openapi.json``."""
    return Response(_encoded(), media_type="application/json")


@functools.cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


def document() -> Schema:
    """The document as an object."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "analytics-internal",
            "version": __version__,
            "description": "Usage analytics for Backstage, kept inside the company.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "schemas": {**_struct_schemas(), **_query_schemas(), "Problem": _problem_schema()},
            "securitySchemes": {
                "backstage": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a user or a plugin of the portal, or of a machine; "
                    "not needed with `--auth none`.",
                }
            },
        },
        "security": [{"backstage": []}, {}],
    }


def _paths() -> Schema:
    return {
        f"{PREFIX}/events": {"post": _ingest_events(), "get": _export_events()},
        f"{PREFIX}/query": {"post": _ask(), "get": _ask_by_link()},
        f"{PREFIX}/configuration": {"get": _configuration()},
        f"{PREFIX}/analytics": {"get": _original_items()},
        f"{PREFIX}/analytics/{{id}}": {"get": _original_item()},
        f"{PREFIX}/top-users": {"get": _top_users()},
        f"{PREFIX}{WELL_KNOWN}/metadata": {"get": _permissions()},
        f"{PREFIX}{WELL_KNOWN}/apply-conditions": {"post": _apply_conditions()},
        "/healthz": {"get": _operation("healthz", "The process answers", _json({"type": "object"}))},
        "/readyz": {"get": _ready()},
        "/metrics": {
            "get": _operation("metrics", "Figures for Prometheus", {"text/plain": {"schema": {"type": "string"}}})
        },
    }


def _operation(
    id_: str, summary: str, content: Schema, problems: tuple[int, ...] = (), parameters: list[Schema] | None = None
) -> Schema:
    responses: Schema = {"200": {"description": "OK", "content": content}}
    for status in problems:
        responses[str(status)] = {
            "description": _STATUS[status],
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
        }
        if status == 503:
            responses["503"]["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds"}}
    return {"operationId": id_, "summary": summary, "parameters": parameters or [], "responses": responses}


_STATUS = {
    400: "The request is not understood; the detail says what is allowed",
    401: "No token, or one that is not valid",
    403: "Known, but not allowed: the detail names the permission that is missing, `errors` what needs it",
    404: "There is nothing here",
    409: "The log is not the one that was read before",
    413: "The body is too large, as it came or decoded",
    415: "The body is encoded in a way that is not taken: `Accept-Encoding` names those that are",
    503: "Not now: try again after `Retry-After` seconds",
}
_READ = (400, 401, 403, 503)


def _ingest_events() -> Schema:
    batch = {
        "type": "object",
        "required": ["events"],
        "additionalProperties": False,
        "properties": {
            "events": {"type": "array", "maxItems": 1000, "items": {"anyOf": [_ref("WireEvent"), _REJECTED]}},
            "sentAt": {"type": ["string", "null"], "format": "date-time"},
            "imported": {"type": "boolean", "default": False},
        },
    }
    operation = _operation(
        "ingestEvents", "Store events; answers after the commit", _json(_ref("Verdicts")), (*_READ, 413, 415)
    )
    operation["description"] = (
        "One event, or a batch of up to 1,000. One bad event never fails its batch: it gets the verdict `rejected` "
        "with a reason, and is kept to be looked at. So a batch with events that do not fit the schema is still "
        "answered with 200."
    )
    other = {**_REJECTED, "type": "object", "not": {"required": ["events"]}}
    operation["requestBody"] = {"required": True, "content": _json({"anyOf": [_ref("WireEvent"), batch, other]})}
    return operation


_REJECTED: Schema = {"description": "Anything else gets the verdict `rejected`."}


def _export_events() -> Schema:
    parameters = [
        _parameter(
            "after", {"type": "integer", "minimum": 0, "maximum": 2**62, "default": 0}, "Position to go on after"
        ),
        _parameter("limit", {"type": "integer", "minimum": 1, "maximum": 2**62}, "How many positions at most"),
        _parameter(
            "batch",
            {"type": "integer", "minimum": 0, "maximum": 2**62},
            "The batch of the line at `after`, if one was read",
        ),
    ]
    content = {"application/x-ndjson": {"schema": {"type": "string"}}}
    operation = _operation(
        "exportEvents",
        "The stored events in the log's order, one JSON object a line",
        content,
        (*_READ, 409),
        parameters,
    )
    operation["responses"]["200"]["headers"] = {
        "X-Log-Position": {"schema": {"type": "string"}, "description": "Position of the newest event"},
        "X-Log-Id": {"schema": {"type": "string", "format": "uuid"}, "description": "Which log it is"},
    }
    return operation


def _ask() -> Schema:
    responses = {**_json(_ref("Answer")), **_CSV}
    operation = _operation("ask", "Ask a question", responses, (*_READ, 413, 415), [_FORMAT])
    operation["requestBody"] = {"required": True, "content": _json(_ref("Query"))}
    return operation


def _ask_by_link() -> Schema:
    parameters = [
        {
            "name": "q",
            "in": "query",
            "required": True,
            "description": "The question as JSON",
            "content": {"application/json": {"schema": _ref("Query")}},
        },
        _FORMAT,
    ]
    return _operation(
        "askByLink", "Ask a question by a link", {**_json(_ref("Answer")), **_CSV}, (*_READ, 413), parameters
    )


_FORMAT: Schema = {
    "name": "format",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["json", "csv"]},
    "description": "Form of the answer, else as Accept asks; `csv` begins with a byte order mark, for spreadsheets",
}
_TIME_LABELS: Schema = {
    "type": ["array", "null"],
    "description": "Every bucket of the period, with the days of the previous period that it is compared with",
    "items": {
        "type": "object",
        "required": ["label", "previous", "is_complete"],
        "properties": {
            "label": {"type": "string", "format": "date"},
            "previous": {
                "type": ["object", "null"],
                "required": ["from", "to"],
                "properties": {
                    "from": {"type": "string", "format": "date"},
                    "to": {"type": "string", "format": "date"},
                },
            },
            "is_complete": {"type": "boolean"},
        },
    },
}
_CSV: Schema = {"text/csv": {"schema": {"type": "string"}}}


def _configuration() -> Schema:
    nullable = {"type": ["string", "null"]}
    schema = _object(
        {
            "time_zone": {"type": "string"},
            "portal_url": nullable,
            "today": {"type": "string", "format": "date"},
            "first_day": nullable,
            "position": {"type": "integer"},
            "version": {"type": "string"},
            "may": _object({name: {"type": "boolean"} for name in ("read", "people", "admin")}),
        }
    )
    return _operation("configuration", "What the pages must know before they ask", _json(schema), (401, 403, 503))


def _original_items() -> Schema:
    parameters = [
        _parameter(
            "limit", {"type": "integer", "minimum": 1, "maximum": MAX_ITEMS, "default": 1000}, "Items of one page"
        ),
        _parameter(
            "offset", {"type": "integer", "minimum": 0, "maximum": 2**31, "default": 0}, "Items before the page"
        ),
    ]
    items = {"type": "array", "items": _ref("OriginalItem")}
    summary = "The original's list of items, the most recently accessed first; `Link` leads to the rest"
    operation = _operation("originalItems", summary, _json(items), _READ, parameters)
    operation["responses"]["200"]["headers"] = {"Link": {"schema": {"type": "string"}, "description": "The next page"}}
    return operation


def _original_item() -> Schema:
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    return _operation(
        "originalItem",
        "The original's item with its people, as far as the caller may see them",
        _json(_ref("OriginalItem")),
        (401, 403, 404, 503),
        [parameter],
    )


def _top_users() -> Schema:
    user = _object({"name": {"type": "string"}, "namespace": {"type": "string"}, "access_count": {"type": "integer"}})
    summary = "The original's people with most accesses; empty for those who may not see them"
    return _operation("topUsers", summary, _json({"type": "array", "items": user}), (401, 403, 503))


def _permissions() -> Schema:
    permission = _object(
        {
            "type": {"const": "basic"},
            "name": {"enum": [one["name"] for one in PERMISSIONS.values()]},
            "attributes": {"type": "object"},
        }
    )
    schema = _object({"permissions": {"type": "array", "items": permission}, "rules": {"type": "array", "maxItems": 0}})
    return _operation("permissions", "The permissions, for the portal's framework", _json(schema), (401, 503))


def _apply_conditions() -> Schema:
    schema = _object({"items": {"type": "array", "maxItems": 0}})
    operation = _operation(
        "applyConditions",
        "Conditions on resources, for the portal's framework: no permission here has resources",
        _json(schema),
        (*_READ, 413, 415),
    )
    operation["requestBody"] = {"required": True, "content": _json(schema)}
    return operation


def _ready() -> Schema:
    schema = _object({"status": {"type": "string"}, "checks": {"type": "object"}})
    operation = _operation("readyz", "The database is reachable and migrated", _json(schema))
    operation["responses"]["503"] = {"description": "Not ready; the checks say why", "content": _json(schema)}
    return operation


def _struct_schemas() -> Schema:
    _, schemas = msgspec.json.schema_components([WireEvent, Verdict, OriginalItem, StoredEvent], ref_template=REF)
    schemas["Verdicts"] = _object({"success": {"const": True}, "results": {"type": "array", "items": _ref("Verdict")}})
    schemas["WireEvent"]["properties"]["id"]["description"] = "A UUID of version 7; without one the server makes it"
    return dict(schemas)


def _query_schemas() -> Schema:
    """The query language; docs/reference/query.md says it in words."""
    value = {"type": ["string", "integer", "null"]}
    comparison = {
        "type": "array",
        "prefixItems": [
            {"enum": list(language.OPERATORS)},
            {"enum": list(language.FILTER_DIMENSIONS)},
            {"type": "array", "items": value, "minItems": 1, "maxItems": language.MAX_FILTER_VALUES},
        ],
        "minItems": 3,
        "maxItems": 3,
    }
    day = {"type": "string", "format": "date"}
    date_range = {
        "anyOf": [
            _object({"last": {"type": "string", "pattern": r"^[1-9]\d{0,3}[dwm]$"}}),
            _object({"from": day, "to": day}),
            {"const": "all"},
        ],
        "default": {"last": "28d"},
    }
    order = {
        "type": "array",
        "prefixItems": [{"enum": [*language.METRICS, *language.DIMENSIONS]}, {"enum": ["asc", "desc"]}],
        "minItems": 2,
        "maxItems": 2,
    }
    query = {
        "type": "object",
        "required": ["metrics"],
        "additionalProperties": False,
        "properties": {
            "metrics": {"type": "array", "items": {"enum": list(language.METRICS)}, "minItems": 1, "uniqueItems": True},
            "dimensions": {"type": "array", "items": {"enum": list(language.DIMENSIONS)}, "uniqueItems": True},
            "filters": {"anyOf": [_ref("Filter"), {"type": "null"}]},
            "date_range": date_range,
            "compare": {"enum": ["previous_period", None]},
            "order_by": {"anyOf": [{"type": "array", "items": order}, {"type": "null"}]},
            "limit": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": language.MAX_LIMIT,
                "default": language.DEFAULT_LIMIT,
            },
            "cursor": {"type": ["string", "null"]},
            "position": {"type": ["integer", "null"], "minimum": 0, "maximum": language.MAX_POSITION},
        },
        "examples": [{"metrics": ["events", "people"], "dimensions": ["time:day"], "date_range": {"last": "28d"}}],
    }
    answer = _object(
        {
            "results": {"type": "array", "items": {"type": "object"}},
            "meta": {"type": "object", "properties": {"time_labels": _TIME_LABELS}},
            "query": {"type": "object"},
        }
    )
    query["description"] = (
        f"At most {language.MAX_FILTERS} filters, nested at most {language.MAX_FILTER_DEPTH} deep, with at most "
        f"{language.MAX_FILTER_VALUES:,} values of {language.MAX_FILTER_CHARACTERS:,} characters altogether"
    )
    return {"Query": query, **_filter_schemas(comparison), "Answer": answer}


def _filter_schemas(comparison: Schema) -> Schema:
    """One schema for each depth: as deep as filters may be nested, and no recursion that tools would get lost in."""
    names = ["Filter", *(f"Filter{depth}" for depth in range(2, language.MAX_FILTER_DEPTH + 1))]
    schemas: Schema = {names[-1]: comparison}
    for name, inner in itertools.pairwise(names):
        connective = {
            "type": "array",
            "prefixItems": [{"enum": list(language.CONNECTIVES)}],
            "items": _ref(inner),
            "minItems": 2,
        }
        schemas[name] = {"anyOf": [comparison, connective]}
    return schemas


def _problem_schema() -> Schema:
    error = {
        "type": "object",
        "required": ["field", "detail"],
        "properties": {
            "field": {"type": "string"},
            "detail": {"type": "string"},
            "allowed": {"type": "array", "items": {"type": "string"}},
        },
    }
    schema = _object(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        }
    )
    schema["properties"]["errors"] = {"type": "array", "items": error}
    return schema


def _object(properties: Schema) -> Schema:
    """An object that has all of these properties."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": REF.format(name=name)}
