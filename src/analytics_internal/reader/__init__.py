"""The columnar cursor on the log: a DuckDB file that follows it and answers questions."""

from analytics_internal.reader.catalog import ALWAYS
from analytics_internal.reader.day_tables import DAY_KEYS
from analytics_internal.reader.holes import Missing
from analytics_internal.reader.lanes import LIGHT_S, Busy, Lane, OutOfMemory, asked_by
from analytics_internal.reader.reader_file import Damaged
from analytics_internal.reader.replica import READER_FILE, Behind, Limits, Replica
from analytics_internal.reader.respelled import derived, one_for_all
from analytics_internal.reader.sorting import SORT_KEY
