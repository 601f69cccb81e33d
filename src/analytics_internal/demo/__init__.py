"""A realistic portal that never existed: its people, its catalog and a year of their events.

`events` is the stream; `portal` the people, teams, entities and docs it is about; `year` the
dates of what happened in it (launch, outage, change of frontend system). All three take the
same seed and end, and the same arguments give the same result on every machine.
"""

from analytics_internal.demo.calendar import Year, year
from analytics_internal.demo.portal import Doc, DocPage, Entity, Person, Portal, Team, portal
from analytics_internal.demo.stream import events

__all__ = [
    "Doc",
    "DocPage",
    "Entity",
    "Person",
    "Portal",
    "Team",
    "Year",
    "events",
    "portal",
    "year",
]
