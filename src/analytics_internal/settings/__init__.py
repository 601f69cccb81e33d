"""Settings: their types, defaults and sources, and how they are shown."""

from analytics_internal.settings.model import Settings
from analytics_internal.settings.printing import printable
from analytics_internal.settings.sources import load
from analytics_internal.settings.values import bytes_of
