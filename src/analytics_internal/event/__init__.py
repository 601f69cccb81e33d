"""Events: their wire form, validation, and what is derived from them. Pure: no database, no HTTP."""

from analytics_internal.event import measurements
from analytics_internal.event.addresses import (
    DEFAULT_KEPT_QUERY_PARAMETERS,
    Portal,
    doc_page_of,
    doc_site_of,
    stored_path,
    stored_subject,
)
from analytics_internal.event.attribution import (
    CATALOG,
    FRAMES,
    LOCATIONS,
    plugin_of,
    plugin_of_path,
    plugin_of_stored_context,
)
from analytics_internal.event.batch import Batch, decode_body
from analytics_internal.event.content import (
    MAX_NAME_LENGTH,
    extension_of,
    route_of,
    stored_fields,
    stored_hash,
    stored_text,
)
from analytics_internal.event.entity_refs import normalise_entity_ref, spelled_entity_ref
from analytics_internal.event.event import Event, Rejection, weight_of, wire_text
from analytics_internal.event.search_terms import folded, spelling_of
from analytics_internal.event.spelling import composed, decoded
from analytics_internal.event.uuid7 import key_of, milliseconds_of, version_7
from analytics_internal.event.validation import MAX_CLOCK_ERROR, MAX_EVENT_BYTES, Acceptance, Receipt, validate
from analytics_internal.event.wire import Verdict, Verdicts, WireBatch, WireEvent
