"""Forwarding: each destination is one more cursor on the log, moved only after the receiver has confirmed."""

from analytics_internal.forward import child, state
from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.people import People
from analytics_internal.forward.showing import Described, described, shown
