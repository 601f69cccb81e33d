"""A question and its answer: parse, plan, run, page, CSV."""

from analytics_internal.query import language
from analytics_internal.query.csv_file import BYTE_ORDER_MARK
from analytics_internal.query.download import FORMATS, Format, file_of, pieces_of
from analytics_internal.query.journeys.wire import (
    FunnelAnswer,
    PathsAnswer,
    RetentionAnswer,
    WireFunnel,
    WirePaths,
    WireRetention,
)
from analytics_internal.query.kinds import WireQuestion, check_question, decode_question
from analytics_internal.query.language import CONNECTIVES, InvalidQuery, Segment
from analytics_internal.query.parse import parse_filter
from analytics_internal.query.period import next_bucket
from analytics_internal.query.run import first_event_at, prepare
from analytics_internal.query.segments import ids_of_segments, require_no_segment, resolved
from analytics_internal.query.spool import Spool, Spooled
from analytics_internal.query.wire import (
    FILTER_FIELDS,
    FILTER_LIST_FIELDS,
    OF_ATTRIBUTES,
    Answer,
    DayRange,
    LastDays,
    WireQuery,
)
