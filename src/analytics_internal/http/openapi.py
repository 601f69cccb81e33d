"""The OpenAPI document, made from the structs that the routes decode and encode.

`python -m analytics_internal.http.openapi` prints it, as `docs/reference/openapi.json` has it.
"""

from __future__ import annotations

import functools
import itertools
import sys
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from analytics_internal import __version__
from analytics_internal.dimensions import ANY_ATTRIBUTE, DECLARED
from analytics_internal.event import Verdicts, WireBatch, WireEvent
from analytics_internal.http import compat, health, integration, problems, segments
from analytics_internal.http import destination_wire as wire
from analytics_internal.http.query import FORMAT_NAMES, Configuration
from analytics_internal.log import StoredEvent
from analytics_internal.query import (
    FORMATS,
    OF_ATTRIBUTES,
    Answer,
    DayRange,
    FunnelAnswer,
    LastDays,
    PathsAnswer,
    RetentionAnswer,
    WireFunnel,
    WirePaths,
    WireQuery,
    WireRetention,
    language,
)
from analytics_internal.settings import Settings

Schema = dict[str, Any]
REF = "#/components/schemas/{name}"
PREFIX = "/api/analytics-internal"
STRUCTS = (
    WireEvent, WireBatch, Verdicts, StoredEvent, WireQuery, LastDays, DayRange, Answer, Configuration,
    WireFunnel, WireRetention, WirePaths, FunnelAnswer, RetentionAnswer, PathsAnswer,
    compat.OriginalItem, compat.TopUser, integration.Metadata, integration.Conditions, health.Alive, health.Readiness,
    problems.ProblemDetails, wire.Destinations, wire.Destination, wire.DeadLetters, wire.TestResult,
    wire.ReplayDeadLetters, wire.ReplayPositions, wire.ReplayTimes, wire.Queued, wire.Cancelled, wire.Discard,
    wire.Discarded, segments.NewSegment, segments.SavedSegment, segments.Segments,
)  # fmt: skip
ANYTHING: Schema = {"description": "Anything else gets the verdict `rejected`."}
TEXT: Schema = {"schema": {"type": "string"}}
READ = (400, 401, 403, 503)
PROBLEMS = {
    400: "The request is not understood; the detail says what is allowed",
    401: "No token, or one that is not valid",
    403: "Known, but not allowed: the detail names the permission that is missing, `errors` what needs it",
    404: "There is nothing here",
    409: "Not as things are: the detail says what is in the way",
    413: "The body is too large, as it came or decoded",
    415: "The body is encoded in a way that is not taken: `Accept-Encoding` names those that are",
    431: "The address and the headers are too large; the detail says what is allowed",
    503: "Not now: try again after `Retry-After` seconds",
}


async def openapi(_: Request) -> Response:
    """``GET /openapi.json``."""
    return Response(encoded(), media_type="application/json")


@functools.cache
def encoded() -> bytes:
    """The document as JSON, indented, with a line end."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"


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
            "schemas": _schemas(),
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
        f"{PREFIX}/configuration": {
            "get": _operation(
                "configuration", "What the pages must know before they ask", _json(Configuration), (401, 403, 503)
            )
        },
        **_segments(),
        **_destinations(),
        f"{PREFIX}/analytics": {"get": _original_items()},
        f"{PREFIX}/analytics/{{id}}": {
            "get": _operation(
                "originalItem",
                "The original's item with its people, as far as the caller may see them",
                _json(compat.OriginalItem),
                (401, 403, 404, 503),
                [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}],
            )
        },
        f"{PREFIX}/top-users": {
            "get": _operation(
                "topUsers",
                "The original's people with most accesses; empty for those who may not see them",
                _json_list(compat.TopUser),
                (401, 403, 503),
            )
        },
        f"{PREFIX}{integration.WELL_KNOWN}/metadata": {
            "get": _operation(
                "permissions", "The permissions, for the portal's framework", _json(integration.Metadata), (401, 503)
            )
        },
        f"{PREFIX}{integration.WELL_KNOWN}/apply-conditions": {
            "post": _operation(
                "applyConditions",
                "Conditions on resources, for the portal's framework: no permission here has resources",
                _json(integration.Conditions),
                (*READ, 413, 415),
                body=_json(integration.Conditions),
            )
        },
        "/healthz": {"get": _operation("healthz", "The process answers", _json(health.Alive))},
        "/readyz": {"get": _ready()},
        "/metrics": {"get": _operation("metrics", "Figures for Prometheus", {"text/plain": TEXT})},
    }


def _segments() -> Schema:
    one = f"{PREFIX}/segments/{{id}}"
    id_ = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    saved, new = _json(segments.SavedSegment), _json(segments.NewSegment)
    made = _operation("makeSegment", "Save a filter under a name", saved, (*READ, 409, 413, 415), body=new)
    made["responses"]["201"] = made["responses"].pop("200")
    deleted = _operation("deleteSegment", "Delete a segment", {}, (401, 403, 404, 503), [id_])
    deleted["responses"]["204"] = {"description": "It is deleted"}
    del deleted["responses"]["200"]
    return {
        f"{PREFIX}/segments": {
            "get": _operation(
                "segments", "The saved filters that the caller may use", _json(segments.Segments), (401, 403, 503)
            ),
            "post": made,
        },
        one: {
            "get": _operation("segment", "One saved filter", saved, (401, 403, 404, 503), [id_]),
            "put": _operation(
                "changeSegment",
                "Let a segment be another filter, or give it another name",
                saved,
                (*READ, 404, 409, 413, 415),
                [id_],
                new,
            ),
            "delete": deleted,
        },
    }


def _destinations() -> Schema:
    """The routes of destinations. All need the permission to administer."""
    one, steered = f"{PREFIX}/destinations/{{name}}", (401, 403, 404, 503)
    named = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"},
        "description": "Name of a destination in the settings",
    }
    kinds = [_ref(struct) for struct in (wire.ReplayDeadLetters, wire.ReplayPositions, wire.ReplayTimes)]
    page = [
        named,
        _whole_number("cursor", "`next_cursor` of the page before", 1, wire.HIGHEST),
        _whole_number("limit", "Dead letters of one page", 1, 1_000, 100),
    ]

    def post(id_: str, summary: str, answer: type[msgspec.Struct], body: Schema | None = None, *more: int) -> Schema:
        errors = tuple(sorted({*steered, *more, *((400, 413, 415) if body is not None else ())}))
        return {"post": _operation(id_, summary, _json(answer), errors, [named], body)}

    return {
        f"{PREFIX}/destinations": {
            "get": _operation(
                "destinations", "Every destination, and how far it is", _json(wire.Destinations), (401, 403, 503)
            )
        },
        f"{one}/pause": post("pauseDestination", "Deliver nothing until it is resumed", wire.Destination),
        f"{one}/resume": post(
            "resumeDestination", "Deliver again, at once: also after the receiver asked for no more", wire.Destination
        ),
        f"{one}/test": post(
            "testDestination", "Send a test event, which is not stored and changes no state", wire.TestResult, None, 409
        ),
        f"{one}/replay": post(
            "replayDestination",
            "Send dead letters, or a range of the log, once more",
            wire.Queued,
            {"application/json": {"schema": {"anyOf": kinds}}},
            409,
        ),
        f"{one}/cancel-replays": post("cancelReplays", "Send nothing more of what was replayed", wire.Cancelled),
        f"{one}/dead-letters": {
            "get": _operation(
                "deadLetters", "Events that could not be delivered", _json(wire.DeadLetters), (400, *steered), page
            )
        },
        f"{one}/discard": post("discardDeadLetters", "Forget dead letters", wire.Discarded, _json(wire.Discard)),
    }


def _operation(
    id_: str,
    summary: str,
    content: Schema,
    errors: tuple[int, ...] = (),
    parameters: list[Schema] | None = None,
    body: Schema | None = None,
) -> Schema:
    responses: Schema = {"200": {"description": "OK", "content": content}}
    for status in sorted({*errors, 431}) if parameters else errors:  # an address can be made too long
        details = {"application/problem+json": {"schema": _ref(problems.ProblemDetails)}}
        responses[str(status)] = {"description": PROBLEMS[status], "content": details}
        if status == 503:
            responses["503"]["headers"] = {"Retry-After": {**TEXT, "description": "Seconds"}}
    operation = {"operationId": id_, "summary": summary, "parameters": parameters or [], "responses": responses}
    return operation if body is None else {**operation, "requestBody": {"required": True, "content": body}}


def _ingest_events() -> Schema:
    other = {**ANYTHING, "type": "object", "not": {"required": ["events"]}}
    body = {"application/json": {"schema": {"anyOf": [_ref(WireEvent), _ref(WireBatch), other]}}}
    operation = _operation(
        "ingestEvents",
        "Store events; answers after the commit",
        _json(Verdicts),
        (*READ, 413, 415),
        body=body,
    )
    operation["description"] = (
        "One event, or a batch. One bad event never fails its batch: it gets the verdict `rejected` "
        "with a reason, and is kept to be looked at. So a batch with events that do not fit the schema is still "
        "answered with 200."
    )
    return operation


def _export_events() -> Schema:
    highest = language.MAX_POSITION
    operation = _operation(
        "exportEvents",
        "The stored events in the log's order, one JSON object (`StoredEvent`) a line",
        {"application/x-ndjson": TEXT},
        (*READ, 409),
        [
            _whole_number("after", "Position to go on after", 0, highest, 0),
            _whole_number("limit", "How many positions at most", 1, highest),
            _whole_number("batch", "The batch of the line at `after`, if one was read", 0, highest),
        ],
    )
    operation["responses"]["200"]["headers"] = {
        "X-Log-Position": {**TEXT, "description": "Position of the newest event"},
        "X-Log-Id": {"schema": {"type": "string", "format": "uuid"}, "description": "Which log it is"},
    }
    return operation


def _ask() -> Schema:
    return _operation("ask", "Ask a question", _answer(), (*READ, 413, 415), [_format()], _question())


def _ask_by_link() -> Schema:
    question = {"name": "q", "in": "query", "required": True, "description": "The question as JSON"}
    parameters = [{**question, "content": _question()}, _format()]
    return _operation("askByLink", "Ask a question by a link", _answer(), (*READ, 413), parameters)


def _question() -> Schema:
    return _json_of(WireQuery, WireFunnel, WireRetention, WirePaths)


def _answer() -> Schema:
    answers = (Answer, FunnelAnswer, RetentionAnswer, PathsAnswer)
    return {**_json_of(*answers), **{one.media_type: TEXT for one in FORMATS.values()}}


def _format() -> Schema:
    description = "Form of the answer, else as Accept asks; `csv` begins with a byte order mark, for spreadsheets"
    return _parameter("format", description, {"type": "string", "enum": list(FORMAT_NAMES)})


def _original_items() -> Schema:
    operation = _operation(
        "originalItems",
        "The original's list of items, the most recently accessed first; `Link` leads to the rest",
        _json_list(compat.OriginalItem),
        READ,
        [
            _whole_number("limit", "Items of one page", 1, compat.MAX_ITEMS, compat.DEFAULT_ITEMS),
            _whole_number("offset", "Items before the page", 0, compat.MAX_OFFSET, 0),
        ],
    )
    operation["responses"]["200"]["headers"] = {"Link": {**TEXT, "description": "The next page"}}
    return operation


def _ready() -> Schema:
    operation = _operation("readyz", "The database is reachable and migrated", _json(health.Readiness))
    not_ready = {"description": "Not ready; the checks say why", "content": _json(health.Readiness)}
    operation["responses"]["503"] = not_ready
    return operation


def _schemas() -> Schema:
    # The hook is for `object`: any value.
    _, schemas = msgspec.json.schema_components(STRUCTS, schema_hook=lambda _: {"description": "Any"}, ref_template=REF)
    events = schemas["WireBatch"]["properties"]["events"]
    events["items"] = {"anyOf": [_ref(WireEvent), ANYTHING]}
    bounds = Settings.model_json_schema()["properties"]["max_batch_events"]
    events["maxItems"] = bounds["maximum"]
    events["description"] = f"As many as the setting `max_batch_events` says: {bounds['default']:,} by default"
    schemas["Row"]["patternProperties"] = {OF_ATTRIBUTES["pattern"]: {"type": ["string", "null"]}}
    return {**schemas, **_filters()}


def _filters() -> Schema:
    """Filters are lists, which no struct describes: an operator, then what it is about.

    One schema for each depth: as deep as filters may be nested, and no recursion that tools would get lost in.
    """
    is_, contains = list(language.OPERATORS[:2]), language.OPERATORS[2:]
    named = [name for name in language.FILTER_DIMENSIONS if name != ANY_ATTRIBUTE and not DECLARED[name].parts]
    names: Schema = {"anyOf": [{"enum": named}, OF_ATTRIBUTES]}
    by_id = [name for name in language.FILTER_DIMENSIONS if DECLARED[name].parts]
    text: Schema = {"type": "string", "maxLength": language.MAX_VALUE_LENGTH}
    comparisons = {
        "ItemFilter": _list({"enum": is_}, {"enum": by_id}, _values({"type": "integer", "minimum": 1})),
        "TextFilter": _list({"enum": is_}, names, _values({"anyOf": [text, {"type": "null"}]})),
        "ContainsFilter": _list({"enum": list(contains)}, names, _values(text)),
    }
    segment = {"SegmentFilter": _list({"const": language.SEGMENT}, {"type": "string", "format": "uuid"})}
    return {
        **comparisons,
        **segment,
        **_nested("Filter", [*comparisons, *segment]),
        **_nested("SavedFilter", list(comparisons)),
    }


def _nested(name: str, leaves: list[str]) -> Schema:
    leaf = [{"$ref": REF.format(name=one)} for one in leaves]
    depths = [name, *(f"{name}{depth}" for depth in range(2, language.MAX_FILTER_DEPTH + 1))]
    schemas: Schema = {depths[-1]: {"anyOf": leaf}}
    for outer, inner in itertools.pairwise(depths):
        part = {"$ref": REF.format(name=inner)}
        both = {"type": "array", "prefixItems": [{"enum": ["and", "or"]}], "items": part, "minItems": 2}
        schemas[outer] = {"anyOf": [*leaf, both, _list({"const": "not"}, part)]}
    return schemas


def _list(*items: Schema) -> Schema:
    return {"type": "array", "prefixItems": list(items), "minItems": len(items), "maxItems": len(items)}


def _values(one: Schema) -> Schema:
    return {"type": "array", "items": one, "minItems": 1, "maxItems": language.MAX_FILTER_VALUES}


def _whole_number(name: str, description: str, lowest: int, highest: int, default: int | None = None) -> Schema:
    schema: Schema = {"type": "integer", "minimum": lowest, "maximum": highest}
    return _parameter(name, description, schema if default is None else {**schema, "default": default})


def _parameter(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _json(struct: type[msgspec.Struct]) -> Schema:
    return {"application/json": {"schema": _ref(struct)}}


def _json_of(*structs: type[msgspec.Struct]) -> Schema:
    return {"application/json": {"schema": {"anyOf": [_ref(struct) for struct in structs]}}}


def _json_list(struct: type[msgspec.Struct]) -> Schema:
    return {"application/json": {"schema": {"type": "array", "items": _ref(struct)}}}


def _ref(struct: type[msgspec.Struct]) -> Schema:
    return {"$ref": REF.format(name=struct.__name__)}


if __name__ == "__main__":
    sys.stdout.buffer.write(encoded())
