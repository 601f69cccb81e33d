"""Every setting: its type and default, where its value came from, how it is shown."""

from analytics_internal.settings.model import InvalidSettings, Settings
from analytics_internal.settings.printing import printable
from analytics_internal.settings.sources import load
from analytics_internal.settings.values import bytes_of

__all__ = ["InvalidSettings", "Settings", "bytes_of", "load", "printable"]
